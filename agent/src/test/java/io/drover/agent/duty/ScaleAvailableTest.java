package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.view.Kinds;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScaleAvailableTest {
  private final FakeView view = new FakeView().know(Kinds.NODES).know(Kinds.DEPLOYMENTS);
  private final FakeWriter writer = new FakeWriter();
  private final ScaleAvailable duty = new ScaleAvailable(view, writer);

  @ParameterizedTest
  @CsvSource({
    // annotation, nodes, replicas, scaled to
    "2, 2, 1, 2",
    "2, 1, 2, 1",
    "2, 0, 2, 1",
    "2, 5, 2, ",
    "3, 2, 2, ",
    "0, 2, 2, 1",
    "-4, 2, 2, 1",
    "+2, 2, 1, 2",
    "two, 2, 1, ",
    "'2 ', 2, 1, ",
    "'', 2, 1, ",
    "99999999999999999999, 2, 1, ",
  })
  void asManyAsSaidButNoMoreThanNodes(String annotation, int nodes, int replicas, Integer scaled)
      throws Exception {
    for (int node = 0; node < nodes; node++) {
      view.add(Kinds.NODES, "{'metadata': {'name': 'n" + node + "'}}");
    }
    view.add(Kinds.DEPLOYMENTS, deployment(annotation, ", 'replicas': " + replicas));

    duty.pass();

    if (scaled == null) {
      assertThat(writer.calls).isEmpty();
    } else {
      assertThat(writer.calls)
          .containsExactly("scale cattle-system/cattle-cluster-agent " + scaled);
    }
  }

  @Test
  void nodesThatMayNotBeReadAreAFailure() {
    view.forbid(Kinds.NODES);

    assertThatThrownBy(duty::pass).isInstanceOf(IOException.class).hasMessage("list nodes: 403");
  }

  @Test
  void missingReplicasAreOne() throws Exception {
    view.add(Kinds.NODES, "{'metadata': {'name': 'n'}}");
    view.add(Kinds.DEPLOYMENTS, deployment("2", ""));

    duty.pass();
    assertThat(writer.calls).isEmpty();

    view.add(Kinds.NODES, "{'metadata': {'name': 'm'}}");
    duty.pass();
    assertThat(writer.calls).containsExactly("scale cattle-system/cattle-cluster-agent 2");
  }

  @Test
  void nodesThatTheSelectorRulesOutDoNotCountButCordonedOnesDo() throws Exception {
    view.add(Kinds.NODES, "{'metadata': {'name': 'a', 'labels': {'os': 'linux', 'x': 'y'}}}");
    view.add(
        Kinds.NODES,
        "{'metadata': {'name': 'b', 'labels': {'os': 'linux'}}, 'spec': {'unschedulable': true}}");
    view.add(Kinds.NODES, "{'metadata': {'name': 'c', 'labels': {'os': 'windows'}}}");
    view.add(
        Kinds.DEPLOYMENTS,
        deployment("9", ", 'template': {'spec': {'nodeSelector': {'os': 'linux'}}}"));

    duty.pass();

    assertThat(writer.calls).containsExactly("scale cattle-system/cattle-cluster-agent 2");
  }

  @Test
  void everyAnnotatedDeploymentIsScaledAndNoOther() throws Exception {
    view.add(Kinds.NODES, "{'metadata': {'name': 'a'}}");
    view.add(Kinds.DEPLOYMENTS, "{'metadata': {'name': 'plain'}, 'spec': {'replicas': 7}}");
    view.add(
        Kinds.DEPLOYMENTS,
        "{'metadata': {'namespace': 'other', 'name': 'web', 'annotations':"
            + " {'management.cattle.io/scale-available': '3'}}, 'spec': {'replicas': 7}}");

    duty.pass();

    assertThat(writer.calls).containsExactly("scale other/web 1");
  }

  @Test
  void doesNothingUntilNodesAreKnown() throws Exception {
    var notYet = new FakeView().add(Kinds.DEPLOYMENTS, deployment("2", ", 'replicas': 2"));

    new ScaleAvailable(notYet, writer).pass();
    new ScaleAvailable(new FakeView(), writer).pass();

    assertThat(writer.calls).isEmpty();
  }

  private static String deployment(String annotation, String spec) {
    return ("{'metadata': {'namespace': 'cattle-system', 'name': 'cattle-cluster-agent',"
            + " 'annotations': {'management.cattle.io/scale-available': '%s'}},"
            + " 'spec': {'paused': false%s}}")
        .formatted(annotation, spec);
  }
}
