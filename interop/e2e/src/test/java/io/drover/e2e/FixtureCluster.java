package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * A cluster of a certain kind, as its API shows it: a real API server without controllers, filled
 * with the objects of {@code clusters/NAME/cluster.yaml} and their status, which then stay as they
 * are. The top of that file says what is true of the cluster.
 *
 * <p>Beside it, {@code cluster.json} says how to start the API server, and {@code usage.json}, if
 * there is one, what metrics.k8s.io answers.
 */
final class FixtureCluster implements AutoCloseable {
  private static final Duration START_LIMIT = Duration.ofSeconds(90);

  /** For discovery to know new kinds, admission a new policy, and the aggregator a service. */
  private static final Duration SETTLE_LIMIT = Duration.ofSeconds(20);

  private static final String CLUSTERS = "/clusters";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

  private final RunningProcess process;
  private final JsonNode described;
  private final Kubectl admin;
  private final Path directory;
  private final List<JsonNode> objects;

  private FixtureCluster(
      RunningProcess process, JsonNode described, Path directory, List<JsonNode> objects)
      throws IOException {
    this.process = process;
    this.described = described;
    this.directory = directory;
    this.objects = objects;
    this.admin =
        new Kubectl(
            Path.of(described.path("kubeconfig").asText()),
            Files.createDirectories(directory.resolve("kubectl")));
  }

  /** The names of all there are, in alphabetical order. */
  static List<String> names() throws IOException {
    try (var all = Files.list(resources())) {
      return all.map(one -> one.getFileName().toString()).sorted().toList();
    }
  }

  /** Starts a cluster and returns when all of its objects are there, with their status. */
  static FixtureCluster start(String name) throws IOException, InterruptedException {
    var fixture = resources().resolve(name);
    var objects = read(fixture.resolve("cluster.yaml"));
    var how = JSON.readTree(fixture.resolve("cluster.json").toFile());
    var directory = Programs.directory("cluster-" + name);
    var process =
        RunningProcess.start(
            "drover-cluster", directory, Map.of(), command(fixture, how, directory));
    boolean filled = false;
    try {
      var described =
          JSON.readTree(
              process.awaitLine("where it is", START_LIMIT, line -> line.startsWith("{")));
      var cluster = new FixtureCluster(process, described, directory, objects);
      cluster.fill();
      if (how.path("refusesTaints").asBoolean()) {
        cluster.awaitRefusalOfTaints();
      }
      filled = true;
      return cluster;
    } finally {
      if (!filled) {
        process.close();
      }
    }
  }

  private static List<String> command(Path fixture, JsonNode how, Path directory) {
    var command = new ArrayList<String>();
    command.add(Programs.cluster());
    command.add("--bare");
    command.add("--dir=" + directory.resolve("state"));
    command.add("--exit-with-stdin");
    command.add("--kubernetes-version=" + how.path("kubernetesVersion").asText());
    command.add("--service-node-port-range=" + how.path("serviceNodePortRange").asText());
    how.path("apiServerFlags").forEach(flag -> command.add("--api-server-flag=" + flag.asText()));
    var usage = fixture.resolve("usage.json");
    if (Files.exists(usage)) {
      command.add("--metrics=" + usage);
    }
    return command;
  }

  private static Path resources() {
    try {
      return Path.of(
          Objects.requireNonNull(FixtureCluster.class.getResource(CLUSTERS), CLUSTERS).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static List<JsonNode> read(Path file) throws IOException {
    try (var parser = YAML.createParser(file.toFile());
        var documents = YAML.readerFor(JsonNode.class).<JsonNode>readValues(parser)) {
      return List.copyOf(documents.readAll());
    }
  }

  /** Kinds first, then what is of them, then what only an update of the status may write. */
  private void fill() throws IOException, InterruptedException {
    Predicate<JsonNode> kind = ofKind("CustomResourceDefinition");
    var kinds = objects.stream().filter(kind).toList();
    if (!kinds.isEmpty()) {
      var file = write("kinds", kinds);
      admin.run("apply", "--server-side", "-f", file);
      admin.run("wait", "--for=condition=Established", "--timeout=30s", "-f", file);
    }
    // kubectl keeps the order: namespaces come before what is in them.
    var namespace = ofKind("Namespace");
    var others =
        Stream.concat(
                objects.stream().filter(namespace),
                objects.stream().filter(kind.or(namespace).negate()))
            .toList();
    var file = write("others", others);
    Await.that("all kinds are known", SETTLE_LIMIT, () -> applied(file));
    var service = ofKind("APIService");
    var states =
        objects.stream().filter(service.negate().and(object -> object.has("status"))).toList();
    admin.run(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--subresource=status",
        "-f",
        write("states", states));
    for (var one : objects.stream().filter(service).toList()) {
      awaitAvailability(one);
    }
  }

  /** The aggregator alone says whether a service is available; nobody else's word would stay. */
  private void awaitAvailability(JsonNode service) throws IOException, InterruptedException {
    var condition = service.path("status").path("conditions").path(0);
    admin.run(
        "wait",
        "--for=condition=%s=%s"
            .formatted(condition.path("type").asText(), condition.path("status").asText()),
        "--timeout=" + SETTLE_LIMIT.toSeconds() + "s",
        "apiservice/" + service.path("metadata").path("name").asText());
  }

  /** Admission looks for new policies once a second only. */
  private void awaitRefusalOfTaints() throws InterruptedException {
    Await.that("taints are refused", SETTLE_LIMIT, () -> !taintable());
  }

  /** Whether a node would take a taint. */
  boolean taintable() throws IOException, InterruptedException {
    var node = objects.stream().filter(ofKind("Node")).findFirst().orElseThrow().path("metadata");
    return admin
            .outcome(
                new byte[0],
                "taint",
                "--dry-run=server",
                "node",
                node.path("name").asText(),
                "drover.example/probe=:NoSchedule")
            .exitCode()
        == 0;
  }

  /** False if discovery does not yet know one of the new kinds. */
  private boolean applied(String file) throws IOException, InterruptedException {
    var outcome = admin.outcome(new byte[0], "apply", "--server-side", "-f", file);
    if (outcome.stderr().contains("no matches for kind")) {
      return false;
    }
    outcome.expect(0);
    return true;
  }

  private String write(String name, List<JsonNode> items) throws IOException {
    var list = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
    list.putArray("items").addAll(items);
    return Files.writeString(directory.resolve(name + ".json"), list.toString()).toString();
  }

  private static Predicate<JsonNode> ofKind(String kind) {
    return object -> object.path("kind").asText().equals(kind);
  }

  /** What the file says, in its order. */
  List<JsonNode> expected() {
    return objects;
  }

  /** What the API server says of the same objects, in the same order. */
  List<JsonNode> actual() throws IOException, InterruptedException {
    var found = admin.json("get", "-o", "json", "-f", write("all", objects)).path("items");
    return Stream.iterate(0, index -> index + 1).limit(found.size()).map(found::path).toList();
  }

  /** With all rights. */
  Path kubeconfig() {
    return admin.kubeconfig();
  }

  /** {@code host:port} of the API server. */
  String address() {
    return described.path("apiServer").asText();
  }

  Path caFile() {
    return Path.of(described.path("ca").asText());
  }

  /** A kubectl with all rights. */
  Kubectl admin() {
    return admin;
  }

  /** A configuration with the rights of a ServiceAccount of the fixture. */
  Path kubeconfigOf(String namespace, String account) throws IOException, InterruptedException {
    var token =
        admin.run("create", "token", account, "--namespace=" + namespace, "--duration=24h").strip();
    var own = directory.resolve("as-%s-%s".formatted(namespace, account));
    return Kubectl.through("https://" + address(), caFile(), token, own).kubeconfig();
  }

  @Override
  public void close() {
    process.close();
  }
}
