package io.drover.agent.report;

import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.Aggregation;
import io.drover.proto.report.Details.Gpu;
import io.drover.proto.report.Quantity;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What follows from APIs, and what follows from addresses and resources. */
class ApiDetectorTest {
  private static final String CONFIGURATION = "kube-system/extension-apiserver-authentication";

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private ApiDetector detector() {
    return new ApiDetector(new Seen(view), findings);
  }

  private Aggregation aggregation() {
    return FindingParts.value(detector().aggregation());
  }

  private void apiService(String name, String available) {
    view.with(
        Kinds.API_SERVICES,
        """
        {metadata:{name:'%s'},spec:{service:{name:'m'}},
         status:{conditions:[{type:'Available',status:'%s'}]}}
        """
            .formatted(name, available));
  }

  @Test
  void apiThatWorksProvesAggregation() {
    apiService("v1beta1.metrics.k8s.io", "True");
    apiService("v1.example.org", "False");

    assertThat(aggregation()).isEqualTo(new Aggregation(true, 2));
    assertThat(findings.evidence()).containsKey("details.aggregation.enabled");
  }

  @ParameterizedTest
  @CsvSource({"x, true", "'', false"})
  void withoutOneTheConfigurationTells(String certificate, boolean enabled) {
    view.object(
        CONFIGURATION, "{data:{'requestheader-client-ca-file':'%s'}}".formatted(certificate));

    assertThat(aggregation()).isEqualTo(new Aggregation(enabled, 0));
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    view.object(CONFIGURATION, missing(cause));
    apiService("v1.example.org", "False");
    assertThat(aggregation()).isEqualTo(new Aggregation(null, 1));
    assertThat(findings.undetermined().getFirst().cause()).isEqualTo(cause);

    view.without(Kinds.API_SERVICES, cause).discovery(cause);
    assertThat(FindingParts.cause(detector().aggregation())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().wellKnown())).isEqualTo(cause);
  }

  @Test
  void wellKnownApisAreListed() {
    assertThat(FindingParts.value(detector().wellKnown())).isEmpty();

    view.serving("monitoring.coreos.com/x", "example.org/x", "cert-manager.io/x");
    assertThat(FindingParts.value(detector().wellKnown()))
        .containsExactly("cert-manager.io", "monitoring.coreos.com");
  }

  private void kubernetes(String spec) {
    view.with(
        Kinds.SERVICES,
        "{metadata:{namespace:'default',name:'kubernetes'},spec:%s}".formatted(spec));
  }

  private Finding<List<String>> families() {
    return new IpFamilyDetector(new Seen(view)).families();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{ipFamilies:['IPv6'],clusterIPs:['fd00::1']}", "{clusterIPs:['fd00::1']}"})
  void ownFamilyComesFirst(String spec) {
    kubernetes(spec);
    assertThat(FindingParts.value(families())).containsExactly("IPv6");
    assertThat(FindingParts.confidence(families())).isEqualTo(Confidence.LIKELY);

    view.with(Kinds.NODES, "{metadata:{name:'a'},spec:{podCIDRs:['10.0.0.0/24','fd01::/64']}}");
    assertThat(FindingParts.value(families())).containsExactly("IPv6", "IPv4");
    assertThat(FindingParts.confidence(families())).isEqualTo(Confidence.CERTAIN);
  }

  @Test
  void serviceOfBothFamiliesShowsBoth() {
    kubernetes("{ipFamilies:['IPv4'],clusterIPs:['10.0.0.1']}");
    view.with(
        Kinds.SERVICES,
        "{metadata:{namespace:'a',name:'b'},spec:{type:'LoadBalancer',ipFamilies:['IPv6','IPv4']}}");

    assertThat(FindingParts.value(families())).containsExactly("IPv4", "IPv6");
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void familiesThatCannotBeReadAreUnknown(Cause cause) {
    assertThat(FindingParts.cause(families())).isEqualTo(Cause.NO_EVIDENCE);

    view.without(Kinds.SERVICES, cause);
    assertThat(FindingParts.cause(families())).isEqualTo(cause);
  }

  @Test
  void acceleratorsAreAddedUpDevicesFirst() {
    view.with(
        Kinds.NODES,
        "{metadata:{name:'a'},status:{allocatable:{'nvidia.com/gpu':'2',cpu:'4'}}}",
        "{metadata:{name:'b'},status:{allocatable:{'nvidia.com/gpu':'1','amd.com/gpu':'0',"
            + "'nvidia.com/mig-1g.5gb':'7'}}}");

    assertThat(FindingParts.value(new GpuDetector(new Seen(view)).gpus()))
        .containsExactly(
            new Gpu("nvidia.com/gpu", "nvidia", Quantity.parse("3"), 2),
            new Gpu("nvidia.com/mig-1g.5gb", "nvidia", Quantity.parse("7"), 1));
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void acceleratorsThatCannotBeReadAreUnknown(Cause cause) {
    assertThat(FindingParts.value(new GpuDetector(new Seen(view)).gpus())).isEmpty();

    view.without(Kinds.NODES, cause);
    assertThat(FindingParts.cause(new GpuDetector(new Seen(view)).gpus())).isEqualTo(cause);
  }
}
