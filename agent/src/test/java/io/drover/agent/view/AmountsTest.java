package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.report.Quantity;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The cases are those that Kubernetes' {@code PodRequests} and {@code PodLimits} tell apart. */
class AmountsTest {
  private static Amounts amounts(String podSpec) {
    return Amounts.of(Given.json(podSpec));
  }

  private static String text(Map<String, Quantity> amounts) {
    return new TreeMap<>(amounts).toString();
  }

  @Test
  void containersAreAddedUp() {
    var amounts =
        amounts(
            """
            {containers: [
              {resources: {requests: {cpu: '100m', memory: '64Mi'}, limits: {memory: '128Mi'}}},
              {resources: {requests: {cpu: '1', 'nvidia.com/gpu': '1'}}},
              {}]}
            """);

    assertThat(text(amounts.requests())).isEqualTo("{cpu=1100m, memory=64Mi, nvidia.com/gpu=1}");
    assertThat(text(amounts.limits())).isEqualTo("{memory=128Mi}");
    assertThat(amounts.rancherRequests()).isSameAs(amounts.requests());
    assertThat(amounts.rancherLimits()).isSameAs(amounts.limits());
  }

  @Test
  void podsThatAskForTheSameShareIt() {
    String spec = "{containers: [{resources: {requests: {cpu: '%s', memory: '64Mi'}}}]}";

    assertThat(amounts(spec.formatted("100m"))).isSameAs(amounts(spec.formatted("100m")));
    assertThat(amounts(spec.formatted("0.1"))).isEqualTo(amounts(spec.formatted("100m")));
    assertThat(amounts(spec.formatted("200m"))).isNotEqualTo(amounts(spec.formatted("100m")));
  }

  @Test
  void amountsMayBeNumbers() {
    var amounts = amounts("{containers: [{resources: {requests: {cpu: 2, memory: 1024}}}]}");

    assertThat(text(amounts.requests())).isEqualTo("{cpu=2, memory=1024}");
  }

  @Test
  void podWithoutResourcesAsksForNothing() {
    assertThat(amounts("{containers: [{}]}").requests()).isEmpty();
    assertThat(amounts("{}").limits()).isEmpty();
  }

  @Test
  void whatIsNoAmountIsLeftOut() {
    assertThat(
            text(
                amounts("{containers: [{resources: {requests: {cpu: 'much', memory: '1Gi'}}}]}")
                    .requests()))
        .isEqualTo("{memory=1Gi}");
  }

  @Test
  void largestInitContainerCountsIfItExceedsTheContainers() {
    var amounts =
        amounts(
            """
            {initContainers: [
               {resources: {requests: {cpu: '2', memory: '10Mi'}}},
               {resources: {requests: {cpu: '1', memory: '20Mi'}}}],
             containers: [
               {resources: {requests: {cpu: '500m', memory: '64Mi'}}},
               {resources: {requests: {cpu: '500m', memory: '64Mi'}}}]}
            """);

    assertThat(text(amounts.requests())).isEqualTo("{cpu=2, memory=128Mi}");
    assertThat(text(amounts.rancherRequests())).isEqualTo("{cpu=2, memory=128Mi}");
  }

  @Test
  void sidecarRunsBesideTheContainers() {
    var amounts =
        amounts(
            """
            {initContainers: [{restartPolicy: 'Always', resources: {requests: {cpu: '1'}}}],
             containers: [{resources: {requests: {cpu: '500m'}}}]}
            """);

    assertThat(text(amounts.requests())).isEqualTo("{cpu=1500m}");
    // Rancher takes it for any other init container.
    assertThat(text(amounts.rancherRequests())).isEqualTo("{cpu=1}");
  }

  @Test
  void initContainerRunsBesideTheSidecarsBeforeIt() {
    String sidecar = "{restartPolicy: 'Always', resources: {requests: {cpu: '1'}}}";
    String init = "{resources: {requests: {cpu: '3'}}}";
    String containers = "containers: [{resources: {requests: {cpu: '1'}}}]";

    assertThat(
            text(
                amounts("{initContainers: [%s, %s], %s}".formatted(sidecar, init, containers))
                    .requests()))
        .isEqualTo("{cpu=4}");
    assertThat(
            text(
                amounts("{initContainers: [%s, %s], %s}".formatted(init, sidecar, containers))
                    .requests()))
        .isEqualTo("{cpu=3}");
  }

  @Test
  void sidecarsAddUpAsTheyStart() {
    String first = "{restartPolicy: 'Always', resources: {limits: {memory: '100Mi'}}}";
    String second = "{restartPolicy: 'Always', resources: {limits: {memory: '200Mi'}}}";
    String init = "{resources: {limits: {memory: '250Mi'}}}";

    assertThat(
            text(
                amounts(
                        "{initContainers: [%s, %s, %s], containers: [{}]}"
                            .formatted(first, init, second))
                    .limits()))
        .isEqualTo("{memory=350Mi}");
    assertThat(
            text(
                amounts(
                        "{initContainers: [%s, %s, %s], containers: [{}]}"
                            .formatted(first, second, init))
                    .limits()))
        .isEqualTo("{memory=550Mi}");
  }

  @Test
  void overheadIsAddedToRequests() {
    var amounts =
        amounts(
            """
            {overhead: {cpu: '250m', memory: '120Mi'},
             containers: [{resources: {requests: {cpu: '1'}}}]}
            """);

    assertThat(text(amounts.requests())).isEqualTo("{cpu=1250m, memory=120Mi}");
    assertThat(text(amounts.rancherRequests())).isEqualTo("{cpu=1}");
  }

  @Test
  void overheadIsAddedToLimitsThatAreSet() {
    var amounts =
        amounts(
            """
            {overhead: {cpu: '250m', memory: '120Mi', 'ephemeral-storage': '1Gi'},
             containers: [{resources: {limits: {cpu: '1', memory: '0'}}}]}
            """);

    assertThat(text(amounts.limits())).isEqualTo("{cpu=1250m, memory=0}");
  }

  @Test
  void resourcesOfThePodStandInPlaceOfThoseOfItsContainers() {
    var amounts =
        amounts(
            """
            {resources: {requests: {cpu: '2', 'hugepages-2Mi': '4Mi'}, limits: {memory: '1Gi'}},
             overhead: {cpu: '100m', memory: '10Mi'},
             initContainers: [{resources: {requests: {cpu: '5'}}}],
             containers: [
               {resources: {requests: {cpu: '1', memory: '64Mi'}, limits: {memory: '2Gi'}}}]}
            """);

    assertThat(text(amounts.requests())).isEqualTo("{cpu=2100m, hugepages-2Mi=4Mi, memory=74Mi}");
    assertThat(text(amounts.limits())).isEqualTo("{memory=1034Mi}");
    assertThat(text(amounts.rancherRequests())).isEqualTo("{cpu=5, memory=64Mi}");
    assertThat(text(amounts.rancherLimits())).isEqualTo("{memory=2Gi}");
  }

  @Test
  void onlyCpuMemoryAndHugePagesAreOfThePod() {
    var amounts =
        amounts(
            """
            {resources: {requests: {'ephemeral-storage': '9Gi', 'nvidia.com/gpu': '8'}},
             containers: [{resources: {requests: {'ephemeral-storage': '1Gi'}}}]}
            """);

    assertThat(text(amounts.requests())).isEqualTo("{ephemeral-storage=1Gi}");
  }

  @Test
  void sumIsWrittenAsItsFirstAmount() {
    var sum = new HashMap<String, Quantity>();
    Amounts.add(sum, Map.of("memory", Quantity.parse("1Gi")));
    Amounts.add(sum, Map.of("memory", Quantity.parse("1024k"), "cpu", Quantity.parse("1")));

    assertThat(text(sum)).isEqualTo("{cpu=1, memory=1049576Ki}");
  }
}
