package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.NodePool;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NodePoolDetectorTest {
  private final FakeView view = new FakeView();

  private NodePoolDetector detector() {
    return new NodePoolDetector(new Seen(view));
  }

  @Test
  void importedClusterIsNotScaledByRancher() {
    assertThat(detector().scaling()).isEqualTo(Finding.certain(false, "imported cluster"));
  }

  @Test
  void poolsAreCountedByLabelAndAnnotation() {
    String node = "{metadata:{name:'%s',labels:{'cloud.google.com/gke-nodepool':'%s'}}}";
    view.with(
        Kinds.NODES,
        node.formatted("a", "small"),
        node.formatted("b", "big"),
        node.formatted("c", "big"),
        "{metadata:{name:'d',annotations:{'cluster.x-k8s.io/machine':'m'}}}",
        "{metadata:{name:'e'}}");

    assertThat(FindingParts.value(detector().pools()))
        .containsExactly(
            new NodePool("gke-nodepool", "big", 2),
            new NodePool("capi-machine", "m", 1),
            new NodePool("gke-nodepool", "small", 1));
  }

  @Test
  void poolUnderTwoLabelsOfOneKindIsOne() {
    view.with(
        Kinds.NODES,
        "{metadata:{name:'a',labels:{agentpool:'p','kubernetes.azure.com/agentpool':'p'}}}");

    assertThat(FindingParts.value(detector().pools()))
        .containsExactly(new NodePool("aks-agentpool", "p", 1));
  }

  @Test
  void noKnownLabelIsLikelyNoPool() {
    view.with(Kinds.NODES, "{metadata:{name:'a'}}");

    assertThat(FindingParts.value(detector().pools())).isEmpty();
    assertThat(FindingParts.confidence(detector().pools())).isEqualTo(Confidence.LIKELY);
  }

  @Test
  void autoscalerLeavesItsStatus() {
    view.systemConfigMaps(found(Set.of("cluster-autoscaler-status")));

    assertThat(detector().autoscaler())
        .isEqualTo(Finding.certain(true, "ConfigMap kube-system/cluster-autoscaler-status"));
  }

  @ParameterizedTest
  @CsvSource({
    "registry.k8s.io/autoscaling/cluster-autoscaler:v1.33, 1, true",
    "public.ecr.aws/karpenter/controller:1.5, 1, true",
    "public.ecr.aws/karpenter/controller:1.5, 0, false"
  })
  void autoscalerIsAWorkload(String image, int ready, boolean there) {
    view.with(
        Kinds.DEPLOYMENTS,
        """
        {metadata:{namespace:'a',name:'b'},
         spec:{template:{spec:{containers:[{image:'%s'}]}}},status:{readyReplicas:%d}}
        """
            .formatted(image, ready));

    assertThat(detector().autoscaler()).isEqualTo(Finding.likely(there, "workload a/b"));
  }

  @Test
  void nothingOfItIsLikelyNone() {
    assertThat(FindingParts.value(detector().autoscaler())).isFalse();
    assertThat(FindingParts.confidence(detector().autoscaler())).isEqualTo(Confidence.LIKELY);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    view.without(Kinds.NODES, cause).without(Kinds.DEPLOYMENTS, cause);
    assertThat(FindingParts.cause(detector().pools())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().autoscaler())).isEqualTo(cause);

    view.with(Kinds.DEPLOYMENTS, new String[0]).systemConfigMaps(missing(cause));
    assertThat(FindingParts.cause(detector().autoscaler())).isEqualTo(cause);
  }
}
