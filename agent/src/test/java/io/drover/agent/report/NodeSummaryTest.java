package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.kube.Answer;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Node;
import io.drover.proto.report.Cause;
import io.drover.proto.report.NodeChecks;
import io.drover.proto.report.NodeChecks.NodeFigure;
import io.drover.proto.report.NodeChecks.NodeOffender;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.NodeSnapshot.Check;
import io.drover.proto.report.NodeSnapshot.Facts;
import io.drover.proto.report.NodeSnapshot.Pressure;
import io.drover.proto.report.NodeSnapshot.Room;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class NodeSummaryTest {
  private static final Answer<Collection<Node>> NONE =
      new Answer.Missing<>(Cause.FORBIDDEN, "asked in vain");

  private static NodeSnapshot snapshot(String node, Facts facts, Check... checks) {
    return new NodeSnapshot(node, "1.0", FakeView.AT, List.of(checks), facts);
  }

  private static Facts facts(
      @Nullable Long clock, @Nullable Pressure pressure, @Nullable Room disk) {
    return new Facts(
        clock,
        "6.12",
        List.of("10.0.0.1", "fd00::1"),
        List.of("svc.cluster.local", "a.example"),
        1450,
        pressure,
        disk,
        null);
  }

  private static Facts nothing() {
    return new Facts(null, null, null, null, null, null, null, null);
  }

  private static Check ok(String name, long millis) {
    return new Check(name, "t", millis, "", "");
  }

  private static Check failed(String name) {
    return new Check(name, "t", null, "ConnectRefused", "dial");
  }

  @Test
  void countsEachNodeOnceForEachCheck() {
    var checks =
        NodeSummary.of(
                List.of(
                    snapshot("a", nothing(), ok("peer", 1), ok("peer", 7), ok("server", 10)),
                    snapshot("b", nothing(), ok("peer", 2), failed("peer"), ok("server", 30)),
                    snapshot("c", nothing(), ok("server", 20))),
                NONE,
                10)
            .checks();

    assertThat(checks)
        .containsExactly(
            new NodeChecks.NodeCheck("agent", 3, 0, null, null),
            new NodeChecks.NodeCheck("peer", 1, 1, 7L, 7L),
            new NodeChecks.NodeCheck("server", 3, 0, 20L, 30L));
  }

  @Test
  void nodesWithoutAnAnswerAreOffendersUnlessTheyRunWindows() {
    var view =
        new FakeView()
            .with(
                Kinds.NODES,
                "{metadata:{name:'a'},status:{nodeInfo:{containerRuntimeVersion:'cri-o://1'}}}",
                "{metadata:{name:'b'},status:{nodeInfo:{containerRuntimeVersion:'cri-o://1'}}}",
                "{metadata:{name:'w'},status:{nodeInfo:{operatingSystem:'windows'}}}");

    var nodes = NodeSummary.of(List.of(snapshot("a", nothing())), view.all(Kinds.NODES), 10);

    assertThat(nodes.checks()).containsExactly(new NodeChecks.NodeCheck("agent", 1, 1, null, null));
    assertThat(nodes.offenders())
        .singleElement()
        .extracting(NodeOffender::node, NodeOffender::check, NodeOffender::reason)
        .containsExactly("b", "agent", "NodeAgentSilent");
    assertThat(nodes.runtimes()).containsOnly(Map.entry("cri-o://1", 2));
    assertThat(NodeSummary.problems(nodes))
        .containsExactly(
            Map.entry(
                "nodes: agent",
                new Problem(
                    Reason.NODE_AGENT_SILENT, "fails on 1 of 2 nodes: b (NodeAgentSilent)")));
  }

  @Test
  void offendersAreCutAndTheRestIsCounted() {
    var many = new ArrayList<NodeSnapshot>();
    for (int i = 0; i < 5; i++) {
      many.add(snapshot("node-" + i, nothing(), failed("server"), failed("dns")));
    }

    var nodes = NodeSummary.of(many, NONE, 3);

    assertThat(nodes.offenders()).hasSize(3);
    assertThat(nodes.omitted()).isEqualTo(7);
    assertThat(NodeSummary.of(many, NONE, 10).omitted()).isZero();
    assertThat(NodeSummary.problems(NodeSummary.of(many, NONE, 10)).get("nodes: dns"))
        .isEqualTo(
            new Problem(
                Reason.CONNECT_REFUSED,
                "fails on 5 of 5 nodes: node-0 (ConnectRefused), node-1 (ConnectRefused), node-2"
                    + " (ConnectRefused) and 2 more"));
  }

  @Test
  void figuresHaveTheirWorstNode() {
    var nodes =
        NodeSummary.of(
            List.of(
                snapshot("a", facts(-3L, new Pressure(1, 0, 0), new Room(100, 90))),
                snapshot("b", facts(1L, new Pressure(2.26, 0, 9), new Room(100, 7))),
                snapshot("c", nothing())),
            NONE,
            10);

    assertThat(nodes.figures())
        .contains(
            new NodeFigure("cpu-pressure", 1, 2.3, "b"),
            new NodeFigure("io-pressure", 0, 9, "b"),
            new NodeFigure("disk-used", 10, 93, "b"),
            new NodeFigure("clock-offset", -3, -3, "a"))
        .extracting(NodeFigure::name)
        .doesNotContain("inodes-used");
    assertThat(nodes.kernels()).containsOnly(Map.entry("6.12", 2));
    assertThat(nodes.nameServers()).containsOnly(Map.entry("10.0.0.1 fd00::1", 2));
    assertThat(nodes.searchDomains()).containsOnly(Map.entry("svc.cluster.local a.example", 2));
    assertThat(nodes.mtus()).containsOnly(Map.entry("1450", 2));
  }
}
