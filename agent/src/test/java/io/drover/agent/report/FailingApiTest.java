package io.drover.agent.report;

import static io.drover.agent.kube.TestApi.cutOff;
import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reply;
import static io.drover.agent.kube.TestApi.reset;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.TestApi;
import io.drover.agent.kube.TestApi.Reply;
import io.drover.agent.view.SmallCluster;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.ReportJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** A report of what fails says that it failed: nothing else. */
@Timeout(120)
class FailingApiTest {
  private static final Set<String> COUNTED = CapabilityCollector.counted();

  /** Of those, what is served: MetalLB's. */
  private static final Set<String> SERVED =
      COUNTED.stream()
          .filter(resource -> resource.startsWith("metallb.io/"))
          .collect(Collectors.toUnmodifiableSet());

  /** Parts of a report that are to be absent if nothing can be read. */
  private static final List<String> DETERMINED =
      List.of(
          "capabilities.ingressCapabilities",
          "capabilities.loadBalancerCapabilities",
          "capabilities.nodePortRange",
          "capabilities.pspEnabled",
          "capabilities.taintSupport",
          "details.aggregation",
          "details.apis",
          "details.clusterAutoscaler",
          "details.csiDrivers",
          "details.distribution",
          "details.gatewayApi",
          "details.gpus",
          "details.ingressControllers",
          "details.ipFamilies",
          "details.loadBalancers",
          "details.metricsApis",
          "details.networkPolicy",
          "details.nodePools",
          "details.podSecurity",
          "details.storageClasses",
          "details.taints",
          "details.volumeSnapshotClasses",
          "health.expiringCertificates",
          "health.nodes",
          "health.ready",
          "health.systemWorkloads",
          "health.unavailableApis",
          "provider",
          "resources.allocatable",
          "resources.capacity",
          "resources.limits",
          "resources.linuxWorkerCount",
          "resources.nodeCount",
          "resources.nodes",
          "resources.podPhases",
          "resources.requested",
          "resources.schedulable",
          "resources.usage",
          "resources.windowsWorkerCount",
          "version");

  private final TestApi api = new TestApi();

  @AfterEach
  void stop() {
    api.close();
  }

  private ClusterReport report() throws InterruptedException {
    return Reports.once(
        api.reader(), SmallCluster.config(COUNTED), Optional.empty(), "1.0", _ -> {});
  }

  static Stream<Arguments> failures() {
    return Stream.of(
        failure("401", status(401, "who are you"), Cause.UNAUTHORIZED),
        failure(
            "403",
            status(403, "nodes is forbidden: User cannot patch resource nodes"),
            Cause.FORBIDDEN),
        failure("404", status(404, "not found"), Cause.NOT_SERVED),
        failure("500", status(500, "panic"), Cause.UNAVAILABLE),
        failure("503", status(503, "overloaded"), Cause.UNAVAILABLE),
        failure("504", status(504, "timeout"), Cause.TIMEOUT),
        failure("502 of a proxy", reply(502, Map.of(), "<html>Bad Gateway"), Cause.UNAVAILABLE),
        failure("403 of a proxy", reply(403, Map.of(), "{}"), Cause.FORBIDDEN),
        failure("reset", reset(), Cause.UNAVAILABLE),
        failure("cut off", cutOff("{\"kind\":\"List\",\"items\":["), Cause.UNAVAILABLE),
        failure("nothing", json(""), Cause.UNREADABLE),
        failure("HTML", json("<html>log in</html>"), Cause.UNREADABLE),
        failure("empty object", json("{}"), Cause.UNREADABLE),
        failure("empty array", json("[]"), Cause.UNREADABLE),
        failure("null", json("null"), Cause.UNREADABLE),
        failure("cut JSON", json("{\"items\":[{\"metadata\":{\"name\":\"a\"}"), Cause.UNREADABLE),
        failure(
            "numbers",
            json(
                """
                {"kind":1,"gitVersion":1,"major":1,"minor":34,"metadata":{"name":1},"data":1,
                 "groups":[{"name":1}],"items":[{"metadata":{"name":7}}],"status":{"allowed":1}}"""),
            Cause.UNREADABLE),
        failure(
            "nulls",
            json(
                """
                {"kind":null,"gitVersion":null,"minor":null,"metadata":null,"data":null,
                 "groups":[null],"items":[null],"status":null}"""),
            Cause.UNREADABLE));
  }

  static Stream<Arguments> someFailures() {
    var names = List.of("403", "404", "503", "empty object", "numbers");
    return failures().filter(each -> names.contains(each.get()[0]));
  }

  private static Arguments failure(String name, Reply reply, Cause cause) {
    return Arguments.of(name, reply, cause);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("failures")
  void reportOfNothingSaysNothing(String name, Reply reply, Cause cause) throws Exception {
    api.otherwise(reply);

    var report = report();

    assertSaysNothing(report, cause);
    assertThat(report.undetermined()).extracting(Undetermined::path).containsAll(DETERMINED);
  }

  /** An API server that is as good as gone still says what it would serve. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("failures")
  void reportOfDiscoveryAloneSaysNoMoreThanDiscovery(String name, Reply reply, Cause cause)
      throws Exception {
    api.otherwise(reply);
    SmallCluster.answerDiscovery(api, SERVED);

    var report = report();

    var expected =
        new TreeMap<>(
            Map.of(
                "/capabilities/nodePoolScalingSupported", "false",
                "/capabilities/pspEnabled", "false"));
    assertThat(leaves(report).entrySet())
        .filteredOn(leaf -> leaf.getKey().startsWith("/capabilities"))
        .containsExactlyElementsOf(expected.entrySet());
  }

  private static void assertSaysNothing(ClusterReport report, Cause cause) {
    assertThat(report.undetermined())
        .allSatisfy(
            each -> {
              // The text of a check that failed is an answer, but none of the API server's here.
              var causes = List.of(cause, Cause.NO_EVIDENCE, Cause.UNREADABLE);
              assertThat(each.cause()).as("%s", each).isIn(causes);
              assertThat(each.detail()).as("%s", each).isNotBlank();
            });
    JsonNode tree = ReportJson.tree(report);
    assertThat(tree.path("capabilities").toString())
        .isEqualTo("{\"loadBalancerCapabilities\":{},\"nodePoolScalingSupported\":false}");
    assertThat(tree.path("details").toString()).isEqualTo("{\"omitted\":{}}");
    assertThat(tree.path("resources").toString()).isEqualTo("{}");
    assertThat(tree.has("version")).isFalse();
    assertThat(tree.has("provider")).isFalse();
    assertThat(report.evidence()).containsOnlyKeys("capabilities.nodePoolScalingSupported");
    var health = report.health();
    assertThat(health.ready()).isNull();
    assertThat(health.nodes()).isNull();
    assertThat(health.systemWorkloads()).isNull();
    assertThat(health.unavailableApis()).isNull();
    assertThat(health.expiringCertificates()).isNull();
    assertThat(health.componentStatuses()).isEmpty();
    assertThat(health.checks()).allSatisfy(check -> assertThat(check.ok()).isNull());
    assertThat(health.conditions())
        .allSatisfy(condition -> assertThat(condition.status()).isEqualTo("Unknown"));
  }

  @Test
  void reportOfAWholeClusterSaysAll() throws Exception {
    SmallCluster.answer(api, SERVED);

    var report = report();

    var undetermined = new ArrayList<>(DETERMINED);
    undetermined.remove("health.expiringCertificates"); // it has none
    assertThat(report.undetermined())
        .extracting(Undetermined::path)
        .doesNotContainAnyElementsOf(undetermined);
    assertThat(report.capabilities().taintSupport()).isTrue();
    assertThat(report.capabilities().loadBalancerCapabilities().enabled()).isTrue();
    assertThat(report.capabilities().nodePortRange()).isEqualTo("30000-32767");
  }

  /**
   * Whatever single request fails: what the report says is what it says of the whole cluster, or
   * absent. A sound part of a list is not all of it, so lists are compared as a whole.
   */
  @ParameterizedTest(name = "{0}")
  @MethodSource("someFailures")
  void reportWithAFailureSaysNothingElse(String name, Reply reply, Cause cause) throws Exception {
    SmallCluster.answer(api, SERVED);
    var whole = leaves(report());
    var wrong = new ArrayList<String>();
    for (String path : api.paths().stream().distinct().toList()) {
      SmallCluster.answer(api, SERVED).on(path, reply);

      var report = report();

      leaves(report)
          .forEach(
              (leaf, value) -> {
                boolean isBroken = leaf.endsWith("/resource/state") && value.contains("broken");
                // An aggregated API that is said to be there, and is not, is known to be broken.
                if (!value.equals(whole.get(leaf)) && !isBroken) {
                  wrong.add(path + " " + leaf + ": " + value + " for " + whole.get(leaf));
                }
              });
    }
    assertThat(wrong).isEmpty();
  }

  /** What a report claims, without how it came to it. */
  private static SortedMap<String, String> leaves(ClusterReport report) {
    var leaves = new TreeMap<String, String>();
    JsonNode tree = ReportJson.tree(report);
    for (String part : List.of("capabilities", "details", "resources", "version", "provider")) {
      collect("/" + part, tree.path(part), leaves);
    }
    return leaves;
  }

  private static void collect(String path, JsonNode node, SortedMap<String, String> leaves) {
    if (node.isContainerNode()) {
      for (int i = 0; i < node.size() && node.isArray(); i++) {
        collect(path + "/" + i, node.path(i), leaves);
      }
      node.properties()
          .forEach(field -> collect(path + "/" + field.getKey(), field.getValue(), leaves));
    } else if (!node.isMissingNode()
        && !path.matches(".*/(sources/\\d+|confidence|message|ageSeconds)")) {
      leaves.put(path, node.toString());
    }
  }
}
