package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.TestClock;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.kube.ApiWriter;
import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.server.mock.KubernetesMixedDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.ServerRequest;
import io.fabric8.mockwebserver.ServerResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is deleted from an API server, whose clock the test cannot move: so it moves ours. */
@Timeout(60)
class UnusedSecretsTest {
  // Kept, since a logger that nobody refers to forgets its level.
  private static final Logger MOCK_LOG = Logger.getLogger(MockWebServer.class.getName());

  static {
    MOCK_LOG.setLevel(Level.OFF);
  }

  @TempDir private Path directory;
  private KubernetesMockServer server;
  private KubernetesClient client;
  private Fabric8ClusterApi api;
  private ClusterWriter writer;

  @BeforeEach
  void start() throws Exception {
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
    var kubeconfig =
        Files.writeString(
            directory.resolve("kubeconfig"),
            """
            apiVersion: v1
            kind: Config
            current-context: here
            contexts: [{name: here, context: {cluster: here, user: me}}]
            clusters: [{name: here, cluster: {server: "%s"}}]
            users: [{name: me, user: {token: abc}}]
            """
                .formatted(server.url("/")));
    api = Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(kubeconfig, ""));
    writer = new ApiWriter(api.reader(), Clock.systemUTC());
    create("cattle-system", "cattle-credentials-used", Map.of());
    create("cattle-system", "cattle-credentials-old", Map.of());
    create("cattle-system", "stv-aggregation", Map.of());
    create("cattle-system", "pull-used", Map.of(label(), "true"));
    create("cattle-system", "pull-unused", Map.of(label(), "true"));
    create("cattle-system", "pull-unlabelled", Map.of(label(), "false"));
    create("other", "cattle-credentials-elsewhere", Map.of(label(), "true"));
  }

  @AfterEach
  void stop() {
    client.close();
    api.close();
    server.destroy();
  }

  @Test
  void oldCredentialsGo() throws Exception {
    var clock = new TestClock(Instant.now());
    var duty = new UnusedCredentials("cattle-credentials-used", writer, clock);
    clock.advance(UnusedCredentials.MIN_AGE.multipliedBy(2));

    assertThat(duty.pass()).isTrue();

    assertThat(names())
        .containsExactlyInAnyOrder(
            "cattle-credentials-used",
            "stv-aggregation",
            "pull-used",
            "pull-unused",
            "pull-unlabelled",
            "cattle-credentials-elsewhere");
  }

  @Test
  void youngCredentialsStay() throws Exception {
    var clock = new TestClock(Instant.now().minus(UnusedCredentials.EVERY));
    var duty = new UnusedCredentials("cattle-credentials-used", writer, clock);
    clock.advance(UnusedCredentials.EVERY.plusMinutes(30));

    assertThat(duty.pass()).isTrue();

    assertThat(names()).contains("cattle-credentials-old");
  }

  @Test
  void unusedPullSecretsGo() throws Exception {
    var duty = new UnusedPullSecrets(Set.of("pull-used"), writer, Clock.systemUTC());

    assertThat(duty.pass()).isTrue();

    assertThat(names()).hasSize(6).doesNotContain("pull-unused");
  }

  private static String label() {
    return UnusedPullSecrets.SELECTOR.substring(0, UnusedPullSecrets.SELECTOR.indexOf('='));
  }

  private List<String> names() {
    return client.secrets().inAnyNamespace().list().getItems().stream()
        .map(secret -> secret.getMetadata().getName())
        .toList();
  }

  private void create(String namespace, String name, Map<String, String> labels) {
    client
        .resource(
            new SecretBuilder()
                .withNewMetadata()
                .withName(name)
                .withNamespace(namespace)
                .withLabels(labels)
                .endMetadata()
                .build())
        .create();
  }
}
