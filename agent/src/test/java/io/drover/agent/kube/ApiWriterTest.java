package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.retry.Sleeper;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.NodeBuilder;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesMixedDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.ServerRequest;
import io.fabric8.mockwebserver.ServerResponse;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ApiWriterTest {
  private static final String SECRETS = "/api/v1/namespaces/cattle-system/secrets";

  // Kept, since a logger that nobody refers to forgets its level.
  private static final Logger MOCK_LOG = Logger.getLogger(MockWebServer.class.getName());

  static {
    MOCK_LOG.setLevel(Level.OFF);
  }

  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-27T12:00:00.5Z"), ZoneOffset.UTC);

  private KubernetesMockServer server;
  private KubernetesClient client;
  private Fabric8ClusterApi api;
  private ClusterWriter writer;

  @BeforeEach
  void start() {
    var responses = new HashMap<ServerRequest, Queue<ServerResponse>>();
    server =
        new KubernetesMockServer(
            new Context(),
            new MockWebServer(),
            responses,
            new KubernetesMixedDispatcher(responses),
            false);
    server.init();
    client = server.createClient();
    client.getConfiguration().setRequestRetryBackoffLimit(0);
    api = new Fabric8ClusterApi(client, "10.43.0.1:443", Sleeper.REAL);
    writer = new ApiWriter(api.reader(), CLOCK);
  }

  @AfterEach
  void stop() {
    api.close();
    server.destroy();
  }

  @Test
  void addsAnEventToAPod() throws Exception {
    var pod =
        client
            .resource(
                new PodBuilder()
                    .withNewMetadata()
                    .withNamespace("cattle-system")
                    .withName("agent-1")
                    .endMetadata()
                    .build())
            .create();

    assertThat(
            writer.addPodEvent(
                "cattle-system",
                "agent-1",
                true,
                "DnsNotFound",
                "x".repeat(ApiWriter.MAX_EVENT_MESSAGE + 1)))
        .isTrue();

    var event = client.v1().events().inNamespace("cattle-system").list().getItems().getFirst();
    assertThat(event.getInvolvedObject().getUid()).isEqualTo(pod.getMetadata().getUid());
    assertThat(event.getInvolvedObject().getName()).isEqualTo("agent-1");
    assertThat(event.getType()).isEqualTo("Warning");
    assertThat(event.getReason()).isEqualTo("DnsNotFound");
    assertThat(event.getLastTimestamp()).isEqualTo("2026-11-27T12:00:00Z");
    assertThat(event.getMessage()).hasSize(ApiWriter.MAX_EVENT_MESSAGE);
  }

  @Test
  void noPodGetsNoEvent() throws Exception {
    assertThat(writer.addPodEvent("cattle-system", "nobody", false, "TunnelConnected", ""))
        .isFalse();
  }

  @Test
  void annotatesANodeAndKeepsWhatIsThere() throws Exception {
    client
        .resource(
            new NodeBuilder()
                .withNewMetadata()
                .withName("n")
                .addToAnnotations("kept", "1")
                .addToAnnotations("changed", "old")
                .endMetadata()
                .build())
        .create();

    assertThat(writer.annotateNode("n", Map.of("changed", "new", "a/b", "{\"pods\":\"2\"}")))
        .isTrue();

    assertThat(client.nodes().withName("n").get().getMetadata().getAnnotations())
        .containsExactlyInAnyOrderEntriesOf(
            Map.of("kept", "1", "changed", "new", "a/b", "{\"pods\":\"2\"}"));
  }

  @Test
  void asksForNoMoreThanMetadata() throws Exception {
    server.expect().patch().withPath("/api/v1/nodes/n").andReturn(200, "{}").once();

    writer.annotateNode("n", Map.of("a", "b"));

    var request = server.getLastRequest();
    assertThat(request.getMethod()).isEqualTo("PATCH");
    assertThat(request.getHeader("Content-Type")).startsWith("application/merge-patch+json");
    assertThat(request.getHeader("Accept")).contains("as=PartialObjectMetadata;");
    assertThat(request.getUtf8Body()).isEqualTo("{\"metadata\":{\"annotations\":{\"a\":\"b\"}}}");
  }

  @Test
  void labelsTheNamespaceThatWasSeenAndNoOther() throws Exception {
    client
        .resource(new NamespaceBuilder().withNewMetadata().withName("shop").endMetadata().build())
        .create();
    String seen = client.namespaces().withName("shop").get().getMetadata().getResourceVersion();

    assertThat(writer.labelNamespace("shop", seen, Map.of("a", "b"))).isTrue();
    assertThat(writer.labelNamespace("shop", seen, Map.of("a", "c"))).isFalse();

    assertThat(client.namespaces().withName("shop").get().getMetadata().getLabels())
        .containsEntry("a", "b");
  }

  @Test
  void scalesByTheSubresource() throws Exception {
    String path = "/apis/apps/v1/namespaces/cattle-system/deployments/agent/scale";
    server.expect().patch().withPath(path).andReturn(200, "{}").once();

    assertThat(writer.scaleDeployment("cattle-system", "agent", 2)).isTrue();

    assertThat(server.getLastRequest().getUtf8Body()).isEqualTo("{\"spec\":{\"replicas\":2}}");
  }

  @Test
  void listsAnnotatesAndDeletesSecretsWithoutTheirContent() throws Exception {
    create("a", Map.of("of", "agent"));
    create("b", Map.of());

    assertThat(secrets("")).extracting(ObjectMetadata::name).containsExactlyInAnyOrder("a", "b");
    assertThat(server.getLastRequest().getHeader("Accept"))
        .contains("as=PartialObjectMetadataList;");
    var found = secrets("of=agent");
    assertThat(server.getLastRequest().getPath()).isEqualTo(SECRETS + "?labelSelector=of%3Dagent");
    var secret = found.getFirst();
    assertThat(found).hasSize(1);
    assertThat(secret.namespace()).isEqualTo("cattle-system");
    assertThat(secret.annotations()).containsExactly(Map.entry("note", "1"));
    assertThat(secret.created().orElseThrow())
        .isBetween(
            Instant.now().minus(Duration.ofMinutes(5)), Instant.now().plus(Duration.ofMinutes(5)));

    assertThat(writer.annotateSecret(secret, Map.of("p", "q"))).isTrue();
    var annotated = client.secrets().inNamespace("cattle-system").withName("a").get();
    assertThat(annotated.getMetadata().getAnnotations()).containsEntry("p", "q");
    assertThat(annotated.getData()).containsEntry("key", "c2VjcmV0");

    assertThat(writer.deleteSecret(secret)).isTrue();
    assertThat(secrets("")).extracting(ObjectMetadata::name).containsExactly("b");
  }

  @Test
  void deletesTheSecretThatWasSeenAndNoOther() throws Exception {
    server.expect().delete().withPath(SECRETS + "/a").andReturn(200, "{}").once();

    writer.deleteSecret(secret("a", "u-1", "7"));

    assertThat(server.getLastRequest().getUtf8Body())
        .isEqualTo(
            """
            {"apiVersion":"v1","kind":"DeleteOptions",\
            "preconditions":{"uid":"u-1","resourceVersion":"7"}}""");
  }

  @Test
  void changeThatComesTooLateIsNoFailure() throws Exception {
    var secret = secret("gone", "u", "1");

    assertThat(writer.deleteSecret(secret)).isFalse();
    assertThat(writer.annotateNode("gone", Map.of("a", "b"))).isFalse();

    server
        .expect()
        .delete()
        .withPath(SECRETS + "/gone")
        .andReturn(409, "{\"kind\":\"Status\",\"code\":409}")
        .once();
    assertThat(writer.deleteSecret(secret)).isFalse();
  }

  @Test
  void refusalSaysWhatWasAskedAndWhy() {
    server
        .expect()
        .patch()
        .withPath("/api/v1/nodes/n")
        .andReturn(403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"nodes is forbidden\"}")
        .once();
    assertThatThrownBy(() -> writer.annotateNode("n", Map.of("a", "b")))
        .isInstanceOf(IOException.class)
        .hasMessage("PATCH /api/v1/nodes/n: 403 nodes is forbidden");

    server.expect().get().withPath(SECRETS).andReturn(403, "{\"message\":\"no\"}").once();
    assertThatThrownBy(() -> secrets(""))
        .isInstanceOf(IOException.class)
        .hasMessage("GET " + SECRETS + ": 403 no");
  }

  @Test
  void unreachableApiServerIsAnIoException() {
    server.destroy();

    assertThatThrownBy(() -> writer.annotateNode("n", Map.of())).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> secrets("")).isInstanceOf(IOException.class);
  }

  private List<ObjectMetadata> secrets(String selector) throws IOException, InterruptedException {
    var found = new ArrayList<ObjectMetadata>();
    writer.secrets("cattle-system", selector, found::add);
    return found;
  }

  private void create(String name, Map<String, String> labels) {
    client
        .resource(
            new SecretBuilder()
                .withNewMetadata()
                .withName(name)
                .withNamespace("cattle-system")
                .withLabels(labels)
                .addToAnnotations("note", "1")
                .addToAnnotations("kubectl.kubernetes.io/last-applied-configuration", "c2VjcmV0")
                .endMetadata()
                .addToData("key", "c2VjcmV0")
                .build())
        .create();
  }

  private static ObjectMetadata secret(String name, String uid, String resourceVersion) {
    return new ObjectMetadata(
        "cattle-system",
        name,
        uid,
        resourceVersion,
        Optional.empty(),
        Map.of(),
        Map.of(),
        List.of(),
        false);
  }
}
