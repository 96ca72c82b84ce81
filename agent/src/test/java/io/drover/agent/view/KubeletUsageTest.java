package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.kube.Answer;
import io.drover.agent.kube.TestApi;
import io.drover.agent.view.Facts.NodeUsage;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Quantity;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class KubeletUsageTest {
  private static final Instant NOW = Instant.parse("2026-11-27T06:00:00Z");

  private final TestApi api = new TestApi();
  private final KubeletUsage kubelets =
      new KubeletUsage(api.reader(), Clock.fixed(NOW, ZoneOffset.UTC));

  @AfterEach
  void stop() {
    api.close();
  }

  private static Node node(String name, String ready) {
    return Node.of(
            Given.json(
                "{metadata: {name: '%s'}, status: {conditions: [{type: 'Ready', status: '%s'}]}}"
                    .formatted(name, ready)))
        .orElseThrow();
  }

  private static String path(String node) {
    return "/api/v1/nodes/" + node + "/proxy/metrics/resource";
  }

  /** What a kubelet says, from the beginning of its answer to the end. */
  private static TestApi.Reply measured(String cpuSeconds, String memory, Instant at) {
    return TestApi.reply(
        200,
        Map.of("Content-Type", "text/plain; version=0.0.4; charset=utf-8"),
        """
        # HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed
        # TYPE container_cpu_usage_seconds_total counter
        container_cpu_usage_seconds_total{container="a b",namespace="n",pod="p"} 9e+06 1700000000000
        # HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node
        # TYPE node_cpu_usage_seconds_total counter
        node_cpu_usage_seconds_total %s %d
        # TYPE node_memory_working_set_bytes gauge
        node_memory_working_set_bytes %s %2$d
        # TYPE scrape_error gauge
        scrape_error 0
        """
            .formatted(cpuSeconds, at.toEpochMilli(), memory));
  }

  private static Cause cause(Answer<List<NodeUsage>> answer) {
    return ((Answer.Missing<List<NodeUsage>>) answer).cause();
  }

  @Test
  void cpuIsWhatWasUsedBetweenTwoReadings() throws Exception {
    api.on(
        "GET " + path("a"),
        measured("1.0001e+06", "1.048576e+06", NOW),
        measured("1.00013e+06", "2097152", NOW.plusSeconds(120)));

    kubelets.read(List.of(node("a", "True")));
    assertThat(cause(kubelets.latest())).isEqualTo(Cause.NO_EVIDENCE);
    assertThat(kubelets.wantsAnother()).isTrue();
    kubelets.read(List.of(node("a", "True")));

    assertThat(kubelets.latest())
        .isEqualTo(
            new Answer.Found<>(
                List.of(
                    new NodeUsage(
                        "a",
                        Quantity.parse("250m"),
                        Quantity.parse("2Mi"),
                        NOW.plusSeconds(120)))));
    assertThat(kubelets.wantsAnother()).isFalse();
  }

  @Test
  void nodeThatWasStartedInBetweenIsLeftOut() throws Exception {
    api.on(
        "GET " + path("a"),
        measured("500", "1024", NOW),
        measured("20", "1024", NOW.plusSeconds(60)),
        measured("26", "1024", NOW.plusSeconds(120)));

    kubelets.read(List.of(node("a", "True")));
    kubelets.read(List.of(node("a", "True")));
    assertThat(cause(kubelets.latest())).isEqualTo(Cause.NO_EVIDENCE);

    kubelets.read(List.of(node("a", "True")));
    assertThat(kubelets.latest().found().orElseThrow())
        .extracting(NodeUsage::cpu)
        .containsExactly(Quantity.parse("100m"));
  }

  @Test
  void readingThatIsNoNewerTellsNothing() throws Exception {
    api.on("GET " + path("a"), measured("500", "1024", NOW));

    kubelets.read(List.of(node("a", "True")));
    kubelets.read(List.of(node("a", "True")));

    assertThat(cause(kubelets.latest())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void nodesThatAreNotReadyAreNotAsked() throws Exception {
    kubelets.read(List.of(node("a", "Unknown"), node("b", "False")));

    assertThat(api.requests()).isEmpty();
    assertThat(kubelets.wantsAnother()).isFalse();
  }

  @Test
  void tooManyNodesAreNotAsked() throws Exception {
    var nodes =
        IntStream.rangeClosed(0, KubeletUsage.MAX_NODES).mapToObj(i -> node("n" + i, "True"));

    kubelets.read(nodes.toList());

    assertThat(api.requests()).isEmpty();
    assertThat(kubelets.latest())
        .isEqualTo(
            new Answer.Missing<>(
                Cause.NO_EVIDENCE, "6 kubelets are too many to be asked one by one, over 5"));
  }

  @Test
  void oneThatDoesNotAnswerIsLeftOut() throws Exception {
    api.on(
            "GET " + path("a"),
            measured("10", "1024", NOW),
            measured("11", "1024", NOW.plusSeconds(10)))
        .on("GET " + path("b"), TestApi.status(503, "no route"))
        .on("GET " + path("c"), measured("NaN", "1024", NOW));
    var nodes = List.of(node("a", "True"), node("b", "True"), node("c", "True"));

    kubelets.read(nodes);
    kubelets.read(nodes);

    assertThat(kubelets.latest().found().orElseThrow())
        .extracting(NodeUsage::node)
        .containsExactly("a");
  }

  @Test
  void whereTheRightIsMissingOneIsAskedOnly() throws Exception {
    api.otherwise(TestApi.status(403, "forbidden"));

    kubelets.read(List.of(node("b", "True"), node("a", "True")));

    assertThat(api.paths()).containsExactly("GET " + path("a"));
    assertThat(cause(kubelets.latest())).isEqualTo(Cause.FORBIDDEN);
  }

  @Test
  void answerWithoutTheNodesFiguresIsUnreadable() throws Exception {
    api.on("GET " + path("a"), TestApi.reply(200, Map.of(), "scrape_error 1\n"));

    kubelets.read(List.of(node("a", "True")));

    assertThat(cause(kubelets.latest())).isEqualTo(Cause.UNREADABLE);
  }

  @Test
  void whatIsForgottenIsNoFirstReading() throws Exception {
    api.on(
        "GET " + path("a"),
        measured("10", "1024", NOW),
        measured("11", "1024", NOW.plusSeconds(10)));

    kubelets.read(List.of(node("a", "True")));
    kubelets.forget("not asked");
    assertThat(kubelets.latest()).isEqualTo(new Answer.Missing<>(Cause.NO_EVIDENCE, "not asked"));
    kubelets.read(List.of(node("a", "True")));

    assertThat(kubelets.latest().found()).isEmpty();
  }
}
