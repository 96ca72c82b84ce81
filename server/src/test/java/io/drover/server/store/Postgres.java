package io.drover.server.store;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assumptions;

/** A real PostgreSQL, of Debian's package {@code postgresql}; one for all tests of a JVM. */
final class Postgres {
  private static final String USER = "drover";
  private static final AtomicInteger databases = new AtomicInteger();

  private static final class Shared {
    static final Optional<Postgres> INSTANCE = startIfThere();
  }

  private final Path programs;
  private final int port;

  private Postgres(Path programs, int port) {
    this.programs = programs;
    this.port = port;
  }

  /** The URL of a new database; the test ends here where there is no PostgreSQL. */
  static String newDatabase() throws IOException, InterruptedException {
    var shared = Shared.INSTANCE.orElse(null);
    if (shared == null) {
      return Assumptions.abort("no PostgreSQL here: apt-get install postgresql");
    }
    var name = "test" + databases.incrementAndGet();
    run(
        List.of(
            shared.programs.resolve("createdb").toString(),
            "--host=127.0.0.1",
            "--port=" + shared.port,
            "--username=" + USER,
            name));
    return "jdbc:postgresql://127.0.0.1:" + shared.port + "/" + name + "?user=" + USER;
  }

  private static Optional<Postgres> startIfThere() {
    try {
      var found = programs();
      return found.isEmpty() ? Optional.empty() : Optional.of(start(found.get()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Optional<Path> programs() throws IOException {
    var root = Path.of("/usr/lib/postgresql");
    if (!Files.isDirectory(root)) {
      return Optional.empty();
    }
    try (var versions = Files.list(root)) {
      return versions
          .map(version -> version.resolve("bin"))
          .filter(bin -> Files.isExecutable(bin.resolve("initdb")))
          .max(Comparator.naturalOrder());
    }
  }

  private static Postgres start(Path programs) throws IOException, InterruptedException {
    var directory = Files.createTempDirectory("drover-postgres");
    if (isRoot()) {
      Files.setOwner(
          directory,
          directory
              .getFileSystem()
              .getUserPrincipalLookupService()
              .lookupPrincipalByName("postgres"));
    }
    var data = directory.resolve("data").toString();
    run(asPostgres(programs.resolve("initdb").toString(), "-D", data, "-A", "trust", "-U", USER));
    int port;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    var process =
        new ProcessBuilder(
                asPostgres(
                    programs.resolve("postgres").toString(),
                    "-D",
                    data,
                    "-h",
                    "127.0.0.1",
                    "-p",
                    Integer.toString(port),
                    "-k",
                    directory.toString()))
            .redirectErrorStream(true)
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(process, directory)));
    var output = process.inputReader();
    for (var line = output.readLine(); ; line = output.readLine()) {
      if (line == null) {
        throw new IOException("PostgreSQL does not start");
      } else if (line.contains("ready to accept connections")) {
        break;
      }
    }
    Thread.ofPlatform()
        .daemon()
        .name("postgres-output")
        .start(
            () -> {
              try {
                while (output.readLine() != null) {
                  // Else it would stop when the pipe is full.
                }
              } catch (IOException e) {
                // Its end.
              }
            });
    return new Postgres(programs, port);
  }

  private static void stop(Process process, Path directory) {
    process.destroy();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly().waitFor();
      }
      try (var files = Files.walk(directory)) {
        for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException | InterruptedException e) {
      System.err.println("not removed: " + directory + ": " + e);
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
}
