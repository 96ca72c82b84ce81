package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details.NetworkPolicy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NetworkPolicyDetectorTest {
  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private Finding<NetworkPolicy> finding() {
    var seen = new Seen(view);
    return new NetworkPolicyDetector(seen, findings, new DistributionDetector(seen, findings).id())
        .networkPolicy();
  }

  private NetworkPolicy policy() {
    return FindingParts.value(finding());
  }

  private void daemonSet(String name, String image) {
    view.with(
        Kinds.DAEMON_SETS,
        """
        {metadata:{namespace:'kube-system',name:'%s'},
         spec:{template:{spec:{containers:[{image:'%s'}]}}}}
        """
            .formatted(name, image));
  }

  @ParameterizedTest
  @CsvSource({
    "calico-node, docker.io/calico/node:v3.30, calico, true",
    "renamed, quay.io/cilium/cilium:v1.17, cilium, true",
    "rke2-canal, rancher/hardened-calico:v3.30, rke2-canal, true",
    "kube-flannel-ds, ghcr.io/flannel-io/flannel:v0.26, flannel, false",
    "kindnet, docker.io/kindest/kindnetd:v20250512-df8de77b, kindnet, true",
    "kindnet, docker.io/kindest/kindnetd:v20230511-dc714da8, kindnet,",
    "aws-node, 602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.19, aws-vpc-cni,"
  })
  void pluginDecides(String name, String image, String provider, Boolean supported) {
    daemonSet(name, image);

    assertThat(policy()).isEqualTo(new NetworkPolicy(supported, provider, false));
  }

  @Test
  void betterOneOfTwoDecides() {
    daemonSet("kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.26");
    daemonSet("calico-node", "docker.io/calico/node:v3.30");

    assertThat(policy().provider()).isEqualTo("calico");
  }

  @Test
  void apiAloneIsTakenIfNoPluginIsSeen() {
    view.serving("crd.projectcalico.org/ippools");
    assertThat(policy()).isEqualTo(new NetworkPolicy(true, "calico", false));

    daemonSet("kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.26");
    assertThat(policy()).isEqualTo(new NetworkPolicy(false, "flannel", false));
  }

  @Test
  void k3sHasItsOwn() {
    view.gitVersion("v1.33.2+k3s1").with(Kinds.NODES, "{metadata:{name:'a'}}");

    assertThat(policy()).isEqualTo(new NetworkPolicy(true, "k3s", false));
  }

  @Test
  void k3sWithoutItsOwnHasNone() {
    view.gitVersion("v1.33.2+k3s1")
        .with(
            Kinds.NODES,
            "{metadata:{name:'a',annotations:{'k3s.io/node-args':"
                + "'[\"server\",\"--disable-network-policy\"]'}}}");

    assertThat(policy()).isEqualTo(new NetworkPolicy(false, null, false));
  }

  @Test
  void adminPoliciesAreAnApi() {
    view.serving("policy.networking.k8s.io/adminnetworkpolicies");

    assertThat(policy().adminPolicies()).isTrue();
  }

  @Test
  void noKnownPluginLeavesItOpen() {
    assertThat(policy()).isEqualTo(new NetworkPolicy(null, null, false));
    assertThat(findings.undetermined())
        .extracting(Undetermined::path, Undetermined::cause)
        .containsExactly(tuple("details.networkPolicy.supported", Cause.NO_EVIDENCE));
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void noIsNotSaidIfAnotherPluginMayBeThere(Cause cause) {
    daemonSet("kube-flannel-ds", "ghcr.io/flannel-io/flannel:v0.26");
    view.without(Kinds.DEPLOYMENTS, cause);

    assertThat(policy()).isEqualTo(new NetworkPolicy(null, "flannel", false));
    assertThat(findings.undetermined()).extracting(Undetermined::cause).contains(cause);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    view.discovery(cause).without(Kinds.DAEMON_SETS, cause);

    assertThat(FindingParts.cause(finding())).isEqualTo(cause);
  }
}
