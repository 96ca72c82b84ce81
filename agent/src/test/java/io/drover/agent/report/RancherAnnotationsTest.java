package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import java.util.Map;
import java.util.SortedMap;
import org.junit.jupiter.api.Test;

class RancherAnnotationsTest {
  private final FakeView view = new FakeView();

  private SortedMap<String, Map<String, String>> changes() {
    return RancherAnnotations.changes(
        view.all(Kinds.NODES).found().orElseThrow(), view.all(Kinds.PODS).found().orElseThrow());
  }

  private static String node(String name) {
    return "{metadata:{name:'%s'}}".formatted(name);
  }

  private static String pod(String name, String node, String phase, String spec) {
    return "{metadata:{namespace:'n',name:'%s'},spec:{nodeName:'%s',%s},status:{phase:'%s'}}"
        .formatted(name, node, spec, phase);
  }

  /** As measured of the stock agent on a bare cluster. */
  @Test
  void podsWithoutResourcesAreCounted() {
    view.with(Kinds.NODES, node("a"))
        .with(
            Kinds.PODS,
            pod("1", "a", "Running", "containers:[{}]"),
            pod("2", "a", "Pending", "containers:[{}]"),
            pod("3", "a", "Succeeded", "containers:[{}]"),
            pod("4", "a", "Failed", "containers:[{}]"),
            pod("5", "b", "Running", "containers:[{}]"));

    assertThat(changes())
        .isEqualTo(
            Map.of(
                "a",
                Map.of(
                    RancherAnnotations.REQUESTS, "{\"pods\":\"2\"}",
                    RancherAnnotations.LIMITS, "{}")));
  }

  @Test
  void namesAreSortedAndAmountsCanonical() {
    view.with(Kinds.NODES, node("a"))
        .with(
            Kinds.PODS,
            pod(
                "1",
                "a",
                "Running",
                "containers:[{resources:{requests:{memory:'512Mi',cpu:'0.5','nvidia.com/gpu':1},"
                    + "limits:{'ephemeral-storage':'1.5Gi'}}}]"),
            pod(
                "2",
                "a",
                "Running",
                "containers:[{resources:{requests:{memory:'512Mi',cpu:'600m','hugepages-2Mi':'4Mi'}}}]"));

    assertThat(changes().get("a"))
        .isEqualTo(
            Map.of(
                RancherAnnotations.REQUESTS,
                "{\"cpu\":\"1100m\",\"hugepages-2Mi\":\"4Mi\",\"memory\":\"1Gi\","
                    + "\"nvidia.com/gpu\":\"1\",\"pods\":\"2\"}",
                RancherAnnotations.LIMITS,
                "{\"ephemeral-storage\":\"1536Mi\"}"));
  }

  @Test
  void initContainersCountOnlyWhereTheyAreLarger() {
    view.with(Kinds.NODES, node("a"))
        .with(
            Kinds.PODS,
            pod(
                "1",
                "a",
                "Running",
                "overhead:{cpu:'5'},"
                    + "initContainers:[{restartPolicy:'Always',"
                    + "resources:{requests:{cpu:'2',memory:'1Mi'}}}],"
                    + "containers:[{resources:{requests:{cpu:'1',memory:'2Mi'}}}]"));

    assertThat(changes().get("a"))
        .containsEntry(
            RancherAnnotations.REQUESTS, "{\"cpu\":\"2\",\"memory\":\"2Mi\",\"pods\":\"1\"}");
  }

  @Test
  void nodeWithoutPodsHasEmptyLists() {
    view.with(Kinds.NODES, node("a"));

    assertThat(changes().get("a"))
        .isEqualTo(Map.of(RancherAnnotations.REQUESTS, "{}", RancherAnnotations.LIMITS, "{}"));
  }

  @Test
  void onlyWhatDiffersIsToBeWritten() {
    view.with(
            Kinds.NODES,
            "{metadata:{name:'same',annotations:{'management.cattle.io/pod-requests':"
                + "'{\\\"pods\\\":\\\"1\\\"}','management.cattle.io/pod-limits':'{}'}}}",
            "{metadata:{name:'other',annotations:{'management.cattle.io/pod-requests':"
                + "'{\\\"pods\\\":\\\"9\\\"}','management.cattle.io/pod-limits':'{}'}}}")
        .with(
            Kinds.PODS,
            pod("1", "same", "Running", "containers:[{}]"),
            pod("2", "other", "Running", "containers:[{}]"));

    assertThat(changes())
        .isEqualTo(Map.of("other", Map.of(RancherAnnotations.REQUESTS, "{\"pods\":\"1\"}")));
  }

  /** A node that has kept its annotations would be written again and again otherwise. */
  @Test
  void orderOfPodsDoesNotMatter() {
    String first = pod("1", "a", "Running", "containers:[{resources:{requests:{memory:'1Gi'}}}]");
    String second =
        pod("2", "a", "Running", "containers:[{resources:{requests:{memory:'1000M'}}}]");
    var one = new FakeView().with(Kinds.NODES, node("a")).with(Kinds.PODS, first, second);
    var other = new FakeView().with(Kinds.NODES, node("a")).with(Kinds.PODS, second, first);

    assertThat(
            RancherAnnotations.changes(
                one.all(Kinds.NODES).found().orElseThrow(),
                one.all(Kinds.PODS).found().orElseThrow()))
        .isEqualTo(
            RancherAnnotations.changes(
                other.all(Kinds.NODES).found().orElseThrow(),
                other.all(Kinds.PODS).found().orElseThrow()));
  }
}
