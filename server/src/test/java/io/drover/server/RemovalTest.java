package io.drover.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A cluster's removal, as its API server and the server's API tell it. */
@Timeout(120)
@SuppressWarnings("NullAway.Init") // start() sets everything
class RemovalTest {
  private static final String JOBS = "/apis/batch/v1/namespaces/default/jobs";
  private static final String ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  private static final String BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  private static final String ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";

  @TempDir private Path directory;
  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-01-01T00:00:00Z"));

  /** What is in the cluster, by path. */
  private final Map<String, ObjectNode> objects = new ConcurrentHashMap<>();

  private final Queue<String> writes = new ConcurrentLinkedQueue<>();
  private volatile int status = 200;
  private volatile String pods = "{\"items\": []}";
  private TestServer server;
  private FakeApiServer api;
  private TestServer.NewCluster cluster;

  @BeforeEach
  void start() throws Exception {
    server = TestServer.start(directory.resolve("server"), now::get);
    var keys = Files.createDirectory(directory.resolve("api"));
    api = FakeApiServer.start(keys, request -> request.answer(200, "ok"));
    api.ofTheServer = this::answer;
    cluster = server.create("one");
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
    api.close();
  }

  /** As Kubernetes does, as far as the server asks. */
  private void answer(FakeApiServer.Request request) throws IOException {
    var length = request.field("content-length");
    var body = request.body().readNBytes(length.isEmpty() ? 0 : Integer.parseInt(length));
    var path = request.target();
    if (status != 200) {
      request.answer(status, "{\"message\": \"no such right\"}");
      return;
    }
    switch (request.method()) {
      case "POST" -> {
        var object = (ObjectNode) TestServer.JSON.readTree(body);
        var name = object.at("/metadata/name").asText();
        object.withObject("/metadata").put("uid", "uid-of-" + name);
        boolean isNew = objects.putIfAbsent(path + "/" + name, object) == null;
        writes.add("POST " + path + (isNew ? "" : " again"));
        request.answer(isNew ? 201 : 409, isNew ? object.toString() : "{}");
      }
      case "PATCH" -> {
        writes.add("PATCH " + path.substring(0, path.lastIndexOf('/')));
        object(path)
            .withObject("/metadata")
            .set("ownerReferences", TestServer.JSON.readTree(body).at("/metadata/ownerReferences"));
        request.answer(200, "{}");
      }
      default -> {
        var object = objects.get(path);
        if (path.startsWith("/api/v1/namespaces/default/pods?labelSelector=job-name%3D")) {
          request.answer(200, pods);
        } else {
          request.answer(object == null ? 404 : 200, object == null ? "{}" : object.toString());
        }
      }
    }
  }

  private ObjectNode object(String path) {
    return Objects.requireNonNull(objects.get(path));
  }

  private DiallingAgent connect() throws IOException, InterruptedException {
    var agent =
        DiallingAgent.start(
            server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem));
    TestServer.eventually("active", () -> state().equals("active"));
    return agent;
  }

  private String path() {
    return "/v3/clusters/" + cluster.id();
  }

  private JsonNode json() {
    try (var running = RunningServer.of(server.directory)) {
      return running.find(path()).orElse(TestServer.JSON.createObjectNode().put("state", "gone"));
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private String state() {
    return json().path("state").asText();
  }

  private JsonNode delete(String query) throws IOException, InterruptedException {
    try (var running = RunningServer.of(server.directory)) {
      return running.delete(path() + query);
    }
  }

  private String removed() {
    return json()
        .path("conditions")
        .valueStream()
        .filter(condition -> condition.path("type").asText().equals("Removed"))
        .map(
            condition ->
                "%s %s %s"
                    .formatted(
                        condition.path("status").asText(),
                        condition.path("reason").asText(),
                        condition.path("message").asText()))
        .findFirst()
        .orElse("");
  }

  private void awaitRemoved(String start) throws InterruptedException {
    TestServer.eventually(start, () -> removed().startsWith(start));
  }

  private void awaitGone() throws InterruptedException {
    TestServer.eventually("gone", () -> state().equals("gone"));
  }

  private String jobPath() {
    return objects.keySet().stream()
        .filter(path -> path.startsWith(JOBS))
        .findFirst()
        .orElseThrow();
  }

  private void jobSays(String condition, String message) {
    objects.computeIfPresent(
        jobPath(),
        (_, job) -> {
          var changed = job.deepCopy();
          changed
              .putObject("status")
              .putArray("conditions")
              .addObject()
              .put("type", condition)
              .put("status", "True")
              .put("message", message);
          return changed;
        });
  }

  @Test
  void connectedClusterGetsRanchersJobAndGoesWithItsAgent() throws Exception {
    try (var _ = connect()) {
      assertThat(delete("").path("state").asText()).isEqualTo("removing");
      awaitRemoved("Unknown JobRuns");

      assertThat(state()).isEqualTo("removing");
      assertThat(server.get("/v3/clusters").at("/data/0/state").asText()).isEqualTo("removing");
      assertThat(writes)
          .containsExactly(
              "POST " + ROLES,
              "POST " + ACCOUNTS,
              "POST " + BINDINGS,
              "POST " + JOBS,
              "PATCH " + ROLES,
              "PATCH " + ACCOUNTS,
              "PATCH " + BINDINGS);
      var job = object(jobPath());
      var name = job.at("/metadata/name").asText();
      assertThat(name).matches("cattle-cleanup-[a-z0-9]{5}");
      assertThat(job.at("/metadata/labels/cattle.io~1creator").asText()).isEqualTo("norman");
      assertThat(job.at("/spec/backoffLimit").asInt()).isEqualTo(6);
      var pod = job.at("/spec/template/spec");
      assertThat(pod.path("serviceAccountName").asText()).isEqualTo(name);
      assertThat(pod.at("/securityContext/runAsUser").asInt()).isEqualTo(1000);
      assertThat(pod.at("/containers/0/image").asText()).isEqualTo("registry.test/agent:1");
      assertThat(pod.at("/containers/0/env").findValuesAsText("name"))
          .containsExactly("CLUSTER_CLEANUP", "SLEEP_FIRST");
      assertThat(object(ACCOUNTS + "/" + name).at("/metadata/ownerReferences/0/uid").asText())
          .isEqualTo("uid-of-" + name);

      objects.clear(); // as the Job does at last, its own Job included
      awaitRemoved("Unknown AgentStops");
    }
    awaitGone();
    assertThat(server.get("/v3/clusterregistrationtokens").path("data")).isEmpty();
  }

  @Test
  void askingTwiceMakesNoSecondJob() throws Exception {
    try (var _ = connect()) {
      var _ = delete("");
      awaitRemoved("Unknown JobRuns");

      assertThat(delete("").path("state").asText()).isEqualTo("removing");
      pods =
          """
          {"items": [{"status": {"containerStatuses": [{"state": {"waiting":
           {"reason": "ImagePullBackOff", "message": "no such image"}}}]}}]}
          """;
      TestServer.eventually(
          "what it waits for",
          () -> removed().contains("its pod waits: ImagePullBackOff: no such image"));

      assertThat(writes).filteredOn(write -> write.contains(JOBS)).hasSize(1);
    }
  }

  @Test
  void registryAndImageOfTheClusterAreTheJobs() throws Exception {
    var wanted = TestServer.JSON.createObjectNode().put("name", "two");
    wanted.putObject("importedConfig").put("privateRegistryURL", "mirror.test/x");
    wanted.put("agentImageOverride", "own/agent:2");
    var id = server.post("/v3/clusters", wanted).path("id").asText();
    var token =
        server.post(
            "/v3/clusterregistrationtokens",
            TestServer.JSON.createObjectNode().put("clusterId", id));
    cluster = new TestServer.NewCluster(id, token.path("token").asText());
    try (var _ = connect()) {
      var _ = delete("");
      awaitRemoved("Unknown JobRuns");

      assertThat(object(jobPath()).at("/spec/template/spec/containers/0/image").asText())
          .isEqualTo("mirror.test/x/own/agent:2");
    }
  }

  @Test
  void failedJobIsToldAndTheRecordMayBeForced() throws Exception {
    try (var _ = connect()) {
      var _ = delete("");
      awaitRemoved("Unknown JobRuns");

      jobSays("Failed", "Job has reached the specified backoff limit");
      awaitRemoved("False JobFailed Job default/cattle-cleanup-");
      assertThat(removed()).contains("Job has reached the specified backoff limit");
      assertThat(Main.execute("cluster", "delete", "one", "--dir", server.directory.toString()))
          .isEqualTo(1);

      var answer = delete("?force=true");
      assertThat(answer.path("state").asText()).isEqualTo("removed");
      assertThat(answer.path("message").asText()).contains("cattle-system", "Job default/");
      assertThat(state()).isEqualTo("gone");
    }
  }

  @Test
  void jobThatCannotBeMadeIsToldAndTriedAgainUntilTheLimit() throws Exception {
    try (var _ = connect()) {
      status = 403;
      var _ = delete("");
      awaitRemoved("Unknown JobNotMade");
      assertThat(removed())
          .contains("does not let the agent create clusterroles: status 403: no such right");

      now.updateAndGet(instant -> instant.plus(Duration.ofMinutes(30)));
      awaitRemoved("False TimedOut not done in 30 min: the clean-up Job is not made yet");

      status = 200;
      TestServer.eventually(
          "made", () -> objects.keySet().stream().anyMatch(p -> p.startsWith(JOBS)));
    }
  }

  @Test
  void restartedServerGoesOnAndFindsItsOwnJob() throws Exception {
    try (var _ = connect()) {
      var _ = delete("");
      awaitRemoved("Unknown JobRuns");
    }
    awaitRemoved("Unknown AgentAway");
    server.close();
    now.updateAndGet(instant -> instant.plus(Duration.ofHours(1)));
    server = TestServer.start(directory.resolve("server"), now::get);
    assertThat(state()).isEqualTo("removing"); // its agent may still be on its way back

    try (var _ =
        DiallingAgent.start(
            server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem))) {
      awaitRemoved("False TimedOut not done in 30 min: waiting for Job default/");
      assertThat(writes).filteredOn(write -> write.contains(JOBS)).hasSize(1);
    }
    awaitRemoved("False TimedOut not done in 30 min: the agent is not connected any more");
    now.updateAndGet(instant -> instant.plus(Duration.ofMinutes(2)));
    awaitGone();
  }

  @Test
  void agentThatLeftBeforeItsJobIsWaitedFor() throws Exception {
    try (var _ = connect()) {
      status = 500;
      var _ = delete("");
      awaitRemoved("Unknown JobNotMade");
    }
    awaitRemoved("Unknown AgentAway the agent left before");
    now.updateAndGet(instant -> instant.plus(Duration.ofMinutes(3)));
    status = 200;
    try (var _ =
        DiallingAgent.start(
            server, cluster, new ConnectParams(api.address(), "sa-token", api.caPem))) {
      awaitRemoved("Unknown JobRuns");
    }
  }

  @Test
  void clusterWithoutAgentGoesAtOnceAndWhatStaysIsTold() throws Exception {
    var answer = delete("");

    assertThat(answer.path("state").asText()).isEqualTo("removed");
    assertThat(answer.path("message").asText()).startsWith("no agent ever connected");
    assertThat(answer.path("cleanupCommand").asText()).startsWith("CLUSTER_CLEANUP=true ");
    assertThat(state()).isEqualTo("gone");
    assertThatThrownBy(() -> delete("")).hasMessage("cluster not found");

    cluster = server.create("one");
    try (var _ = connect()) {
      // It was here once.
    }
    TestServer.eventually("disconnected", () -> state().equals("unavailable"));
    assertThat(delete("").path("message").asText()).startsWith("these stay in the cluster");
    assertThat(state()).isEqualTo("gone");
    assertThat(writes).isEmpty();
  }

  @Test
  void commandWaitsUntilTheClusterIsGone() throws Exception {
    var directoryOption = "--dir=" + server.directory;
    var waiting =
        new FutureTask<>(() -> Main.execute("cluster", "delete", cluster.id(), directoryOption));
    try (var _ = connect()) {
      assertThat(Main.execute("cluster", "delete", "one", "--no-wait", directoryOption)).isZero();
      awaitRemoved("Unknown JobRuns");
      Thread.ofVirtual().start(waiting);
      objects.clear();
      awaitRemoved("Unknown AgentStops");
    }
    assertThat(waiting.get()).isZero();
    assertThat(state()).isEqualTo("gone");
    assertThat(Main.execute("cluster", "delete", "one", directoryOption)).isEqualTo(1);
    var _ = server.create("two");
    assertThat(Main.execute("cluster", "delete", "two", "--force", directoryOption)).isZero();
  }

  @Test
  void nothingElseIsTaken() throws Exception {
    for (var query : List.of("?force=yes", "?now=true", "?force=true&x=y")) {
      assertThatThrownBy(() -> delete(query)).hasMessageContaining("force=true or force=false");
    }
    assertThat(state()).isEqualTo("pending");
  }

  /** Rancher has these for clusters that it made itself. */
  @Test
  void whatAnImportedClusterCannotDoIsNotOffered() throws Exception {
    assertThat(json().path("actions").properties())
        .extracting(Map.Entry::getKey)
        .containsExactly("generateKubeconfig");
    for (var action : List.of("rotateCertificates", "backupEtcd", "restoreFromEtcdBackup")) {
      assertThatThrownBy(
              () -> server.post(path() + "?action=" + action, TestServer.JSON.createObjectNode()))
          .hasMessage("no such action");
    }
  }

  @Test
  void namesAreFreeOnceTheClusterIsGone() throws Exception {
    try (var _ = connect()) {
      var _ = delete("");
      assertThatThrownBy(() -> server.create("one")).hasMessageContaining("taken");
    }
  }
}
