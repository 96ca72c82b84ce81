package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.ScriptedApiServer;
import io.drover.agent.kube.ScriptedApiServer.Reply;
import io.drover.agent.kube.ScriptedApiServer.Request;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kind;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
@SuppressWarnings("NullAway.Init") // start() sets everything
class ClusterSinkTest {
  private static final String REPORTS =
      "/apis/drover.io/v1/namespaces/cattle-system/clusterreports";
  private static final String REPORT = REPORTS + "/cluster";
  private static final String CONFIG_MAPS = "/api/v1/namespaces/cattle-system/configmaps";
  private static final String CONFIG_MAP = CONFIG_MAPS + "/drover-cluster-report";
  private static final Reply CONFLICT = Reply.refusal(409, "the object has been modified");

  @TempDir private Path directory;
  private ScriptedApiServer server;
  private Fabric8ClusterApi kube;
  private ClusterSink sink;
  private FakeView view = installed();

  /** What is stored, by its path. */
  private final Map<String, ObjectNode> objects = new ConcurrentHashMap<>();

  private final AtomicInteger version = new AtomicInteger(100);

  /** Told in place of what a store would say to the next writes. */
  private final Queue<Reply> refusals = new ConcurrentLinkedQueue<>();

  private static FakeView installed() {
    return new FakeView().serving("drover.io/clusterreports");
  }

  @BeforeEach
  void start() throws IOException {
    server = ScriptedApiServer.start(this::reply);
    kube = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(server.kubeconfig(directory), ""));
    sink = newSink();
  }

  private ClusterSink newSink() {
    return new ClusterSink(kube.reader(), new Switched(), "cattle-system");
  }

  /** The view of the moment. */
  private final class Switched implements ClusterView {
    @Override
    public <T> Answer<Collection<T>> all(Kind<T> kind) {
      return view.all(kind);
    }

    @Override
    public Facts facts() {
      return view.facts();
    }
  }

  @AfterEach
  void stop() {
    kube.close();
    server.close();
  }

  /** A store that keeps versions as the API server does. */
  private Reply reply(Request request) {
    if (!request.method().equals("GET")) {
      Reply refusal = refusals.poll();
      if (refusal != null) {
        return refusal;
      }
    }
    return switch (request.method()) {
      case "GET" -> stored(request.path());
      case "POST" -> {
        String path = request.path() + "/" + request.body().at("/metadata/name").asText();
        yield objects.containsKey(path) ? CONFLICT : store(path, request.body());
      }
      case "PUT" -> {
        JsonNode old = objects.get(request.path());
        if (old == null) {
          yield Reply.refusal(404, "not found");
        }
        yield version(old).equals(version(request.body()))
            ? store(request.path(), request.body())
            : CONFLICT;
      }
      case "DELETE" ->
          objects.remove(request.path()) == null
              ? Reply.refusal(404, "not found")
              : Reply.ok("{\"kind\":\"Status\",\"status\":\"Success\"}");
      default -> Reply.refusal(405, "not allowed");
    };
  }

  private Reply stored(String path) {
    JsonNode object = objects.get(path);
    return object == null ? Reply.refusal(404, "not found") : Reply.ok(object.toString());
  }

  private Reply store(String path, JsonNode body) {
    ObjectNode object = body.deepCopy();
    object.withObject("/metadata").put("resourceVersion", "" + version.incrementAndGet());
    objects.put(path, object);
    return Reply.ok(object.toString());
  }

  private static String version(JsonNode object) {
    return object.at("/metadata/resourceVersion").asText();
  }

  /** Another writer is quicker. */
  private void touch(String path) {
    store(path, Objects.requireNonNull(objects.get(path)));
  }

  private ClusterReport report(long sequence) {
    return Assembler.report(
        view,
        "c-1",
        new AgentIdentity("1.2.3", "i", sequence, null),
        List.of(),
        Optional.empty(),
        FakeView.AT);
  }

  private long storedSequence(String path) {
    return Objects.requireNonNull(objects.get(path)).at("/report/agent/sequence").asLong();
  }

  // Which object.

  @Test
  void customResourceIsWrittenWhereItsKindIsInstalled() throws Exception {
    sink.put(report(1));

    assertThat(server.taken())
        .containsExactly("GET " + REPORT, "POST " + REPORTS, "DELETE " + CONFIG_MAP);
    var object = Objects.requireNonNull(objects.get(REPORT));
    assertThat(object.path("apiVersion").asText()).isEqualTo("drover.io/v1");
    assertThat(object.path("kind").asText()).isEqualTo("ClusterReport");
    assertThat(object.at("/metadata/namespace").asText()).isEqualTo("cattle-system");
    assertThat(object.at("/metadata/labels/app.kubernetes.io~1managed-by").asText())
        .isEqualTo("drover-agent");
    assertThat(ReportJson.read(object.path("report").toString())).isEqualTo(report(1));
  }

  @Test
  void configMapIsWrittenElsewhere() throws Exception {
    view = new FakeView();
    sink.put(report(1));
    sink.put(report(2));

    assertThat(server.taken())
        .containsExactly("GET " + CONFIG_MAP, "POST " + CONFIG_MAPS, "PUT " + CONFIG_MAP);
    var object = Objects.requireNonNull(objects.get(CONFIG_MAP));
    assertThat(object.path("kind").asText()).isEqualTo("ConfigMap");
    assertThat(ReportJson.read(object.at("/data/report.json").asText())).isEqualTo(report(2));
  }

  @Test
  void configMapIsDeletedWhenTheKindIsInstalledLater() throws Exception {
    view = new FakeView();
    sink.put(report(1));
    server.taken();

    view = installed();
    sink.put(report(2));
    sink.put(report(3));

    assertThat(server.taken())
        .containsExactly(
            "GET " + REPORT, "POST " + REPORTS, "DELETE " + CONFIG_MAP, "PUT " + REPORT);
    assertThat(objects).containsOnlyKeys(REPORT);
  }

  @Test
  void configMapOfAnEarlierLifeIsDeletedAsWell() throws Exception {
    view = new FakeView();
    sink.put(report(1));

    view = installed();
    newSink().put(report(1));

    assertThat(objects).containsOnlyKeys(REPORT);
  }

  @Test
  void configMapThatMayNotBeDeletedKeepsNoReportFromBeingPut() throws Exception {
    sink.put(report(1));
    server.taken();
    sink = newSink();
    refusals.add(Reply.ok("{\"metadata\":{\"resourceVersion\":\"7\"}}"));
    refusals.add(Reply.refusal(403, "configmaps is forbidden"));

    sink.put(report(2));

    assertThat(server.taken())
        .containsExactly("GET " + REPORT, "PUT " + REPORT, "DELETE " + CONFIG_MAP);
  }

  @Test
  void configMapIsDeletedLaterIfTheApiServerWasAwayForAMoment() throws Exception {
    view = new FakeView();
    sink.put(report(1));
    sink.put(report(2));
    server.taken();
    view = installed();
    refusals.add(Reply.ok("{\"metadata\":{\"resourceVersion\":\"7\"}}"));
    refusals.add(Reply.refusal(503, "not now"));

    sink.put(report(3));
    assertThat(objects).containsKey(CONFIG_MAP);
    sink.put(report(4));

    assertThat(objects).doesNotContainKey(CONFIG_MAP);
  }

  @Test
  void objectIsTheSameWhileKindsCannotBeAskedFor() throws Exception {
    sink.put(report(1));
    view = new FakeView().discovery(Cause.TIMEOUT);
    sink.put(report(2));

    assertThat(objects).containsOnlyKeys(REPORT);
    assertThat(storedSequence(REPORT)).isEqualTo(2);
  }

  @Test
  void configMapIsWrittenIfKindsWereNeverKnown() throws Exception {
    view = new FakeView().discovery(Cause.FORBIDDEN);
    sink.put(report(1));

    assertThat(objects).containsOnlyKeys(CONFIG_MAP);
  }

  @Test
  void configMapIsWrittenAgainWhenTheKindIsGone() throws Exception {
    sink.put(report(1));
    objects.clear();
    view = new FakeView();
    sink.put(report(2));
    assertThat(objects).containsOnlyKeys(CONFIG_MAP);

    view = installed();
    sink.put(report(3));
    assertThat(objects).containsOnlyKeys(REPORT);
  }

  // Several writers.

  @Test
  void objectIsReadOnceAndThenWrittenWithTheVersionThatItGot() throws Exception {
    sink.put(report(1));
    server.taken();

    for (int sequence = 2; sequence < 5; sequence++) {
      var before = version(Objects.requireNonNull(objects.get(REPORT)));
      sink.put(report(sequence));
      assertThat(version(server.requests().getLast().body())).isEqualTo(before);
    }
    assertThat(server.taken()).containsOnly("PUT " + REPORT).hasSize(3);
  }

  @Test
  void objectThatIsThereIsReplaced() throws Exception {
    sink.put(report(1));
    server.taken();

    newSink().put(report(2));

    assertThat(server.taken()).startsWith("GET " + REPORT, "PUT " + REPORT);
    assertThat(storedSequence(REPORT)).isEqualTo(2);
  }

  @Test
  void writerThatWasTooSlowReadsAgain() throws Exception {
    sink.put(report(1));
    server.taken();
    touch(REPORT);

    sink.put(report(2));

    assertThat(server.taken()).containsExactly("PUT " + REPORT, "GET " + REPORT, "PUT " + REPORT);
    assertThat(storedSequence(REPORT)).isEqualTo(2);
  }

  @Test
  void objectThatAnotherCreatesJustNowIsReplaced() throws Exception {
    refusals.add(Reply.refusal(409, "already exists"));

    sink.put(report(1));

    assertThat(server.taken())
        .startsWith("GET " + REPORT, "POST " + REPORTS, "GET " + REPORT, "POST " + REPORTS);
    assertThat(storedSequence(REPORT)).isEqualTo(1);
  }

  @Test
  void writerThatIsAlwaysTooSlowGivesUp() throws Exception {
    sink.put(report(1));
    server.taken();
    for (int i = 0; i <= ClusterSink.MAX_CONFLICTS; i++) {
      refusals.add(CONFLICT);
    }

    assertThatThrownBy(() -> sink.put(report(2)))
        .isInstanceOf(IOException.class)
        .hasMessage("write " + REPORT + ": 409 the object has been modified");
    assertThat(server.taken())
        .hasSize(2 * ClusterSink.MAX_CONFLICTS + 1)
        .filteredOn(line -> line.startsWith("PUT"))
        .hasSize(ClusterSink.MAX_CONFLICTS + 1);

    sink.put(report(3));
    assertThat(server.taken()).containsExactly("GET " + REPORT, "PUT " + REPORT);
    assertThat(storedSequence(REPORT)).isEqualTo(3);
  }

  @Test
  void objectThatWasDeletedIsCreatedAgain() throws Exception {
    sink.put(report(1));
    server.taken();
    objects.clear();

    sink.put(report(2));

    assertThat(server.taken()).containsExactly("PUT " + REPORT, "GET " + REPORT, "POST " + REPORTS);
    assertThat(storedSequence(REPORT)).isEqualTo(2);
  }

  // Refusals.

  @Test
  void refusalSaysWhatWasAskedAndWhatTheApiServerSays() throws Exception {
    refusals.add(Reply.refusal(403, "clusterreports is forbidden"));

    assertThatThrownBy(() -> sink.put(report(1)))
        .isInstanceOf(IOException.class)
        .hasMessage("write " + REPORT + ": 403 clusterreports is forbidden");

    sink.put(report(2));
    assertThat(storedSequence(REPORT)).isEqualTo(2);
  }

  @Test
  void namespaceThatIsNotThereIsNotTakenForAConflict() {
    refusals.add(Reply.refusal(404, "namespaces \"cattle-system\" not found"));

    assertThatThrownBy(() -> sink.put(report(1)))
        .isInstanceOf(IOException.class)
        .hasMessageEndingWith("404 namespaces \"cattle-system\" not found");
    assertThat(server.taken()).containsExactly("GET " + REPORT, "POST " + REPORTS);
  }

  @Test
  void answerOfSomethingElseIsAFailure() {
    refusals.add(new Reply(502, "<html>bad gateway</html>"));

    assertThatThrownBy(() -> sink.put(report(1)))
        .isInstanceOf(IOException.class)
        .hasMessageStartingWith("POST " + REPORTS);
  }

  // What stands beside the report.

  @Test
  void statusSaysTheShortOfIt() {
    var status =
        ClusterSink.status(
            Assembler.report(
                new FakeView()
                    .with(
                        Kinds.NODES,
                        "{metadata:{name:'a'},status:{conditions:[{type:'Ready',status:'True'}]}}",
                        "{metadata:{name:'b'},status:{conditions:[{type:'Ready',status:'False'}]}}")
                    .with(
                        Kinds.STORAGE_CLASSES,
                        "{metadata:{name:'slow'},provisioner:'p'}",
                        "{metadata:{name:'fast',annotations:"
                            + "{'storageclass.kubernetes.io/is-default-class':'true'}},"
                            + "provisioner:'p'}"),
                "",
                new AgentIdentity("1", "i", 1, null),
                List.of(),
                Optional.empty(),
                FakeView.AT));

    assertThat(status.path("ready").asText()).isEqualTo("True");
    assertThat(status.path("nodes").asText()).isEqualTo("1/2");
    assertThat(status.path("storage").asText()).isEqualTo("fast");
    assertThat(status.path("ingress").asText()).isEqualTo("none");
    assertThat(status.path("observedAt").asText()).isEqualTo("2026-01-02T03:04:05Z");
  }

  @Test
  void statusWithoutADefaultStorageClassSaysSo() {
    view = new FakeView().with(Kinds.STORAGE_CLASSES, "{metadata:{name:'s'},provisioner:'p'}");
    assertThat(ClusterSink.status(report(1)).path("storage").asText()).isEqualTo("no default");

    view = new FakeView().with(Kinds.STORAGE_CLASSES, new String[0]);
    assertThat(ClusterSink.status(report(1)).path("storage").asText()).isEqualTo("none");
  }

  @Test
  void statusOfWhatIsNotKnownIsAbsent() {
    view = FakeView.silent(Cause.FORBIDDEN);

    var status = ClusterSink.status(report(1));

    assertThat(status.path("ready").asText()).isEqualTo("Unknown");
    assertThat(status.properties())
        .extracting(Map.Entry::getKey)
        .containsExactly("ready", "observedAt", "conditions");
  }

  /** The kind's schema wants them whole; see the chart. */
  @Test
  void conditionsAreInTheStandardForm() {
    for (var some : List.of(new FakeView(), FakeView.silent(Cause.FORBIDDEN))) {
      view = some;
      var conditions = ClusterSink.status(report(1)).path("conditions");

      assertThat(conditions)
          .extracting(condition -> condition.path("type").asText())
          .containsExactly(
              "Ready", "NodesReady", "SystemWorkloadsReady", "ApisAvailable", "CertificatesValid");
      for (JsonNode condition : conditions) {
        assertThat(condition.path("status").asText()).isIn("True", "False", "Unknown");
        assertThat(condition.path("reason").asText())
            .matches("[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?");
        assertThat(condition.path("message").isTextual()).isTrue();
        assertThat(condition.path("lastTransitionTime").asText()).isEqualTo("2026-01-02T03:04:05Z");
      }
    }
  }
}
