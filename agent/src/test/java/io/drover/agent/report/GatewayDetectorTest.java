package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details.GatewayApi;
import io.drover.proto.report.Details.GatewayClass;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GatewayDetectorTest {
  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);
  private final ListLimit limit = new ListLimit(2);

  private Finding<GatewayApi> finding() {
    return new GatewayDetector(new Seen(view), findings, limit).gatewayApi();
  }

  private void gatewayClass(String name, String controller, String conditions) {
    view.with(
        Kinds.GATEWAY_CLASSES,
        "{metadata:{name:'%s'},spec:{controllerName:'%s'},status:{conditions:[%s]}}"
            .formatted(name, controller, conditions));
  }

  @Test
  void apiThatIsNotServedIsCertain() {
    assertThat(finding())
        .isEqualTo(Finding.certain(new GatewayApi(false, null, null, List.of()), "discovery"));
    assertThat(findings.undetermined()).isEmpty();
  }

  @Test
  void classesAndVersionAreRead() {
    gatewayClass(
        "b", "gateway.envoyproxy.io/gatewayclass-controller", "{type:'Accepted',status:'True'}");
    gatewayClass("a", "example.org/own", "");
    view.with(
        Kinds.CUSTOM_RESOURCES,
        """
        {metadata:{name:'gatewayclasses.gateway.networking.k8s.io',annotations:{
          'gateway.networking.k8s.io/bundle-version':'v1.3.0',
          'gateway.networking.k8s.io/channel':'standard'}}}
        """);

    assertThat(FindingParts.value(finding()))
        .isEqualTo(
            new GatewayApi(
                true,
                "v1.3.0",
                "standard",
                List.of(
                    new GatewayClass("a", "example.org/own", "example.org/own", null),
                    new GatewayClass(
                        "b",
                        "gateway.envoyproxy.io/gatewayclass-controller",
                        "envoy-gateway",
                        true))));
  }

  @Test
  void classesBeyondTheLimitAreCounted() {
    gatewayClass("a", "x", "");
    gatewayClass("b", "x", "");
    gatewayClass("c", "x", "");

    assertThat(FindingParts.value(finding()).classes()).hasSize(2);
    assertThat(limit.omitted()).containsEntry("gatewayClasses", 1);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    gatewayClass("a", "x", "");
    view.without(Kinds.CUSTOM_RESOURCES, cause);
    assertThat(FindingParts.value(finding()).bundleVersion()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactly("details.gatewayApi.bundleVersion");

    view.without(Kinds.GATEWAY_CLASSES, cause);
    assertThat(FindingParts.cause(finding())).isEqualTo(cause);

    view.discovery(cause);
    assertThat(FindingParts.cause(finding())).isEqualTo(cause);
  }

  @Test
  void brokenGroupIsNotAbsent() {
    view.broken("gateway.networking.k8s.io");

    assertThat(FindingParts.cause(finding())).isEqualTo(Cause.UNAVAILABLE);
  }
}
