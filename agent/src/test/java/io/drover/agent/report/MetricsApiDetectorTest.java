package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Facts.NodeUsage;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details.MetricsApi;
import io.drover.proto.report.Details.MetricsApis;
import io.drover.proto.report.Quantity;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class MetricsApiDetectorTest {
  private static final MetricsApi SERVED = new MetricsApi("served", "");
  private static final MetricsApi NOT_SERVED = new MetricsApi("notServed", "");

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private Finding<MetricsApis> finding() {
    return new MetricsApiDetector(new Seen(view), findings).metricsApis();
  }

  private MetricsApis apis() {
    return FindingParts.value(finding());
  }

  private void registered(String name, String available) {
    view.with(
        Kinds.API_SERVICES,
        """
        {metadata:{name:'%s'},spec:{service:{name:'m'}},status:{conditions:[
          {type:'Available',status:'%s',reason:'FailedDiscoveryCheck',message:'no answer'}]}}
        """
            .formatted(name, available));
  }

  private void measured(@Nullable Instant at) {
    view.nodeMetrics(
        found(List.of(new NodeUsage("a", Quantity.parse("1"), Quantity.parse("1"), at))));
  }

  @Test
  void whatIsNotRegisteredIsNotServed() {
    assertThat(apis()).isEqualTo(new MetricsApis(NOT_SERVED, NOT_SERVED, NOT_SERVED));
  }

  @Test
  void groupsAreToldApart() {
    registered("v1beta1.metrics.k8s.io", "True");
    registered("v1beta1.external.metrics.k8s.io", "True");
    measured(FakeView.AT.minusSeconds(20));

    assertThat(apis()).isEqualTo(new MetricsApis(SERVED, NOT_SERVED, SERVED));
  }

  @Test
  void unavailableOneIsBroken() {
    registered("v1beta1.metrics.k8s.io", "False");

    assertThat(apis().resource())
        .isEqualTo(new MetricsApi("broken", "FailedDiscoveryCheck: no answer"));
  }

  @Test
  void oneVersionThatIsAvailableIsEnough() {
    registered("v1beta1.custom.metrics.k8s.io", "False");
    registered("v1beta2.custom.metrics.k8s.io", "True");

    assertThat(apis().custom()).isEqualTo(SERVED);
  }

  @Test
  void oneWithoutMeasurementsIsEmpty() {
    registered("v1beta1.metrics.k8s.io", "True");
    view.nodeMetrics(found(List.of()));

    assertThat(apis().resource()).isEqualTo(new MetricsApi("empty", "no node is measured"));
  }

  @Test
  void measurementsAreOutdatedAfterAWhile() {
    registered("v1beta1.metrics.k8s.io", "True");
    measured(FakeView.AT.minus(MetricsApiDetector.OUTDATED_AFTER));
    assertThat(apis().resource()).isEqualTo(SERVED);

    measured(FakeView.AT.minus(MetricsApiDetector.OUTDATED_AFTER).minus(Duration.ofSeconds(1)));
    assertThat(apis().resource())
        .isEqualTo(new MetricsApi("outdated", "last measured at 2026-01-02T02:59:04Z"));

    measured(null);
    assertThat(apis().resource()).isEqualTo(SERVED);
  }

  @ParameterizedTest
  @EnumSource(names = {"NOT_SERVED", "UNAVAILABLE"})
  void availableOneThatDoesNotAnswerIsBroken(Cause cause) {
    registered("v1beta1.metrics.k8s.io", "True");
    view.nodeMetrics(missing(cause));

    assertThat(apis().resource()).isEqualTo(new MetricsApi("broken", "asked in vain: " + cause));
  }

  @Test
  void whileTheApiServerItselfIsAwayNobodyElseIsAtFault() {
    registered("v1beta1.metrics.k8s.io", "True");
    view.nodeMetrics(missing(Cause.UNAVAILABLE))
        .probes(missing(Cause.UNAVAILABLE), missing(Cause.UNAVAILABLE));

    assertThat(apis().resource()).isNull();
  }

  @ParameterizedTest
  @EnumSource(
      mode = Mode.EXCLUDE,
      names = {"NOT_SERVED", "UNAVAILABLE"})
  void availableOneThatCannotBeReadIsUnknown(Cause cause) {
    registered("v1beta1.metrics.k8s.io", "True");
    view.nodeMetrics(missing(cause));

    assertThat(apis().resource()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactly("details.metricsApis.resource");
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void withoutRegistrationsDiscoveryTells(Cause cause) {
    view.without(Kinds.API_SERVICES, cause)
        .serving("custom.metrics.k8s.io/x")
        .broken("external.metrics.k8s.io");

    assertThat(apis().resource()).isEqualTo(NOT_SERVED);
    assertThat(apis().custom()).isEqualTo(SERVED);
    assertThat(apis().external())
        .isEqualTo(
            new MetricsApi("broken", "the server of external.metrics.k8s.io does not answer"));
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    view.without(Kinds.API_SERVICES, cause).discovery(cause);

    assertThat(FindingParts.cause(finding())).isEqualTo(cause);
  }
}
