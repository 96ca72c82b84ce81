package io.drover.server.store;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;

/** A real PostgreSQL, of Debian's package {@code postgresql}; one for all tests of a JVM. */
final class Postgres {
  private static final String SCRIPT = "../interop/postgres";

  /** {@link #SCRIPT}: it is not installed. */
  private static final int NOT_INSTALLED = 3;

  private static final AtomicInteger databases = new AtomicInteger();

  /** It ends with this JVM, since its stdin does. */
  private record Running(Process process, String url) {
    static final Optional<Running> SHARED = start();
  }

  private Postgres() {}

  /** The URL of a new database; the test ends here where there is no PostgreSQL. */
  static String newDatabase() throws SQLException {
    var shared = Running.SHARED.orElse(null);
    if (shared == null) {
      return Assumptions.abort("no PostgreSQL here: apt-get install postgresql");
    }
    var name = "test" + databases.incrementAndGet();
    try (var connection = DriverManager.getConnection(shared.url());
        var statement = connection.createStatement()) {
      statement.execute("CREATE DATABASE " + name);
    }
    return shared.url().replace("/postgres?", "/" + name + "?");
  }

  private static Optional<Running> start() {
    try {
      var log = Path.of("target", "postgres.log").toFile();
      var process =
          new ProcessBuilder(SCRIPT).redirectError(ProcessBuilder.Redirect.to(log)).start();
      var url = process.inputReader().readLine();
      if (url != null) {
        return Optional.of(new Running(process, url));
      } else if (process.waitFor() == NOT_INSTALLED) {
        return Optional.empty();
      }
      throw new IOException("PostgreSQL does not start: see " + log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
