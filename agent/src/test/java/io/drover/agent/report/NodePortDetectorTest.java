package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Facts.NodePortRange;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;

class NodePortDetectorTest {
  private final FakeView view = new FakeView();

  private Finding<String> range() {
    return new NodePortDetector(new Seen(view)).range();
  }

  private void assertRange(String range, Confidence confidence) {
    assertThat(FindingParts.value(range())).isEqualTo(range);
    assertThat(FindingParts.confidence(range())).isEqualTo(confidence);
  }

  @Test
  void refusalOfTheApiServerComesFirst() {
    view.nodePorts(found(new NodePortRange(20000, 22767)))
        .apiServerFlags(found(List.of("--etcd-servers=x", "--service-node-port-range=1-2")));

    assertRange("20000-22767", Confidence.CERTAIN);
  }

  @ParameterizedTest
  @CsvSource({"20000-22767,20000-22767", "20000+10,20000-20010", "30000,30000-30000"})
  void flagOfTheApiServerIsRead(String flag, String range) {
    view.apiServerFlags(found(List.of("kube-apiserver", "--service-node-port-range", flag)));

    assertRange(range, Confidence.CERTAIN);
  }

  @Test
  void wholeCommandLineWithoutTheFlagMeansTheDefault() {
    view.apiServerFlags(found(List.of("kube-apiserver", "--etcd-servers=https://127.0.0.1:2379")));

    assertRange("30000-32767", Confidence.CERTAIN);
  }

  @Test
  void partOfACommandLineTellsNothing() {
    view.apiServerFlags(found(List.of("sh", "-c", "run")));

    assertRange("30000-32767", Confidence.ASSUMED);
  }

  @ParameterizedTest
  @ValueSource(strings = {"abc", "5-2", "1-99999", "1--2", ""})
  void rubbishIsNoRange(String flag) {
    view.apiServerFlags(found(List.of("--service-node-port-range=" + flag)));

    assertRange("30000-32767", Confidence.ASSUMED);
  }

  @ParameterizedTest
  @CsvSource({
    "k3s.io/node-args, --service-node-port-range=1000-2000",
    "rke2.io/node-args, --kube-apiserver-arg=service-node-port-range=1000-2000"
  })
  void argumentsOfServersAreRead(String annotation, String argument) {
    view.with(Kinds.NODES, server(annotation, argument));

    assertRange("1000-2000", Confidence.LIKELY);
  }

  @Test
  void serversWithoutTheArgumentMeanTheDefault() {
    view.with(Kinds.NODES, server("k3s.io/node-args", "--disable=traefik"));

    assertRange("30000-32767", Confidence.LIKELY);
  }

  @ParameterizedTest
  @ValueSource(strings = {"[\\'agent\\']", "rubbish", "[]", "{}"})
  void otherAnnotationsTellNothing(String value) {
    view.with(
        Kinds.NODES,
        "{metadata:{name:'a',annotations:{'k3s.io/node-args':'%s'}}}".formatted(value));

    assertRange("30000-32767", Confidence.ASSUMED);
  }

  private static String server(String annotation, String argument) {
    return "{metadata:{name:'a',annotations:{'%s':'[\\\"server\\\",\\\"%s\\\"]'}}}"
        .formatted(annotation, argument);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "apiServer:\\n  extraArgs:\\n    service-node-port-range: 1000-2000\\n",
        "apiServer:\\n  extraArgs:\\n  - name: service-node-port-range\\n    value: 1000-2000\\n",
        "apiServer:\\n  extraArgs:\\n    service-node-port-range: \\\"1000-2000\\\"\\n"
      })
  void kubeadmsConfigurationIsRead(String yaml) {
    kubeadm(yaml);

    assertRange("1000-2000", Confidence.LIKELY);
  }

  @Test
  void kubeadmsConfigurationWithoutItMeansTheDefault() {
    kubeadm("apiServer: {}\\n");

    assertRange("30000-32767", Confidence.LIKELY);
  }

  private void kubeadm(String yaml) {
    view.object(
        "kube-system/kubeadm-config", "{data:{ClusterConfiguration:\"%s\"}}".formatted(yaml));
  }

  @ParameterizedTest
  @CsvSource({
    "{spec:{serviceNodePortRange:'1000-2000'}}, 1000-2000, CERTAIN",
    "{spec:{serviceNodePortRange:''}}, 30000-32767, LIKELY",
    "{}, 30000-32767, ASSUMED"
  })
  void openShiftsConfigurationIsRead(String object, String range, Confidence confidence) {
    view.object("openshift-network", object.replace("\"", ""));

    assertRange(range, confidence);
  }

  @ParameterizedTest
  @EnumSource(names = {"SWITCHED_OFF", "NOT_SERVED", "NO_EVIDENCE"})
  void usualRangeIsAssumedIfNothingFailed(Cause cause) {
    view.nodePorts(missing(cause)).apiServerFlags(missing(cause));

    assertRange("30000-32767", Confidence.ASSUMED);
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"SWITCHED_OFF", "NOT_SERVED", "NO_EVIDENCE"})
  void nothingIsAssumedAfterAFailure(Cause cause) {
    view.nodePorts(missing(cause));

    assertThat(FindingParts.cause(range())).isEqualTo(cause);
  }

  @ParameterizedTest
  @ValueSource(strings = {"kube-system/kubeadm-config", "openshift-network"})
  void nothingIsAssumedIfAnotherSourceFailed(String object) {
    view.object(object, missing(Cause.FORBIDDEN));

    assertThat(FindingParts.cause(range())).isEqualTo(Cause.FORBIDDEN);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void nothingIsAssumedOfAnApiServerThatDoesNotAnswer(Cause cause) {
    view.version(missing(cause));

    assertThat(FindingParts.cause(range())).isEqualTo(cause);
  }
}
