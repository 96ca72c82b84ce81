package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program as it is shipped: its launcher, its processes, its exit codes. */
@Timeout(120)
class LauncherIT {
  private static final Path LAUNCHER = Path.of("target", "drover-server", "bin", "drover-server");

  @TempDir private Path directory;
  private final List<Process> started = new ArrayList<>();

  @AfterEach
  void stop() {
    started.forEach(Process::destroyForcibly);
  }

  /** On a root file system that is read-only there is no other place to write to. */
  private static final String NO_TEMPORARY_DIRECTORY = "-Djava.io.tmpdir=/proc/drover-none";

  private Process start(String... arguments) throws IOException {
    var command = new ArrayList<>(List.of(LAUNCHER.toAbsolutePath().toString()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--dir", directory.toString()));
    var builder = new ProcessBuilder(command).redirectError(Redirect.DISCARD);
    builder.environment().put("DROVER_JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("DROVER_JAVA_OPTS", NO_TEMPORARY_DIRECTORY);
    var process = builder.start();
    started.add(process);
    return process;
  }

  private JsonNode run(String... arguments) throws Exception {
    var process = start(arguments);
    var output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).isZero();
    return TestServer.JSON.readTree(output);
  }

  private record Running(Process process, BufferedReader output, JsonNode described) {}

  private Running runServer(String... more) throws Exception {
    var arguments = new ArrayList<>(List.of("run", "--listen", "127.0.0.1:0"));
    arguments.addAll(List.of(more));
    var process = start(arguments.toArray(new String[0]));
    var output = process.inputReader();
    return new Running(process, output, TestServer.JSON.readTree(output.readLine()));
  }

  @Test
  void oneLineOfJsonThenSigtermIs0() throws Exception {
    var server = runServer();

    assertThat(server.described().path("url").asText()).startsWith("https://127.0.0.1:");
    assertThat(server.described().path("caChecksum").asText()).hasSize(64);
    assertThat(Path.of(server.described().path("caFile").asText())).exists();
    assertThat(Path.of(server.described().path("adminTokenFile").asText())).exists();
    server.process().toHandle().destroy(); // the process itself would close its streams
    assertThat(server.process().waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(server.process().exitValue()).isZero();
    assertThat(server.output().readLine()).isNull();
  }

  @Test
  void clustersSurviveKill9() throws Exception {
    var first = runServer();
    var created = run("cluster", "create", "prod");
    assertThat(created.path("token").asText()).hasSize(54);
    assertThat(created.path("command").asText()).startsWith("kubectl apply -f https://");
    first.process().destroyForcibly().waitFor();
    var library = directory.resolve("native");
    var left = names(library);

    var second = runServer();

    var list = run("cluster", "list", "-o", "json");
    assertThat(list.findValuesAsText("id")).containsExactly(created.path("id").asText());
    assertThat(list.findValuesAsText("name")).containsExactly("prod");
    assertThat(second.described().path("caChecksum"))
        .isEqualTo(first.described().path("caChecksum"));
    assertThat(names(library))
        .as("of SQLite's driver")
        .hasSize(2)
        .doesNotContainAnyElementsOf(left);
  }

  private static List<String> names(Path directory) throws IOException {
    try (var files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @Test
  void endOfStdinStopsTheServerIfAsked() throws Exception {
    var server = runServer("--exit-with-stdin");

    server.process().getOutputStream().close();

    assertThat(server.process().waitFor(20, TimeUnit.SECONDS)).isTrue();
    assertThat(server.process().exitValue()).isZero();
  }
}
