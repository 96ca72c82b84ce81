package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.opentest4j.TestAbortedException;

/** A real PostgreSQL, of Debian's package {@code postgresql}, for one test class. */
final class PostgreSql implements AutoCloseable {
  private static final Duration START_LIMIT = Duration.ofSeconds(60);
  private static final String USER = "drover";

  private final Path data;
  private final RunningProcess process;
  private final int port;

  private PostgreSql(Path data, RunningProcess process, int port) {
    this.data = data;
    this.process = process;
    this.port = port;
  }

  /** Starts one; the test ends here where it is not installed. */
  static PostgreSql start(Path directory) throws IOException, InterruptedException {
    var programs = programs();
    var data = Files.createTempDirectory("drover-e2e-postgres"); // which its user may reach
    if (isRoot()) {
      var users = data.getFileSystem().getUserPrincipalLookupService();
      Files.setOwner(data, users.lookupPrincipalByName("postgres"));
    }
    var initdb = programs.resolve("initdb").toString();
    run(asPostgres(initdb, "-D", data.resolve("db").toString(), "-A", "trust", "-U", USER));
    int port;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    var command =
        asPostgres(
            "sh",
            "-c",
            "exec \"$0\" \"$@\" 2>&1",
            programs.resolve("postgres").toString(),
            "-D",
            data.resolve("db").toString(),
            "-h",
            "127.0.0.1",
            "-p",
            Integer.toString(port),
            "-k",
            data.toString());
    var process = RunningProcess.start("postgres", directory, Map.of(), command);
    process.awaitLine(
        "that it is ready", START_LIMIT, line -> line.contains("ready to accept connections"));
    return new PostgreSql(data, process, port);
  }

  private static Path programs() throws IOException {
    var root = Path.of("/usr/lib/postgresql");
    if (!Files.isDirectory(root)) {
      throw new TestAbortedException("no PostgreSQL here: apt-get install postgresql");
    }
    try (var versions = Files.list(root)) {
      return versions
          .map(version -> version.resolve("bin"))
          .filter(bin -> Files.isExecutable(bin.resolve("initdb")))
          .max(Comparator.naturalOrder())
          .orElseThrow(() -> new TestAbortedException("no initdb below " + root));
    }
  }

  /** It refuses to run as root. */
  private static List<String> asPostgres(String... command) {
    var all = new ArrayList<String>();
    if (isRoot()) {
      all.addAll(List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"));
    }
    all.addAll(List.of(command));
    return all;
  }

  private static boolean isRoot() {
    return "root".equals(System.getProperty("user.name"));
  }

  private static void run(List<String> command) throws IOException, InterruptedException {
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    var output = new String(process.getInputStream().readAllBytes(), UTF_8);
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + ": " + output);
    }
  }

  /** Of the database that is there from the beginning. */
  String url() {
    return "jdbc:postgresql://127.0.0.1:" + port + "/postgres?user=" + USER;
  }

  @Override
  public void close() throws IOException {
    process.close();
    try (var files = Files.walk(data)) {
      for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    }
  }
}
