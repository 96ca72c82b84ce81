package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Our own packaged server, and its command line. */
final class DroverServer implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;
  private final List<String> options;
  private RunningProcess process;
  private JsonNode described;
  private int commands;

  private DroverServer(
      Path directory, List<String> options, RunningProcess process, JsonNode described) {
    this.directory = directory;
    this.options = options;
    this.process = process;
    this.described = described;
  }

  static DroverServer start(Path directory, String... options)
      throws IOException, InterruptedException {
    Files.createDirectories(directory);
    var process = launch(directory, "127.0.0.1:0", List.of(options));
    return new DroverServer(directory, List.of(options), process, describe(process));
  }

  private static RunningProcess launch(Path directory, String address, List<String> options) {
    var command =
        new ArrayList<>(
            List.of(
                Programs.server(),
                "run",
                "--dir=" + directory.resolve("data"),
                "--listen=" + address,
                "--check-interval=1s",
                "--exit-with-stdin"));
    command.addAll(options);
    return RunningProcess.start("server", directory, Map.of(), command);
  }

  private static JsonNode describe(RunningProcess process)
      throws IOException, InterruptedException {
    return JSON.readTree(
        process.awaitLine("where it is", LIMIT, line -> line.contains("\"caChecksum\"")));
  }

  URI url() {
    return URI.create(described.path("url").asText());
  }

  /** What the manifest has as CATTLE_CA_CHECKSUM. */
  String caChecksum() {
    return described.path("caChecksum").asText();
  }

  /** Of user admin, as long as he has not changed it. */
  String firstPassword() throws IOException {
    return Files.readString(Path.of(described.path("firstPasswordFile").asText())).strip();
  }

  Path caFile() {
    return Path.of(described.path("caFile").asText());
  }

  /** {@code id}, {@code token} and {@code manifestUrl} of a new cluster. */
  JsonNode createCluster(String name, String... options) throws IOException, InterruptedException {
    var command = new ArrayList<>(List.of("cluster", "create", name));
    command.addAll(List.of(options));
    return JSON.readTree(command(command.toArray(new String[0])));
  }

  /** Waits until the server calls the cluster active. */
  void awaitActive(String id) throws InterruptedException {
    command("cluster", "wait", id, "--timeout=60s");
  }

  /** Removes a cluster by its name; returns what the command told on stderr. */
  String delete(String name, String... options) throws InterruptedException {
    var command = new ArrayList<>(List.of("cluster", "delete", name));
    command.addAll(List.of(options));
    return command(RunningProcess::errorLines, command);
  }

  /** One line for each cluster: id, state and name, with a blank between them. */
  String clusters() throws InterruptedException {
    return command("cluster", "list").replaceAll(" +", " ");
  }

  /** As the API shows it to the administrator. */
  JsonNode cluster(String id) throws IOException, InterruptedException {
    return get("/v3/clusters/" + id);
  }

  /** The changes of its conditions. */
  JsonNode timeLine(String id) throws IOException, InterruptedException {
    return get("/v3/clusters/" + id + "/timeline");
  }

  /** The newest report of a cluster, as the server has it. */
  JsonNode report(String id) throws IOException, InterruptedException {
    return get("/v3/clusters/" + id + "/report");
  }

  private JsonNode get(String path) throws IOException, InterruptedException {
    var token = Files.readString(directory.resolve("data").resolve("admin-token")).strip();
    try (var client = Https.trusting(caFile(), HttpClient.Version.HTTP_1_1)) {
      var request =
          HttpRequest.newBuilder(url().resolve(path))
              .header("Authorization", "Bearer " + token)
              .build();
      return JSON.readTree(client.send(request, BodyHandlers.ofByteArray()).body());
    }
  }

  Kubectl kubectl(String id) throws IOException, InterruptedException {
    var file = directory.resolve(id + ".kubeconfig");
    command("kubeconfig", id, "--out=" + file);
    return new Kubectl(file, Files.createDirectories(directory.resolve("kubectl")));
  }

  byte[] manifest(JsonNode cluster) throws IOException, InterruptedException {
    try (var client = Https.trusting(caFile(), HttpClient.Version.HTTP_1_1)) {
      var request =
          HttpRequest.newBuilder(URI.create(cluster.path("manifestUrl").asText())).build();
      return client.send(request, BodyHandlers.ofByteArray()).body();
    }
  }

  /** Runs {@code drover-server ...} to its end and returns what it printed. */
  private String command(String... arguments) throws InterruptedException {
    return command(RunningProcess::lines, List.of(arguments));
  }

  private String command(Function<RunningProcess, List<String>> output, List<String> arguments)
      throws InterruptedException {
    var all = new ArrayList<String>();
    all.add(Programs.server());
    all.addAll(arguments);
    all.add("--dir=" + directory.resolve("data"));
    try (var command = RunningProcess.start("command-" + ++commands, directory, Map.of(), all)) {
      if (command.awaitExit(LIMIT) != 0) {
        throw new AssertionError(String.join(" ", all) + "\n" + command.tail());
      }
      command.awaitEnd(LIMIT);
      return String.join("\n", output.apply(command));
    }
  }

  /** Kills it with SIGKILL. */
  void kill() {
    process.close();
  }

  /** Starts it again, at the same address. */
  void restart() throws IOException, InterruptedException {
    process = launch(directory, url().getAuthority(), options);
    described = describe(process);
  }

  @Override
  public void close() {
    process.close();
  }
}
