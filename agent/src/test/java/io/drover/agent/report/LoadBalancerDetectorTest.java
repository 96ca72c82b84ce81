package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Capabilities.LoadBalancerCapabilities;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.LoadBalancer;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LoadBalancerDetectorTest {
  private static final String OLD = "2026-01-02T02:00:00Z";
  private static final String NEW = "2026-01-02T03:03:00Z";
  private static final String POOLS = "metallb.io/ipaddresspools";
  private static final String L2 = "metallb.io/l2advertisements";
  private static final String BGP = "metallb.io/bgpadvertisements";

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private LoadBalancerDetector detector() {
    return new LoadBalancerDetector(new Seen(view), findings);
  }

  private Finding<LoadBalancerCapabilities> capabilities() {
    return detector().capabilities();
  }

  private List<LoadBalancer> listed() {
    return FindingParts.value(detector().loadBalancers());
  }

  private void service(String name, String created, String address, String metadata, String spec) {
    view.with(
        Kinds.SERVICES,
        """
        {metadata:{namespace:'a',name:'%s',creationTimestamp:'%s'%s},
         spec:{type:'LoadBalancer'%s},status:{loadBalancer:{ingress:[%s]}}}
        """
            .formatted(name, created, metadata, spec, address));
  }

  private void workload(String image, String labels) {
    view.with(
        Kinds.DEPLOYMENTS,
        """
        {metadata:{namespace:'lb',name:'w',labels:{%s}},
         spec:{template:{spec:{containers:[{image:'%s'}]}}},status:{readyReplicas:1}}
        """
            .formatted(labels, image));
  }

  private void metalLb(boolean pools, boolean advertisements) {
    workload("quay.io/metallb/controller:v0.15.2", "");
    view.count(POOLS, found(pools)).count(L2, found(advertisements)).count(BGP, found(false));
  }

  @Test
  void bareClusterTellsNothing() {
    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(FindingParts.cause(detector().loadBalancers())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "\"{hostname:'x.elb.eu-west-1.amazonaws.com'}\", \"\", \"\", ELB",
        "\"{ip:'1.2.3.4'}\", \",finalizers:['svccontroller.k3s.cattle.io/daemonset']\", \"\","
            + " klipper",
        "\"{ip:'1.2.3.4'}\", \"\", \",loadBalancerClass:'io.cilium/node'\", Cilium",
        "\"{ip:'1.2.3.4'}\", \",annotations:{'metallb.io/ip-allocated-from-pool':'p'}\", \"\","
            + " MetalLB",
        "\"{ip:'1.2.3.4'}\", \"\", \",loadBalancerClass:'example.org/own'\", example.org/own"
      })
  void serviceWithAnAddressProvesItsProvider(
      String address, String metadata, String spec, String provider) {
    service("s", NEW, address, metadata, spec);

    assertThat(FindingParts.value(capabilities()).enabled()).isTrue();
    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo(provider);
    assertThat(FindingParts.confidence(capabilities())).isEqualTo(Confidence.CERTAIN);
    assertThat(FindingParts.source(capabilities())).isEqualTo("Service a/s");
    assertThat(listed()).hasSize(1);
    assertThat(listed().getFirst().working()).isTrue();
    assertThat(listed().getFirst().confidence()).isEqualTo(Confidence.CERTAIN);
  }

  @Test
  void protocolsAndHealthChecksAreTheProviders() {
    service("s", NEW, "{hostname:'x.elb.amazonaws.com'}", "", "");

    assertThat(FindingParts.value(capabilities()))
        .isEqualTo(new LoadBalancerCapabilities(true, "ELB", List.of("TCP"), true));
  }

  @Test
  void addressFromNobodyKnownIsStillProof() {
    service("s", NEW, "{ip:'1.2.3.4'}", "", "");

    assertThat(FindingParts.value(capabilities()))
        .isEqualTo(new LoadBalancerCapabilities(true, null, null, null));
  }

  @Test
  void addressWithoutATraitIsOfTheOnlyOneInstalled() {
    metalLb(true, true);
    service("s", NEW, "{ip:'1.2.3.4'}", "", "");

    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("MetalLB");
  }

  @Test
  void finalizerOfCloudsIsOfTheCloudOfTheNodes() {
    view.with(Kinds.NODES, "{metadata:{name:'a'},spec:{providerID:'azure:///x'}}");
    service(
        "s",
        NEW,
        "{ip:'1.2.3.4'}",
        ",finalizers:['service.kubernetes.io/load-balancer-cleanup']",
        "");

    assertThat(FindingParts.value(capabilities()))
        .isEqualTo(new LoadBalancerCapabilities(true, "Azure L4 LB", List.of("TCP", "UDP"), true));
  }

  @Test
  void installedAndConfiguredOneIsLikely() {
    metalLb(true, true);

    assertThat(capabilities())
        .isEqualTo(
            Finding.likely(
                new LoadBalancerCapabilities(true, "MetalLB", List.of("TCP", "UDP"), false),
                "Deployment lb/w"));
    assertThat(listed())
        .containsExactly(
            new LoadBalancer(
                "MetalLB",
                null,
                List.of("TCP", "UDP"),
                false,
                Confidence.LIKELY,
                List.of("Deployment lb/w", "API group metallb.io")));
  }

  @ParameterizedTest
  @CsvSource({"false,true", "true,false", "false,false"})
  void installedOneWithoutItsConfigurationDoesNotWork(boolean pools, boolean advertisements) {
    metalLb(pools, advertisements);

    assertThat(FindingParts.value(capabilities()).enabled()).isFalse();
    assertThat(FindingParts.value(capabilities()).provider()).isNull();
    assertThat(FindingParts.confidence(capabilities())).isEqualTo(Confidence.LIKELY);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void configurationThatCannotBeReadIsUnknown(Cause cause) {
    metalLb(true, true);
    view.count(POOLS, missing(cause));

    assertThat(FindingParts.cause(capabilities())).isEqualTo(cause);
  }

  @Test
  void oldApiServerSaysByNotFindingIt() {
    metalLb(true, false);
    view.groupsOnly().count(L2, missing(Cause.NOT_SERVED));

    assertThat(FindingParts.value(capabilities()).enabled()).isFalse();
  }

  @Test
  void mostWorkingOneOfSeveralIsTheProvider() {
    service("r", NEW, "{ip:'1.2.3.4'}", "", "");
    service("s", NEW, "{ip:'1.2.3.4'}", "", ",loadBalancerClass:'tailscale'");
    service("t", NEW, "{hostname:'t.elb.amazonaws.com'}", "", "");
    service("u", NEW, "{hostname:'u.elb.amazonaws.com'}", "", "");

    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("ELB");
    assertThat(FindingParts.source(capabilities())).isEqualTo("Service a/t");
  }

  @Test
  void leftOverApiIsNoLoadBalancer() {
    view.count(POOLS, found(true)).count(L2, found(true));

    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void networkPluginThatCouldIsNoneBeforeItIsConfigured() {
    view.count("cilium.io/ciliumloadbalancerippools", found(false));
    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);

    view.count("cilium.io/ciliumloadbalancerippools", found(true))
        .count("cilium.io/ciliuml2announcementpolicies", found(true));
    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("Cilium");
  }

  @Test
  void needOfSomeObjectsIsOpenIfThereAreAny() {
    service("s", OLD, "", "", ",loadBalancerClass:'calico'");
    view.count("crd.projectcalico.org/ippools", found(true));

    var calico =
        LoadBalancerRow.KNOWN.stream()
            .filter(row -> row.provider().equals("Calico"))
            .findFirst()
            .orElseThrow();
    assertThat(calico.needsMet(new Seen(view)).found()).isEmpty();

    view.count("crd.projectcalico.org/ippools", found(false));
    assertThat(calico.needsMet(new Seen(view)).found()).contains(false);
  }

  @Test
  void serversOfK3sHaveTheirOwnUnlessDisabled() {
    view.with(Kinds.NODES, server("--disable=traefik"));
    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("klipper");
    assertThat(FindingParts.confidence(capabilities())).isEqualTo(Confidence.LIKELY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"--disable=servicelb", "--disable=traefik,servicelb"})
  void disabledOneIsNotThereThoughItsPodsAre(String argument) {
    view.with(Kinds.NODES, server(argument));
    workload("rancher/klipper-lb:v0.4.9", "'svccontroller.k3s.cattle.io/svcname':'x'");

    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void rke2HasItOnlyIfEnabled() {
    view.with(Kinds.NODES, server("--cni=canal").replace("k3s.io/node-args", "rke2.io/node-args"));
    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);

    view.with(
        Kinds.NODES, server("--enable-servicelb").replace("k3s.io/node-args", "rke2.io/node-args"));
    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("klipper");
  }

  private static String server(String argument) {
    return "{metadata:{name:'a',annotations:{'k3s.io/node-args':'[\"server\",\"%s\"]'}}}"
        .formatted(argument);
  }

  @Test
  void cloudNeedsItsController() {
    view.with(Kinds.NODES, "{metadata:{name:'a'},spec:{providerID:'gce://p/z/a'}}");
    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(listed().getFirst().confidence()).isEqualTo(Confidence.ASSUMED);

    view.with(
        Kinds.NODES,
        "{metadata:{name:'b',labels:{'topology.kubernetes.io/region':'r'}},"
            + "spec:{providerID:'gce://p/z/b'}}");
    assertThat(FindingParts.value(capabilities()))
        .isEqualTo(new LoadBalancerCapabilities(true, "GCLB", List.of("TCP", "UDP"), true));
    assertThat(FindingParts.confidence(capabilities())).isEqualTo(Confidence.LIKELY);
  }

  @Test
  void whatServicesOthersGetIsSeenInTheirArgumentsOnly() {
    workload("ghcr.io/kube-vip/kube-vip:v1.0.0", "");

    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(listed().getFirst().provider()).isEqualTo("kube-vip");
    assertThat(listed().getFirst().confidence()).isEqualTo(Confidence.ASSUMED);
  }

  @Test
  void networkPluginIsNoLikelyOneBeforeItHasAddresses() {
    view.serving("crd.antrea.io/externalippools");
    view.count("crd.antrea.io/externalippools", missing(Cause.FORBIDDEN));
    assertThat(listed().getFirst().confidence()).isEqualTo(Confidence.ASSUMED);
    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.FORBIDDEN);

    view.count("crd.antrea.io/externalippools", found(true));
    assertThat(listed().getFirst().confidence()).isEqualTo(Confidence.LIKELY);
  }

  @Test
  void configMapOfKubeSystemIsASignBesideItsWorkload() {
    workload("ghcr.io/kube-vip/kube-vip-cloud-provider:v0.0.12", "");
    view.systemConfigMaps(found(Set.of("kubevip")));

    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("kube-vip");
    assertThat(listed().getFirst().sources()).contains("ConfigMap kube-system/kubevip");
  }

  @Test
  void servicesThatWaitForLongSpeakAgainst() {
    service("s", OLD, "", "", "");
    service("t", OLD, "", "", "");

    assertThat(capabilities())
        .isEqualTo(
            Finding.likely(
                new LoadBalancerCapabilities(false, null, null, null),
                "Services wait: a/s and 1 more"));
  }

  @ParameterizedTest
  @ValueSource(strings = {NEW, "", "yesterday"})
  void servicesThatDoNotWaitForLongTellNothing(String created) {
    service("s", created, "", "", "");

    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void waitingServicesAndAnInstalledOneContradictEachOther() {
    metalLb(true, true);
    service("s", OLD, "", "", "");

    assertThat(FindingParts.cause(capabilities())).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(listed().getFirst().working()).isFalse();
  }

  @Test
  void servicesThatWaitForAnotherDoNotCount() {
    metalLb(true, true);
    service("s", OLD, "", "", ",loadBalancerClass:'tailscale'");

    assertThat(FindingParts.value(capabilities()).provider()).isEqualTo("MetalLB");
    assertThat(listed()).extracting(LoadBalancer::provider).containsExactly("MetalLB", "Tailscale");
  }

  @Test
  void thoseAtWorkComeFirst() {
    metalLb(true, true);
    service("s", NEW, "{hostname:'x.ts.net'}", "", "");

    assertThat(listed()).extracting(LoadBalancer::provider).containsExactly("Tailscale", "MetalLB");
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void nothingIsSaidAgainstOneIfNotAllWasSeen(Cause cause) {
    service("s", OLD, "", "", "");
    view.without(Kinds.DAEMON_SETS, cause);

    assertThat(FindingParts.cause(capabilities())).isEqualTo(cause);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void servicesThatCannotBeReadLeaveWhatIsInstalled(Cause cause) {
    view.without(Kinds.SERVICES, cause);
    assertThat(FindingParts.cause(capabilities())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().loadBalancers())).isEqualTo(cause);

    metalLb(true, true);
    assertThat(FindingParts.value(capabilities()).enabled()).isTrue();
    assertThat(listed().getFirst().working()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactly("details.loadBalancers.working");
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void discoveryThatCannotBeReadIsNoNo(Cause cause) {
    service("s", OLD, "", "", "");
    view.discovery(cause);

    assertThat(FindingParts.cause(capabilities())).isEqualTo(cause);
  }
}
