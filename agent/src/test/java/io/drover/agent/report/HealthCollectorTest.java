package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.drover.agent.tls.TestCa;
import io.drover.agent.view.Facts.SeenCertificate;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Health;
import io.drover.proto.report.Health.Check;
import io.drover.proto.report.Health.ComponentCondition;
import io.drover.proto.report.Health.ComponentStatus;
import io.drover.proto.report.Health.Condition;
import io.drover.proto.report.Health.NodeTrouble;
import io.drover.proto.report.Health.UnavailableApi;
import io.drover.proto.report.Health.WorkloadTrouble;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class HealthCollectorTest {
  private static final String READY =
      """
      [+]ping ok
      [+]log ok
      [+]etcd ok
      [+]etcd-readiness ok
      [+]poststarthook/start-apiextensions-controllers ok
      readyz check passed
      """;

  private static final String NOT_READY =
      """
      [+]ping ok
      [-]etcd failed: reason withheld
      [-]etcd-readiness failed: reason withheld
      [-]informer-sync failed: reason withheld
      [+]shutdown ok
      readyz check failed
      """;

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private Health collect() {
    return collect(10);
  }

  private Health collect(int maxListed) {
    return HealthCollector.collect(view, findings, List.of(), maxListed, FakeView.AT);
  }

  private static Condition condition(Health health, String type) {
    return health.conditions().stream()
        .filter(condition -> condition.type().equals(type))
        .findFirst()
        .orElseThrow();
  }

  private static Check check(Health health, String name) {
    return health.checks().stream()
        .filter(check -> check.name().equals(name))
        .findFirst()
        .orElseThrow();
  }

  @Test
  void clusterThatIsWell() {
    view.probes(FakeView.found(READY), FakeView.found("ok"))
        .with(Kinds.NODES, node("a", "Ready", "True"))
        .with(Kinds.DEPLOYMENTS, deployment("kube-system", "coredns", 1, 1))
        .certificates(List.of(certificate("API server", Duration.ofDays(300))));

    var health = collect();

    assertThat(health.ready()).isTrue();
    assertThat(health.conditions())
        .extracting(Condition::type, Condition::status)
        .containsExactly(
            tuple("Ready", "True"),
            tuple("NodesReady", "True"),
            tuple("SystemWorkloadsReady", "True"),
            tuple("ApisAvailable", "True"),
            tuple("CertificatesValid", "True"));
    assertThat(health.checks())
        .containsExactly(
            new Check("readyz", true, 2L, ""),
            new Check("livez", true, 2L, ""),
            new Check("etcd", true, null, ""));
    assertThat(health.componentStatuses())
        .containsExactly(
            new ComponentStatus(
                "etcd", List.of(new ComponentCondition("Healthy", "True", "ok", ""))));
    assertThat(Objects.requireNonNull(health.nodes()).offenders()).isEmpty();
    assertThat(Objects.requireNonNull(health.systemWorkloads()).checked()).isEqualTo(1);
    assertThat(health.unavailableApis()).isEmpty();
    assertThat(health.expiringCertificates()).isEmpty();
    assertThat(findings.undetermined()).isEmpty();
    assertThat(findings.evidence())
        .containsKeys("health.ready", "health.nodes", "health.systemWorkloads");
  }

  @Test
  void tunnelsAreAsTheyAre() {
    var tunnel = new Health.Tunnel("cluster", true, FakeView.AT, "", "");

    var health =
        HealthCollector.collect(new FakeView(), findings, List.of(tunnel), 10, FakeView.AT);

    assertThat(health.tunnels()).containsExactly(tunnel);
  }

  // The API server.

  @Test
  void apiServerThatSaysItIsNotReady() {
    view.probes(FakeView.found(NOT_READY), FakeView.found("ok"));

    var health = collect();

    assertThat(health.ready()).isFalse();
    assertThat(condition(health, "Ready").status()).isEqualTo("False");
    assertThat(condition(health, "Ready").reason()).isEqualTo("ApiServerNotReady");
    assertThat(condition(health, "Ready").message())
        .isEqualTo("failed: etcd, etcd-readiness, informer-sync");
    assertThat(check(health, "etcd"))
        .isEqualTo(new Check("etcd", false, null, "failed: etcd, etcd-readiness"));
    assertThat(health.componentStatuses())
        .containsExactly(
            new ComponentStatus(
                "etcd",
                List.of(
                    new ComponentCondition(
                        "Healthy", "False", "", "failed: etcd, etcd-readiness"))));
  }

  @ParameterizedTest
  @EnumSource(
      value = Cause.class,
      names = {"FORBIDDEN", "UNAUTHORIZED", "NOT_SERVED", "TIMEOUT", "UNAVAILABLE"})
  void apiServerThatDoesNotSayIsNeitherReadyNorNot(Cause cause) {
    view.probes(FakeView.missing(cause), FakeView.missing(cause));

    var health = collect();

    assertThat(health.ready()).isNull();
    assertThat(condition(health, "Ready").status()).isEqualTo("Unknown");
    assertThat(condition(health, "Ready").reason()).isEqualTo(Words.reason(cause));
    assertThat(check(health, "readyz").ok()).isNull();
    assertThat(check(health, "readyz").latencyMs()).isNull();
    assertThat(check(health, "readyz").message()).startsWith("asked in vain");
    assertThat(health.componentStatuses()).isEmpty();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .contains("health.ready", "health.checks.livez", "health.checks.etcd");
  }

  @Test
  void proxyInFrontOfTheApiServerDoesNotSpeakForIt() {
    view.probes(
        FakeView.found("<html>502 Bad Gateway</html>"), FakeView.found("<html>Log in: ok</html>"));

    var health = collect();

    assertThat(health.ready()).isNull();
    assertThat(check(health, "livez").ok()).isNull();
    assertThat(findings.undetermined().getFirst().cause()).isEqualTo(Cause.UNREADABLE);
  }

  @Test
  void checkOfEtcdThatWasLeftOutTellsNothing() {
    view.probes(
        FakeView.found("[+]ping ok\n[+]etcd excluded: ok\nreadyz check passed\n"),
        FakeView.found("ok"));

    var health = collect();

    assertThat(health.ready()).isTrue();
    assertThat(check(health, "etcd").ok()).isNull();
  }

  @Test
  void shortAnswerTellsNothingOfEtcd() {
    view.probes(FakeView.found("ok"), FakeView.found("ok"));

    assertThat(check(collect(), "etcd").ok()).isNull();
    assertThat(findings.undetermined())
        .contains(
            new Undetermined(
                "health.checks.etcd", Cause.NO_EVIDENCE, "/readyz does not name etcd"));
  }

  // Nodes.

  private static String node(String name, String... conditions) {
    var json = new StringBuilder();
    for (int i = 0; i < conditions.length; i += 2) {
      json.append(
          "{type:'%s',status:'%s',reason:'R',message:'m',lastTransitionTime:'2026-01-01T00:00:00Z'},"
              .formatted(conditions[i], conditions[i + 1]));
    }
    String list = json.isEmpty() ? "" : json.substring(0, json.length() - 1);
    return "{metadata:{name:'%s'},status:{conditions:[%s]}}".formatted(name, list);
  }

  @Test
  void nodesInTroubleWorstFirst() {
    view.with(
        Kinds.NODES,
        node("well", "Ready", "True", "MemoryPressure", "False"),
        node("pressed", "Ready", "True", "MemoryPressure", "True"),
        node("gone", "Ready", "Unknown", "MemoryPressure", "Unknown"),
        node("down", "Ready", "False", "DiskPressure", "True", "PIDPressure", "True"),
        node("new"));

    var health = collect();
    var nodes = Objects.requireNonNull(health.nodes());

    assertThat(nodes.ready()).isEqualTo(2);
    assertThat(nodes.notReady()).isEqualTo(1);
    assertThat(nodes.unknown()).isEqualTo(2);
    assertThat(nodes.offenders())
        .extracting(NodeTrouble::name)
        .containsExactly("down", "gone", "new", "pressed");
    assertThat(nodes.offenders().get(3).conditions())
        .containsExactly(
            new Condition(
                "MemoryPressure", "True", "R", "m", Instant.parse("2026-01-01T00:00:00Z")));
    assertThat(nodes.offenders().get(2).conditions())
        .containsExactly(new Condition("Ready", "Unknown", "", "", null));
    var condition = condition(health, "NodesReady");
    assertThat(condition.status()).isEqualTo("False");
    assertThat(condition.reason()).isEqualTo("NodesNotReady");
    assertThat(condition.message())
        .isEqualTo("2 of 5 nodes are ready, in trouble: down, gone, new and 1 more");
  }

  @Test
  void nodesBeyondTheLimitAreCounted() {
    view.with(
        Kinds.NODES,
        node("a", "Ready", "False"),
        node("b", "Ready", "False"),
        node("c", "Ready", "False"));

    var nodes = Objects.requireNonNull(collect(2).nodes());

    assertThat(nodes.offenders()).extracting(NodeTrouble::name).containsExactly("a", "b");
    assertThat(nodes.omitted()).isEqualTo(1);
    assertThat(nodes.notReady()).isEqualTo(3);
  }

  @Test
  void pressureAloneLeavesNodesReady() {
    view.with(Kinds.NODES, node("a", "Ready", "True", "NetworkUnavailable", "True"));

    var condition = condition(collect(), "NodesReady");

    assertThat(condition.status()).isEqualTo("True");
    assertThat(condition.reason()).isEqualTo("NodesInTrouble");
  }

  @Test
  void clusterWithoutNodesHasNoneReady() {
    var condition = condition(collect(), "NodesReady");

    assertThat(condition.status()).isEqualTo("False");
    assertThat(condition.reason()).isEqualTo("NoNodes");
  }

  @Test
  void nodesThatCannotBeListedAreUnknown() {
    view.without(Kinds.NODES, Cause.FORBIDDEN);

    var health = collect();

    assertThat(health.nodes()).isNull();
    assertThat(condition(health, "NodesReady").status()).isEqualTo("Unknown");
    assertThat(condition(health, "NodesReady").reason()).isEqualTo("Forbidden");
  }

  // What runs in the system's namespaces.

  private static String deployment(String namespace, String name, int desired, int ready) {
    return ("{metadata:{namespace:'%s',name:'%s'},spec:{replicas:%d},"
            + "status:{readyReplicas:%d,conditions:["
            + "{type:'Available',status:'%s',reason:'Why',message:'m'}]}}")
        .formatted(namespace, name, desired, ready, desired == ready ? "True" : "False");
  }

  private static String pod(String namespace, String name, String phase, String waitingFor) {
    return ("{metadata:{namespace:'%s',name:'%s'},status:{phase:'%s',"
            + "containerStatuses:[{state:{waiting:{reason:'%s',message:'m'}}}]}}")
        .formatted(namespace, name, phase, waitingFor);
  }

  @Test
  void workloadsInTroubleWorstFirst() {
    view.with(
            Kinds.DEPLOYMENTS,
            deployment("kube-system", "coredns", 3, 1),
            deployment("cattle-fleet-system", "fleet-agent", 1, 0),
            deployment("kube-system", "well", 2, 2),
            deployment("default", "not-ours", 1, 0))
        .with(
            Kinds.DAEMON_SETS,
            "{metadata:{namespace:'kube-system',name:'cni'},"
                + "status:{desiredNumberScheduled:5,numberReady:4}}")
        .with(
            Kinds.STATEFUL_SETS,
            "{metadata:{namespace:'cattle-monitoring-system',name:'prometheus'},"
                + "spec:{replicas:1},status:{}}")
        .with(
            Kinds.PODS,
            pod("kube-system", "crashing", "Running", "CrashLoopBackOff"),
            pod("kube-system", "starting", "Pending", "ContainerCreating"),
            pod("kube-system", "evicted", "Failed", "Error"),
            pod("default", "not-ours", "Running", "CrashLoopBackOff"));

    var health = collect();
    var workloads = Objects.requireNonNull(health.systemWorkloads());

    assertThat(workloads.checked()).isEqualTo(7);
    assertThat(workloads.offenders())
        .containsExactly(
            new WorkloadTrouble(
                "Deployment", "cattle-fleet-system", "fleet-agent", 1, 0, "Why", "m"),
            new WorkloadTrouble(
                "StatefulSet", "cattle-monitoring-system", "prometheus", 1, 0, "", ""),
            new WorkloadTrouble("Pod", "kube-system", "crashing", 1, 0, "CrashLoopBackOff", "m"),
            new WorkloadTrouble("Deployment", "kube-system", "coredns", 3, 1, "Why", "m"),
            new WorkloadTrouble("DaemonSet", "kube-system", "cni", 5, 4, "", ""));
    var condition = condition(health, "SystemWorkloadsReady");
    assertThat(condition.status()).isEqualTo("False");
    assertThat(condition.reason()).isEqualTo("WorkloadsNotReady");
    assertThat(condition.message())
        .startsWith("7 workloads and pods looked at, in trouble: cattle-fleet-system/fleet-agent")
        .endsWith("and 2 more");
  }

  @Test
  void podThatIsNotScheduledIsInTrouble() {
    view.with(
        Kinds.PODS,
        """
        {metadata: {namespace: 'cattle-system', name: 'waiting'}, status: {phase: 'Pending',
         conditions: [{type: 'PodScheduled', status: 'False', reason: 'Unschedulable',
                       message: '0/3 nodes are available'}]}}
        """);

    assertThat(Objects.requireNonNull(collect().systemWorkloads()).offenders())
        .containsExactly(
            new WorkloadTrouble(
                "Pod",
                "cattle-system",
                "waiting",
                1,
                0,
                "Unschedulable",
                "0/3 nodes are available"));
  }

  @Test
  void workloadsAreUnknownIfAnyOfTheirListsIs() {
    for (var kind :
        List.of(Kinds.PODS, Kinds.DEPLOYMENTS, Kinds.DAEMON_SETS, Kinds.STATEFUL_SETS)) {
      var view = new FakeView().without(kind, Cause.FORBIDDEN);
      var findings = new Findings(FakeView.AT);

      var health = HealthCollector.collect(view, findings, List.of(), 10, FakeView.AT);

      assertThat(health.systemWorkloads()).as("%s", kind).isNull();
      assertThat(condition(health, "SystemWorkloadsReady").status()).isEqualTo("Unknown");
      assertThat(findings.undetermined())
          .extracting(Undetermined::path, Undetermined::cause)
          .contains(tuple("health.systemWorkloads", Cause.FORBIDDEN));
    }
  }

  @Test
  void workloadsBeyondTheLimitAreCounted() {
    view.with(
        Kinds.DEPLOYMENTS,
        deployment("kube-system", "a", 1, 0),
        deployment("kube-system", "b", 1, 0));

    var workloads = Objects.requireNonNull(collect(1).systemWorkloads());

    assertThat(workloads.offenders()).hasSize(1);
    assertThat(workloads.omitted()).isEqualTo(1);
  }

  // Aggregated APIs.

  @Test
  void aggregatedApisThatDoNotAnswer() {
    String api =
        "{metadata:{name:'%s'},spec:{service:{name:'s'}},"
            + "status:{conditions:[{type:'Available',status:'%s',reason:'%s',message:'m'}]}}";
    view.with(
        Kinds.API_SERVICES,
        api.formatted("v1beta1.metrics.k8s.io", "False", "MissingEndpoints"),
        api.formatted("v1.external.metrics.k8s.io", "Unknown", "X"),
        api.formatted("v1.well.example.com", "True", "Passed"));

    var health = collect();

    assertThat(health.unavailableApis())
        .containsExactly(
            new UnavailableApi("v1.external.metrics.k8s.io", "X", "m"),
            new UnavailableApi("v1beta1.metrics.k8s.io", "MissingEndpoints", "m"));
    assertThat(condition(health, "ApisAvailable").reason()).isEqualTo("ApisUnavailable");
    assertThat(condition(health, "ApisAvailable").message())
        .isEqualTo("unavailable: v1.external.metrics.k8s.io, v1beta1.metrics.k8s.io");
  }

  // Certificates.

  private static SeenCertificate certificate(String source, Duration left) {
    return new SeenCertificate(source, "CN=" + source, FakeView.AT.plus(left));
  }

  @Test
  void certificatesThatEndSoonComeSoonestFirst() {
    view.certificates(
        List.of(
            certificate("later", HealthCollector.SOON.plusSeconds(1)),
            certificate("last", HealthCollector.SOON),
            certificate("next", Duration.ofDays(1)),
            certificate("next", Duration.ofDays(1))));

    var health = collect();

    assertThat(health.expiringCertificates())
        .extracting(Health.Certificate::source)
        .containsExactly("next", "last");
    var condition = condition(health, "CertificatesValid");
    assertThat(condition.status()).isEqualTo("True");
    assertThat(condition.reason()).isEqualTo("ExpireSoon");
    assertThat(condition.message()).isEqualTo("expire soon: next (2026-01-03), last (2026-02-01)");
  }

  @Test
  void certificateThatHasEndedIsNotValid() {
    view.certificates(
        List.of(certificate("webhook", Duration.ZERO), certificate("other", Duration.ofDays(2))));

    var condition = condition(collect(), "CertificatesValid");

    assertThat(condition.status()).isEqualTo("False");
    assertThat(condition.reason()).isEqualTo("Expired");
    assertThat(condition.message()).isEqualTo("expired: webhook (2026-01-02)");
  }

  @Test
  void certificatesThatWebhooksAndApisAreTrustedByAreSeen() throws Exception {
    var ca = TestCa.root("Webhook CA");
    String bundle = Base64.getEncoder().encodeToString(ca.pem().getBytes(US_ASCII));
    view.with(
            Kinds.VALIDATING_WEBHOOKS,
            "{metadata:{name:'v'},webhooks:[{name:'a.v.io',clientConfig:{caBundle:'"
                + bundle
                + "'}},{name:'b.v.io',clientConfig:{}}]}")
        .with(
            Kinds.MUTATING_WEBHOOKS,
            "{metadata:{name:'m'},webhooks:[{name:'a.m.io',clientConfig:{caBundle:'"
                + bundle
                + "'}}]}")
        .with(
            Kinds.API_SERVICES,
            "{metadata:{name:'v1.x'},spec:{service:{name:'x'},caBundle:'" + bundle + "'}}");
    Instant end = ca.certificate().getNotAfter().toInstant();

    var health =
        HealthCollector.collect(view, new Findings(end), List.of(), 10, end.minusSeconds(1));

    assertThat(health.expiringCertificates())
        .containsExactly(
            new Health.Certificate("caBundle of API service v1.x", "CN=Webhook CA", end),
            new Health.Certificate("caBundle of webhook a.m.io", "CN=Webhook CA", end),
            new Health.Certificate("caBundle of webhook a.v.io", "CN=Webhook CA", end));
  }

  @Test
  void webhooksThatMayNotBeReadAreNamed() {
    view.certificates(List.of(certificate("API server", Duration.ofDays(1))))
        .without(Kinds.MUTATING_WEBHOOKS, Cause.FORBIDDEN);
    var findings = new Findings(FakeView.AT);

    var health = HealthCollector.collect(view, findings, List.of(), 10, FakeView.AT);

    assertThat(health.expiringCertificates()).hasSize(1);
    assertThat(findings.undetermined())
        .extracting(Undetermined::path, Undetermined::cause)
        .contains(tuple("health.expiringCertificates.webhooks", Cause.FORBIDDEN));
  }

  @Test
  void noCertificateSeenIsNotAllCertificatesValid() {
    var health = collect();

    assertThat(health.expiringCertificates()).isNull();
    assertThat(condition(health, "CertificatesValid").status()).isEqualTo("Unknown");
    assertThat(condition(health, "CertificatesValid").reason()).isEqualTo("NoEvidence");
  }

  @Test
  void silentClusterIsUnknownThroughout() {
    var findings = new Findings(FakeView.AT);

    var health =
        HealthCollector.collect(
            FakeView.silent(Cause.TIMEOUT), findings, List.of(), 10, FakeView.AT);

    assertThat(health.ready()).isNull();
    assertThat(health.conditions()).extracting(Condition::status).containsOnly("Unknown");
    assertThat(health.nodes()).isNull();
    assertThat(health.unavailableApis()).isNull();
    assertThat(findings.evidence()).isEmpty();
  }
}
