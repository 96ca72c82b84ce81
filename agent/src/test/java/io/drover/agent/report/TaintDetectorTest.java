package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Facts.TaintTrial;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.TaintInUse;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TaintDetectorTest {
  private final FakeView view = new FakeView();

  private TaintDetector detector() {
    return new TaintDetector(new Seen(view));
  }

  @Test
  void acceptedTrialIsSupport() {
    view.taintTrial(found(TaintTrial.ACCEPTED)).with(Kinds.NODES, "{metadata:{name:'a'}}");

    assertThat(detector().support())
        .isEqualTo(Finding.certain(true, "accepted attempt to taint a node"));
  }

  @Test
  void refusedTrialIsNone() {
    view.taintTrial(found(TaintTrial.REFUSED));

    assertThat(FindingParts.value(detector().support())).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{metadata:{name:'v',labels:{type:'virtual-kubelet'}}}",
        "{metadata:{name:'v',labels:{'eks.amazonaws.com/compute-type':'fargate'}}}",
        "{metadata:{name:'v',annotations:{'kwok.x-k8s.io/node':'fake'}}}",
        "{metadata:{name:'v'},spec:{taints:[{key:'virtual-kubelet.io/provider',value:'x',"
            + "effect:'NoSchedule'}]}}"
      })
  void virtualNodesDoNotHonourTaints(String virtual) {
    view.taintTrial(found(TaintTrial.ACCEPTED)).with(Kinds.NODES, virtual);
    assertThat(FindingParts.value(detector().support())).isFalse();

    view.with(Kinds.NODES, "{metadata:{name:'a'}}");
    assertThat(FindingParts.value(detector().support())).isTrue();
  }

  @Test
  void nodesThatCannotBeReadLeaveADoubt() {
    view.taintTrial(found(TaintTrial.ACCEPTED)).without(Kinds.NODES, Cause.FORBIDDEN);

    assertThat(FindingParts.value(detector().support())).isTrue();
    assertThat(FindingParts.confidence(detector().support())).isEqualTo(Confidence.LIKELY);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    view.taintTrial(missing(cause)).without(Kinds.NODES, cause);

    assertThat(FindingParts.cause(detector().support())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().inUse())).isEqualTo(cause);
  }

  @Test
  void taintsAreCountedByNode() {
    String taint = "{key:'gpu',value:'yes',effect:'NoSchedule'}";
    view.with(
        Kinds.NODES,
        "{metadata:{name:'a'},spec:{taints:[%s,{key:'a',effect:'NoExecute'}]}}".formatted(taint),
        "{metadata:{name:'b'},spec:{taints:[%s]}}".formatted(taint));

    assertThat(FindingParts.value(detector().inUse()))
        .containsExactly(
            new TaintInUse("gpu", "yes", "NoSchedule", 2),
            new TaintInUse("a", null, "NoExecute", 1));
  }
}
