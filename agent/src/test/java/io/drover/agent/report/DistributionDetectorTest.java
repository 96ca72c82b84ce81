package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.Distribution;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DistributionDetectorTest {
  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private DistributionDetector detector() {
    return new DistributionDetector(new Seen(view), findings);
  }

  private Distribution distribution() {
    var detector = detector();
    return FindingParts.value(detector.distribution(detector.id()));
  }

  private Finding<String> provider() {
    var detector = detector();
    return detector.provider(detector.id());
  }

  @ParameterizedTest
  @CsvSource({
    "v1.33.2-eks-931bdca, {metadata:{name:'a'}}, eks",
    "v1.33.2-gke.1111000, {metadata:{name:'a'}}, gke",
    "v1.33.2+k3s1, {metadata:{name:'a'}}, k3s",
    "v1.33.2+rke2r1, {metadata:{name:'a'}}, rke2",
    "v1.33.2+rke2r1, {metadata:{name:'a';labels:{'harvesterhci.io/managed':'true'}}}, harvester",
    "v1.33.2, {metadata:{name:'a';labels:{'kubernetes.azure.com/cluster':'x'}}}, aks",
    "v1.33.2, {metadata:{name:'a'};status:{nodeInfo:{osImage:'Docker Desktop'}}}, docker",
    "v1.33.2, {metadata:{name:'a';labels:{'minikube.k8s.io/name':'x'}}}, minikube",
    "v1.27.1, {metadata:{name:'a';annotations:{'rke.cattle.io/external-ip':'x'}}}, rke",
    "v1.27.1, {metadata:{name:'a';labels:{'kubernetes.io/os':'windows'};"
        + "annotations:{'rke.cattle.io/internal-ip':'x'}}}, rke.windows"
  })
  void ranchersIdsAreFound(String version, String node, String id) {
    view.gitVersion(version).with(Kinds.NODES, node.replace(';', ','));

    assertThat(FindingParts.value(provider())).isEqualTo(id);
    assertThat(FindingParts.confidence(provider())).isEqualTo(Confidence.CERTAIN);
    assertThat(distribution().id()).isEqualTo(id);
  }

  @ParameterizedTest
  @CsvSource({
    "v1.33.2+k0s.0, {metadata:{name:'a'}}, k0s",
    "v1.33.2, {metadata:{name:'a'};spec:{providerID:'kind://docker/kind/a'}}, kind",
    "v1.33.2, {metadata:{name:'a'};status:{nodeInfo:{osImage:'Talos (v1.10.4)'}}}, talos"
  })
  void othersGoToTheDetails(String version, String node, String id) {
    view.gitVersion(version).with(Kinds.NODES, node.replace(';', ','));

    assertThat(distribution().id()).isEqualTo(id);
    assertThat(FindingParts.cause(provider())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void openShiftIsTheOneWithoutFedora() {
    view.serving("config.openshift.io/clusterversions").with(Kinds.NODES, "{metadata:{name:'a'}}");
    assertThat(distribution()).isEqualTo(new Distribution("openshift", null));

    view.with(
        Kinds.NODES,
        "{metadata:{name:'b'},status:{nodeInfo:{osImage:'Fedora CoreOS 41.20250302'}}}");
    assertThat(distribution().id()).isEqualTo("okd");
  }

  @Test
  void kubeadmLeavesAConfigMap() {
    view.systemConfigMaps(found(Set.of("kubeadm-config")));

    assertThat(distribution()).isEqualTo(new Distribution("kubeadm", null));
    assertThat(FindingParts.confidence(detector().id())).isEqualTo(Confidence.LIKELY);
  }

  @Test
  void twoNodesAreNotDockerDesktop() {
    String node = "{metadata:{name:'%s'},status:{nodeInfo:{osImage:'Docker Desktop'}}}";
    view.with(Kinds.NODES, node.formatted("a"), node.formatted("b"));

    assertThat(FindingParts.cause(detector().id())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void bareClusterIsNobodys() {
    assertThat(FindingParts.cause(detector().id())).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(FindingParts.cause(provider())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void versionThatNamesItIsEnough() {
    view.gitVersion("v1.33.2+k3s1").without(Kinds.NODES, Cause.FORBIDDEN);

    assertThat(FindingParts.value(provider())).isEqualTo("k3s");
    assertThat(FindingParts.confidence(provider())).isEqualTo(Confidence.LIKELY);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void rowsAfterOneThatCannotBeJudgedAreNotTaken(Cause cause) {
    view.without(Kinds.NODES, cause).systemConfigMaps(found(Set.of("kubeadm-config")));

    assertThat(FindingParts.cause(detector().id())).isEqualTo(cause);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void versionThatCannotBeReadIsUnknown(Cause cause) {
    view.version(missing(cause));

    assertThat(FindingParts.cause(provider())).isEqualTo(cause);
  }

  @Test
  void versionWithoutANameIsUnreadable() {
    view.version(found(FakeView.json("{gitVersion:7.5,major:[]}")))
        .version(found(FakeView.json("{}")));

    assertThat(FindingParts.cause(detector().id())).isEqualTo(Cause.UNREADABLE);
    assertThat(new Seen(view).minor().found()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "v1.33.2-gke.1, {metadata:{name:'gk3-a'}}, autopilot",
    "v1.33.2-gke.1, {metadata:{name:'gke-a'}}, ",
    "v1.33.2+k3s1, {metadata:{name:'a'};status:{nodeInfo:{osImage:'K3s v1.33.2+k3s1'}}}, k3d",
    "v1.33.2+k3s1, {metadata:{name:'a';annotations:{'cluster.x-k8s.io/machine':'m'}}}, cluster-api",
    "v1.33.2-eks-1, {metadata:{name:'a';labels:{'eks.amazonaws.com/compute-type':'fargate'}}}, "
        + "fargate"
  })
  void modeRefinesADistribution(String version, String node, String mode) {
    view.gitVersion(version).with(Kinds.NODES, node.replace(';', ','));

    assertThat(distribution().mode()).isEqualTo(mode);
    assertThat(findings.undetermined()).isEmpty();
  }

  @Test
  void modeThatCannotBeJudgedIsNamed() {
    view.gitVersion("v1.33.2-gke.1").without(Kinds.NODES, Cause.TIMEOUT);

    assertThat(distribution()).isEqualTo(new Distribution("gke", null));
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactly("details.distribution.mode");
  }
}
