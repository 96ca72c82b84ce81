package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.server.store.Database;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Store;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The commands of {@code docs/server.md}, as they are written there, with the shipped program. */
class ServerPageIT {
  private static final Path BIN = Path.of("target", "drover-server", "bin").toAbsolutePath();
  private static final Pattern COMMANDS = Pattern.compile("(?ms)^```sh\\n(.*?)^```$");

  @TempDir private Path directory;

  @Test
  @Timeout(120)
  void commandsDoWhatThePageSays() throws Exception {
    var page = Files.readString(Path.of("..", "docs", "server.md"), UTF_8);
    var script = new StringBuilder("set -eux\ntrap 'kill $!' EXIT\n");
    COMMANDS
        .matcher(page)
        .results()
        // The page's port may be somebody else's here.
        .map(
            found ->
                found
                    .group(1)
                    .replace("drover-server run", "drover-server run --listen=127.0.0.1:0"))
        .forEach(script::append);
    var builder =
        new ProcessBuilder("sh", "-c", script.toString())
            .directory(directory.toFile())
            .redirectErrorStream(true);
    builder.environment().merge("PATH", BIN.toString(), (old, bin) -> bin + ":" + old);
    builder.environment().put("DROVER_JAVA_HOME", System.getProperty("java.home"));
    var process = builder.start();

    var output = new String(process.getInputStream().readAllBytes(), UTF_8);

    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output).containsPattern("\nc-[a-z0-9]{5}  pending  prod\n");
    assertThat(output).containsPattern("\ncrt-[a-z0-9]{5}  active  2");
    var line = TestServer.JSON.readTree(directory.resolve("cluster.json").toFile());
    assertThat(line.path("token").asText()).hasSize(54);
    try (var database = Database.open("jdbc:sqlite:" + directory.resolve("data/drover.db"))) {
      var clock = InstantSource.system();
      // The page ends with the removal of what it has made.
      assertThat(new Store(database, clock).clusters()).isEmpty();
      assertThat(new RegistrationTokens(database, clock).list()).isEmpty();
    }
  }
}
