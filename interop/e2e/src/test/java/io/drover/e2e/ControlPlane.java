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
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** A real Kubernetes control plane with simulated nodes and pods, started once for all tests. */
final class ControlPlane implements AutoCloseable {
  /** Holds {@link #BIG_COUNT} ConfigMaps, made when a test asks for them. */
  static final String BIG_NAMESPACE = "big";

  static final int BIG_COUNT = 2_000;

  /** Of Base64 in each of them: 8 KiB. */
  private static final int BIG_RANDOM_BYTES = 6 * 1024;

  /** The API server's own audit log has what is asked of this namespace, and nothing else. */
  static final String AUDITED = "audited";

  private static final String AUDIT_POLICY =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      omitStages: [RequestReceived]
      rules:
      - {level: Metadata, namespaces: [%s]}
      - {level: None}
      """
          .formatted(AUDITED);

  private static final Duration START_LIMIT = Duration.ofSeconds(90);
  private static final int PARALLEL_REQUESTS = 16;
  private static final String ADMIN = "e2e-admin";
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunningProcess process;
  private final JsonNode described;
  private final Kubectl admin;
  private final Path auditLog;
  private final String token;
  private final ReentrantLock importing = new ReentrantLock();
  private final ReentrantLock filling = new ReentrantLock();

  // Guarded by filling.
  private boolean filled;

  private ControlPlane(
      RunningProcess process, JsonNode described, Kubectl admin, Path auditLog, String token) {
    this.process = process;
    this.auditLog = auditLog;
    this.described = described;
    this.admin = admin;
    this.token = token;
  }

  static ControlPlane start() throws IOException, InterruptedException {
    return start("control-plane", "--nodes=1", "--pods=2");
  }

  /** One without controllers, where what a test writes stays as it is. Not for all tests. */
  static ControlPlane startBare(String name) throws IOException, InterruptedException {
    return start(name, "--bare");
  }

  /** One like that of which the Explorer's answers were recorded. Not for all tests. */
  static ControlPlane startForExplorer(String name) throws IOException, InterruptedException {
    return start(
        name, "--nodes=3", "--pods=0", "--api-server-flag=--service-cluster-ip-range=10.43.0.0/16");
  }

  /**
   * One with a real node, whose pods are containers. Not for all tests.
   *
   * @param images archives by the names that pods ask for
   */
  static ControlPlane startReal(String name, Map<String, Path> images)
      throws IOException, InterruptedException {
    var flags = new ArrayList<String>();
    flags.add("--real-node");
    images.forEach((image, archive) -> flags.add("--image=" + image + "=" + archive));
    return start(name, flags.toArray(String[]::new));
  }

  private static ControlPlane start(String name, String... flags)
      throws IOException, InterruptedException {
    var directory = Programs.directory(name);
    var command = new ArrayList<String>();
    command.add(Programs.cluster());
    command.add("--dir=" + directory.resolve("state"));
    command.add("--exit-with-stdin");
    Files.createDirectories(directory);
    var auditLog = directory.resolve("audit.log");
    var auditPolicy = Files.writeString(directory.resolve("audit-policy.yaml"), AUDIT_POLICY);
    command.add("--api-server-flag=--audit-policy-file=" + auditPolicy);
    command.add("--api-server-flag=--audit-log-path=" + auditLog);
    command.addAll(List.of(flags));
    var process = RunningProcess.start("drover-cluster", directory, Map.of(), command);
    var described =
        JSON.readTree(process.awaitLine("where it is", START_LIMIT, line -> line.startsWith("{")));
    var admin =
        new Kubectl(
            Path.of(described.path("kubeconfig").asText()),
            Files.createDirectories(directory.resolve("kubectl")));
    admin.run("create", "serviceaccount", ADMIN);
    admin.run(
        "create",
        "clusterrolebinding",
        ADMIN,
        "--clusterrole=cluster-admin",
        "--serviceaccount=default:" + ADMIN);
    var token = admin.run("create", "token", ADMIN, "--duration=24h").strip();
    return new ControlPlane(process, described, admin, auditLog, token);
  }

  /** Reaches the API server directly. */
  Kubectl admin() {
    return admin;
  }

  /** Kills the API server, and waits for the new one. */
  void restartApiServer() throws IOException, InterruptedException {
    var before = apiServerStart();
    process.signal("USR1");
    Await.that(
        "a new API server answers",
        START_LIMIT,
        () -> apiServerStart().filter(start -> !start.equals(before.orElseThrow())).isPresent());
  }

  /** Empty if it does not answer. */
  private Optional<String> apiServerStart() throws IOException, InterruptedException {
    return admin
        .outcome(new byte[0], "get", "--raw=/metrics")
        .stdout()
        .lines()
        .filter(line -> line.startsWith("process_start_time_seconds "))
        .findFirst();
  }

  /** {@code host:port} of the API server. */
  String address() {
    return described.path("apiServer").asText();
  }

  /** What the API server records of {@link #AUDITED}, an event a line. */
  List<JsonNode> audited() throws IOException {
    var events = new ArrayList<JsonNode>();
    for (String line : Files.readAllLines(auditLog)) {
      events.add(JSON.readTree(line));
    }
    return events;
  }

  Path caFile() {
    return Path.of(described.path("ca").asText());
  }

  /** A token with all rights, for direct requests. */
  String token() {
    return token;
  }

  /** Name of a running pod in namespace {@code default}. */
  String pod() throws IOException, InterruptedException {
    return admin
        .run("get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}")
        .strip();
  }

  /** Where the files of a pod in namespace {@code default} are. */
  Path podDirectory(String pod) throws IOException {
    return Files.createDirectories(
        Path.of(described.path("pods").asText(), described.path("namespace").asText(), pod));
  }

  /** One import at a time: they have names of objects in common. */
  Import apply(byte[] manifest, Path directory) throws IOException, InterruptedException {
    importing.lock();
    try {
      return Import.apply(admin, manifest, caFile(), directory);
    } finally {
      importing.unlock();
    }
  }

  /** Name and content of a big ConfigMap. */
  static String bigContent(int index) {
    return Base64.getEncoder().encodeToString(Payload.random(index, BIG_RANDOM_BYTES));
  }

  /** Makes the big ConfigMaps, unless they are there. */
  void fill() throws IOException, InterruptedException, ExecutionException {
    filling.lock();
    try {
      if (filled) {
        return;
      }
      admin.run("create", "namespace", BIG_NAMESPACE);
      createAll(
          "/api/v1/namespaces/%s/configmaps".formatted(BIG_NAMESPACE),
          BIG_COUNT,
          ControlPlane::bigConfigMap);
      filled = true;
    } finally {
      filling.unlock();
    }
  }

  private static JsonNode bigConfigMap(int index) {
    var object = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "ConfigMap");
    object.putObject("metadata").put("name", "big-" + index);
    object.putObject("data").put("content", bigContent(index));
    return object;
  }

  /** Makes many objects, some at a time. */
  void createAll(String path, int count, IntFunction<JsonNode> object)
      throws IOException, InterruptedException, ExecutionException {
    try (var client = Https.trusting(caFile(), HttpClient.Version.HTTP_1_1);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var room = new Semaphore(PARALLEL_REQUESTS);
      var created =
          threads.invokeAll(
              IntStream.range(0, count)
                  .mapToObj(
                      index ->
                          (Callable<Integer>) () -> create(client, room, path, object.apply(index)))
                  .toList());
      for (var one : created) {
        if (one.get() != 201) {
          throw new AssertionError("not created at " + path + ": status " + one.get());
        }
      }
    }
  }

  private int create(HttpClient client, Semaphore room, String path, JsonNode object)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(URI.create("https://" + address() + path))
            .header("Authorization", "Bearer " + token)
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(object.toString()))
            .build();
    room.acquire();
    try {
      return client.send(request, BodyHandlers.discarding()).statusCode();
    } finally {
      room.release();
    }
  }

  @Override
  public void close() {
    process.close();
  }
}
