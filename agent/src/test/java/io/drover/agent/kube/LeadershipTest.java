package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.server.mock.KubernetesMixedDispatcher;
import io.fabric8.kubernetes.client.server.mock.KubernetesMockServer;
import io.fabric8.mockwebserver.Context;
import io.fabric8.mockwebserver.MockWebServer;
import io.fabric8.mockwebserver.ServerRequest;
import io.fabric8.mockwebserver.ServerResponse;
import io.fabric8.mockwebserver.http.RecordedRequest;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LeadershipTest {
  private static final String LEASES =
      "/apis/coordination.k8s.io/v1/namespaces/cattle-system/leases";
  private static final Duration SOON = Duration.ofMillis(5);

  /** As Kubernetes writes it. */
  private static final DateTimeFormatter MICRO_TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSSSSS'Z'", Locale.ROOT)
          .withZone(ZoneOffset.UTC);

  // Kept, since a logger that nobody refers to forgets its level.
  private static final Logger MOCK_LOG = Logger.getLogger(MockWebServer.class.getName());

  static {
    MOCK_LOG.setLevel(Level.OFF);
  }

  private final List<Leadership> standing = new ArrayList<>();
  private final BlockingQueue<String> changes = new LinkedBlockingQueue<>();
  private KubernetesMockServer server;
  private KubernetesClient client;

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
  }

  @AfterEach
  void stop() {
    standing.forEach(Leadership::close);
    client.close();
    server.destroy();
  }

  private Leadership stand(String identity) {
    var leadership =
        new Leadership(
            client, "cattle-system", "agent", identity, SOON, () -> changes.add(identity));
    standing.add(leadership);
    return leadership;
  }

  private Resource<GenericKubernetesResource> lease() {
    return client
        .genericKubernetesResources("coordination.k8s.io/v1", "Lease")
        .inNamespace("cattle-system")
        .withName("agent");
  }

  private String holder() {
    return lease().get().<String>get("spec", "holderIdentity");
  }

  private int seconds() {
    return lease().get().<Integer>get("spec", "leaseDurationSeconds");
  }

  /** Waits until the lease has been asked for that often from now on. */
  private void awaitLooks(int times) throws InterruptedException {
    while (server.takeRequest(0, java.util.concurrent.TimeUnit.MILLISECONDS) != null) {
      // It was before.
    }
    int looks = 0;
    while (looks < times) {
      RecordedRequest request = server.takeRequest();
      looks += request.getMethod().equals("GET") ? 1 : 0;
    }
  }

  @Test
  void onlyOneLeadsAndTellsSo() throws Exception {
    var first = stand("first");

    assertThat(changes.take()).isEqualTo("first");
    assertThat(first.leads()).isTrue();
    assertThat(holder()).isEqualTo("first");
    assertThat(seconds()).isEqualTo((int) Leadership.LEASE.toSeconds());
  }

  @Test
  void nobodyElseLeadsMeanwhile() throws Exception {
    var first = stand("first");
    changes.take();
    var second = stand("second");

    awaitLooks(20);

    assertThat(second.leads()).isFalse();
    assertThat(first.leads()).isTrue();
    assertThat(changes).isEmpty();
    assertThat(holder()).isEqualTo("first");
  }

  @Test
  void whoStopsMakesRoom() throws Exception {
    var first = stand("first");
    changes.take();

    first.close();

    assertThat(first.leads()).isFalse();
    assertThat(changes.take()).isEqualTo("first");
    assertThat(seconds()).isEqualTo(1);

    var second = stand("second");
    assertThat(changes.take()).isEqualTo("second");
    assertThat(second.leads()).isTrue();
    assertThat(holder()).isEqualTo("second");
  }

  @Test
  void whoWaitsTakesTheRoom() throws Exception {
    var first = stand("first");
    changes.take();
    var second = stand("second");
    awaitLooks(2);

    first.close();

    assertThat(changes.take()).isEqualTo("first");
    assertThat(changes.take()).isEqualTo("second");
    assertThat(second.leads()).isTrue();
  }

  @Test
  void whoNeverLedTakesNothingAway() throws Exception {
    var first = stand("first");
    changes.take();
    var second = stand("second");
    awaitLooks(2);

    second.close();

    assertThat(first.leads()).isTrue();
    assertThat(changes).isEmpty();
    assertThat(holder()).isEqualTo("first");
  }

  @Test
  void leaderThatDiedIsReplacedWhenItsLeaseIsOver() throws Exception {
    createLease("dead", Leadership.LEASE.plusSeconds(1));

    var second = stand("second");

    assertThat(changes.take()).isEqualTo("second");
    assertThat(second.leads()).isTrue();
    assertThat(holder()).isEqualTo("second");
  }

  @Test
  void leaderThatMayBeAliveIsNotReplaced() throws Exception {
    createLease("silent", Leadership.LEASE.minusMinutes(1));

    var second = stand("second");
    awaitLooks(5);

    assertThat(second.leads()).isFalse();
    assertThat(changes).isEmpty();
  }

  /** The lease of somebody who has not renewed it for some time. */
  private void createLease(String holder, Duration ago) {
    var renewed = MICRO_TIME.format(Instant.now().minus(ago));
    client
        .resource(
            """
            {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
             "metadata": {"name": "agent", "namespace": "cattle-system"},
             "spec": {"holderIdentity": "%s", "leaseDurationSeconds": %d, "leaseTransitions": 0,
               "acquireTime": "%s", "renewTime": "%3$s"}}
            """
                .formatted(holder, Leadership.LEASE.toSeconds(), renewed))
        .create();
  }

  @Test
  void leadThatIsTakenAwayIsLost() throws Exception {
    var first = stand("first");
    changes.take();

    // Whatever version it has: it may be renewed just now.
    lease()
        .patch(PatchContext.of(PatchType.JSON_MERGE), "{\"spec\":{\"holderIdentity\":\"other\"}}");

    assertThat(changes.take()).isEqualTo("first");
    assertThat(first.leads()).isFalse();
    awaitLooks(3);
    assertThat(first.leads()).isFalse();
  }

  @Test
  void whoMayNotHaveTheLeaseDoesNotLeadAndTriesAgain() throws Exception {
    server
        .expect()
        .get()
        .withPath(LEASES + "/agent")
        .andReturn(403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"no\"}")
        .times(3);
    var first = stand("first");

    for (int i = 0; i < 3; i++) {
      server.takeRequest();
    }
    assertThat(changes.take()).isEqualTo("first"); // at the fourth attempt
    assertThat(first.leads()).isTrue();
    assertThat(first.problem()).isEmpty();
  }

  @Test
  void whoMayNeverHaveTheLeaseNeverLeads() throws Exception {
    server
        .expect()
        .get()
        .withPath(LEASES + "/agent")
        .andReturn(403, "{\"kind\":\"Status\",\"code\":403,\"message\":\"no\"}")
        .always();
    var first = stand("first");

    awaitLooks(5);

    assertThat(first.leads()).isFalse();
    assertThat(first.problem())
        .contains(new Problem(Reason.FORBIDDEN, "GET " + LEASES + "/agent: 403 no"));
    assertThat(changes).isEmpty();
    first.close();
    assertThat(changes).isEmpty();
  }

  @Test
  void standsForElectionAsTheAgentDoes() throws Exception {
    var api = new Fabric8ClusterApi(client, "10.43.0.1:443", Sleeper.REAL);

    standing.add(api.standForElection("agent", "first", () -> changes.add("first")));

    assertThat(changes.take()).isEqualTo("first");
  }
}
