package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static io.drover.agent.report.FakeView.missing;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.PodSecurity;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PodSecurityDetectorTest {
  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private PodSecurityDetector detector() {
    return new PodSecurityDetector(new Seen(view), findings);
  }

  @Test
  void policiesAreInDiscovery() {
    assertThat(detector().policies()).isEqualTo(Finding.certain(false, "discovery"));

    view.serving("policy/podsecuritypolicies");
    assertThat(detector().policies()).isEqualTo(Finding.certain(true, "discovery"));
  }

  @ParameterizedTest
  @CsvSource({"v1.24.17, true, LIKELY", "v1.25.0, false, CERTAIN"})
  void groupsAloneLeaveItToTheVersion(String version, boolean served, Confidence confidence) {
    view.groupsOnly().gitVersion(version);

    assertThat(FindingParts.value(detector().policies())).isEqualTo(served);
    assertThat(FindingParts.confidence(detector().policies())).isEqualTo(confidence);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void policiesAreUnknownWithoutDiscoveryOrVersion(Cause cause) {
    view.groupsOnly().version(missing(cause));
    assertThat(FindingParts.cause(detector().policies())).isEqualTo(cause);

    view.discovery(cause);
    assertThat(FindingParts.cause(detector().policies())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().podSecurity())).isEqualTo(cause);
  }

  @Test
  void brokenGroupIsNotAbsent() {
    view.broken("policy");

    assertThat(FindingParts.cause(detector().policies())).isEqualTo(Cause.UNAVAILABLE);
  }

  @Test
  void labelsAndEnginesAreCounted() {
    String namespace = "{metadata:{name:'%s',labels:{'pod-security.kubernetes.io/enforce':'%s'}}}";
    view.podSecurityAdmission(found(true))
        .serving("kyverno.io/policies", "templates.gatekeeper.sh/x", "config.gatekeeper.sh/x")
        .with(
            Kinds.NAMESPACES,
            namespace.formatted("a", "restricted"),
            namespace.formatted("b", "restricted"),
            namespace.formatted("c", "nonsense"),
            "{metadata:{name:'d'}}");

    assertThat(FindingParts.value(detector().podSecurity()))
        .isEqualTo(
            new PodSecurity(true, Map.of("restricted", 2), List.of("gatekeeper", "kyverno")));
    assertThat(findings.undetermined()).isEmpty();
  }

  @Test
  void noWarningProvesNothing() {
    view.podSecurityAdmission(found(false));

    assertThat(FindingParts.value(detector().podSecurity()).admission()).isNull();
    assertThat(findings.undetermined().getFirst().cause()).isEqualTo(Cause.NO_EVIDENCE);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void partsThatCannotBeReadAreNamed(Cause cause) {
    view.podSecurityAdmission(missing(cause)).without(Kinds.NAMESPACES, cause);

    assertThat(FindingParts.value(detector().podSecurity()))
        .isEqualTo(new PodSecurity(null, null, List.of()));
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactly("details.podSecurity.admission", "details.podSecurity.namespacesByLevel");
  }
}
