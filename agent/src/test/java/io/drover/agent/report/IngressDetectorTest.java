package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Capabilities.IngressCapabilities;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.IngressController;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class IngressDetectorTest {
  private static final String DEFAULT = "'ingressclass.kubernetes.io/is-default-class':'true'";
  private static final String NGINX = "registry.k8s.io/ingress-nginx/controller:v1.12.1";

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private IngressDetector detector() {
    var seen = new Seen(view);
    return new IngressDetector(
        seen, findings, new ListLimit(10), new DistributionDetector(seen, findings).id());
  }

  private List<IngressController> controllers() {
    return FindingParts.value(detector().ingressControllers());
  }

  private List<IngressCapabilities> capabilities() {
    return FindingParts.value(detector().capabilities());
  }

  private void ingressClass(String name, String controller, String annotations) {
    view.with(
        Kinds.INGRESS_CLASSES,
        "{metadata:{name:'%s',annotations:{%s}},spec:{controller:'%s'}}"
            .formatted(name, annotations, controller));
  }

  private void workload(String image, int ready) {
    view.with(
        Kinds.DAEMON_SETS,
        """
        {metadata:{namespace:'in',name:'w'},
         spec:{template:{spec:{containers:[{image:'%s'}]}}},status:{numberReady:%d}}
        """
            .formatted(image, ready));
  }

  private void ingress(String name, String className, boolean hasAddress) {
    view.with(
        Kinds.INGRESSES,
        """
        {metadata:{namespace:'a',name:'%s',annotations:{'kubernetes.io/ingress.class':'%s'}},
         spec:{},status:{loadBalancer:{ingress:[%s]}}}
        """
            .formatted(name, className, hasAddress ? "{ip:'1.2.3.4'}" : ""));
  }

  @Test
  void classWithARunningWorkloadIsCertain() {
    ingressClass("nginx", "k8s.io/ingress-nginx", DEFAULT);
    workload(NGINX, 1);

    assertThat(controllers())
        .containsExactly(
            new IngressController(
                "nginx", "k8s.io/ingress-nginx", List.of("nginx"), true, true, false));
    assertThat(capabilities()).containsExactly(new IngressCapabilities("nginx", false));
    assertThat(FindingParts.confidence(detector().capabilities())).isEqualTo(Confidence.CERTAIN);
  }

  @Test
  void classesOfOneControllerAreTogether() {
    ingressClass("b", "traefik.io/ingress-controller", "");
    ingressClass("a", "traefik.io/ingress-controller", DEFAULT);

    assertThat(controllers()).hasSize(1);
    assertThat(controllers().getFirst().classes()).containsExactly("a", "b");
    assertThat(controllers().getFirst().isDefault()).isTrue();
  }

  @Test
  void defaultComesFirstAndEachProviderOnce() {
    ingressClass("a", "haproxy.org/ingress-controller/one", "");
    ingressClass("b", "haproxy.org/ingress-controller/two", "");
    ingressClass("c", "traefik.io/ingress-controller", DEFAULT);
    workload("haproxytech/kubernetes-ingress:3.1", 1);
    workload("traefik:v3", 1);

    assertThat(controllers())
        .extracting(IngressController::provider)
        .containsExactly("traefik", "haproxy", "haproxy");
    assertThat(capabilities())
        .containsExactly(
            new IngressCapabilities("traefik", null), new IngressCapabilities("haproxy", null));
  }

  @Test
  void unknownControllerIsPassedOnByItsName() {
    ingressClass("own", "example.org/own", "");

    assertThat(controllers())
        .containsExactly(
            new IngressController(
                "example.org/own", "example.org/own", List.of("own"), false, null, false));
    assertThat(capabilities()).containsExactly(new IngressCapabilities("example.org/own", null));
    assertThat(FindingParts.confidence(detector().capabilities())).isEqualTo(Confidence.LIKELY);
  }

  @Test
  void classWhoseControllerIsGoneIsListedAndIsNoCapability() {
    ingressClass("nginx", "k8s.io/ingress-nginx", "");

    assertThat(controllers().getFirst().running()).isFalse();
    assertThat(capabilities()).isEmpty();
  }

  @Test
  void controllerThatIsDownIsStillACapability() {
    ingressClass("nginx", "k8s.io/ingress-nginx", "");
    workload(NGINX, 0);

    assertThat(controllers().getFirst().running()).isFalse();
    assertThat(capabilities()).hasSize(1);
  }

  @Test
  void ingressWithAnAddressProvesItsController() {
    ingressClass("nginx", "k8s.io/ingress-nginx", "");
    ingress("i", "nginx", true);

    assertThat(controllers().getFirst().used()).isTrue();
    assertThat(controllers().getFirst().running()).isNull();
    assertThat(FindingParts.confidence(detector().capabilities())).isEqualTo(Confidence.CERTAIN);
  }

  @Test
  void managedControllerNeedsNoWorkload() {
    ingressClass("alb", "eks.amazonaws.com/alb", "");

    assertThat(controllers().getFirst().running()).isNull();
    assertThat(capabilities()).containsExactly(new IngressCapabilities("aws-alb", null));
  }

  @ParameterizedTest
  @CsvSource({"skipper,true,skipper", "skipper,false,skipper", "own,true,own"})
  void classInAnAnnotationIsFoundWithoutItsObject(
      String className, boolean hasAddress, String provider) {
    ingress("i", className, hasAddress);

    assertThat(controllers()).extracting(IngressController::provider).containsExactly(provider);
    assertThat(controllers().getFirst().controller()).isEmpty();
    assertThat(controllers().getFirst().classes()).containsExactly(className);
  }

  @Test
  void annotationOfNobodyIsNothing() {
    ingress("i", "typo", false);

    assertThat(controllers()).isEmpty();
  }

  @Test
  void oldNginxWithoutAClassIsTheKnownOne() {
    ingress("i", "nginx", true);
    workload(NGINX, 1);

    assertThat(controllers().getFirst().running()).isTrue();
    assertThat(capabilities()).containsExactly(new IngressCapabilities("nginx", false));
  }

  @Test
  void gkeHasItsOwn() {
    view.gitVersion("v1.33.2-gke.1111000");
    ingress("i", "", true);

    assertThat(capabilities()).containsExactly(new IngressCapabilities("GCLB", true));
    assertThat(controllers().getFirst().classes()).containsExactly("gce");
    assertThat(controllers().getFirst().used()).isTrue();
    assertThat(controllers().getFirst().running()).isNull();
  }

  @Test
  void noneIsLikelyIfAllWasSeen() {
    assertThat(capabilities()).isEmpty();
    assertThat(FindingParts.confidence(detector().capabilities())).isEqualTo(Confidence.LIKELY);
  }

  @Test
  void workloadWithoutAnyClassLeavesItOpen() {
    workload(NGINX, 1);

    assertThat(FindingParts.cause(detector().capabilities())).isEqualTo(Cause.NO_EVIDENCE);
  }

  @Test
  void classesThatAreNotServedAreNone() {
    view.notServing("networking.k8s.io/ingressclasses")
        .without(Kinds.INGRESS_CLASSES, Cause.NOT_SERVED);
    ingress("i", "nginx", true);

    assertThat(capabilities()).hasSize(1);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void withoutClassesNothingIsKnown(Cause cause) {
    view.without(Kinds.INGRESS_CLASSES, cause);

    assertThat(FindingParts.cause(detector().capabilities())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().ingressControllers())).isEqualTo(cause);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void noneIsNotSaidIfIngressesOrWorkloadsCannotBeRead(Cause cause) {
    view.without(Kinds.INGRESSES, cause);
    assertThat(FindingParts.cause(detector().capabilities())).isEqualTo(cause);

    view.with(Kinds.INGRESSES, new String[0]).without(Kinds.DEPLOYMENTS, cause);
    assertThat(FindingParts.cause(detector().capabilities())).isEqualTo(cause);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void partsThatCannotBeReadAreNamed(Cause cause) {
    ingressClass("nginx", "k8s.io/ingress-nginx", "");
    view.without(Kinds.INGRESSES, cause).without(Kinds.DEPLOYMENTS, cause);

    assertThat(controllers().getFirst().running()).isNull();
    assertThat(controllers().getFirst().used()).isNull();
    assertThat(capabilities()).hasSize(1);
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .contains("details.ingressControllers.running", "details.ingressControllers.used");
  }

  @Test
  void noneIsNotSaidOfWhatMayBeGke() {
    view.version(FakeView.missing(Cause.TIMEOUT));

    assertThat(FindingParts.cause(detector().capabilities())).isEqualTo(Cause.TIMEOUT);
  }
}
