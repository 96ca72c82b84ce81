package io.drover.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.opentest4j.TestAbortedException;

/** A real PostgreSQL, of Debian's package {@code postgresql}, for one test class. */
final class PostgreSql implements AutoCloseable {
  private static final Duration STOP_LIMIT = Duration.ofSeconds(20);

  private final Process process;
  private final String url;

  private PostgreSql(Process process, String url) {
    this.process = process;
    this.url = url;
  }

  /**
   * Starts one, with its log in {@code directory}; the test ends here where it is not installed.
   */
  static PostgreSql start(Path directory) throws IOException, InterruptedException {
    var log = Files.createDirectories(directory).resolve("postgres.err");
    var script = Programs.tree("interop/postgres").toString();
    var process =
        RunningProcess.prepare(directory, Map.of(), List.of(script))
            .redirectError(log.toFile())
            .start();
    var url = process.inputReader().readLine();
    if (url == null) {
      if (process.waitFor() == Programs.NO_TOOLS) {
        throw new TestAbortedException("no PostgreSQL here: apt-get install postgresql");
      }
      throw new AssertionError("PostgreSQL does not start: see " + log);
    }
    return new PostgreSql(process, url);
  }

  /** Of the database that is there from the beginning. */
  String url() {
    return url;
  }

  @Override
  public void close() throws IOException {
    process.outputWriter().close();
    var _ = process.onExit().orTimeout(STOP_LIMIT.toSeconds(), TimeUnit.SECONDS).join();
  }
}
