package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details.CsiDriver;
import io.drover.proto.report.Details.SnapshotClass;
import io.drover.proto.report.Details.StorageClass;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StorageDetectorTest {
  private static final String DEFAULT = "storageclass.kubernetes.io/is-default-class:'true'";

  private final FakeView view = new FakeView();
  private final Findings findings = new Findings(FakeView.AT);

  private StorageDetector detector() {
    return new StorageDetector(new Seen(view), findings, new ListLimit(10));
  }

  private List<StorageClass> classes() {
    return FindingParts.value(detector().storageClasses());
  }

  private void storageClass(String name, String provisioner, String annotations, String created) {
    view.with(
        Kinds.STORAGE_CLASSES,
        "{metadata:{name:'%s',annotations:{%s},creationTimestamp:'%s'},provisioner:'%s'}"
            .formatted(name, annotations.replaceFirst("^([^:]+):", "'$1':"), created, provisioner));
  }

  @Test
  void newestOfSeveralDefaultsIsTaken() {
    storageClass("a", "rancher.io/local-path", DEFAULT, "2025-01-01T00:00:00Z");
    storageClass("b", "rancher.io/local-path", DEFAULT, "2025-01-02T00:00:00Z");
    storageClass("c", "rancher.io/local-path", "", "2025-01-03T00:00:00Z");

    assertThat(classes())
        .extracting(StorageClass::name, StorageClass::isDefault, StorageClass::effectiveDefault)
        .containsExactly(tuple("b", true, true), tuple("a", true, false), tuple("c", false, false));
  }

  @Test
  void ofDefaultsOfTheSameAgeTheFirstByNameIsTaken() {
    storageClass("b", "x", DEFAULT, "2025-01-01T00:00:00Z");
    storageClass("a", "x", DEFAULT, "2025-01-01T00:00:00Z");

    assertThat(classes().getFirst().name()).isEqualTo("a");
    assertThat(classes().getFirst().effectiveDefault()).isTrue();
  }

  @Test
  void oldKubernetesTakesNoneOfSeveralDefaults() {
    view.gitVersion("v1.25.3");
    storageClass("a", "x", DEFAULT, "2025-01-01T00:00:00Z");
    storageClass("b", "x", DEFAULT, "2025-01-02T00:00:00Z");

    assertThat(classes()).noneMatch(StorageClass::effectiveDefault);
  }

  @Test
  void knownProvisionerHasProductAndPlace() {
    storageClass("a", "rancher.io/local-path", "", "");
    storageClass("b", "driver.longhorn.io", "", "");
    storageClass("c", "example.org/own", "", "");

    assertThat(classes()).extracting(StorageClass::local).containsExactly(true, false, null);
    assertThat(classes().get(1).product()).isEqualTo("Longhorn");
    assertThat(classes().get(2).product()).isNull();
  }

  @Test
  void classOfTheTreeIsServedByItsCsiDriver() {
    storageClass("gp2", "kubernetes.io/aws-ebs", "", "");
    view.with(Kinds.CSI_DRIVERS, "{metadata:{name:'ebs.csi.aws.com'},spec:{}}")
        .with(
            Kinds.CSI_NODES,
            "{metadata:{name:'n1'},spec:{drivers:[{name:'ebs.csi.aws.com'}]}}",
            "{metadata:{name:'n2'},spec:{drivers:[{name:'ebs.csi.aws.com'}]}}")
        .with(
            Kinds.SNAPSHOT_CLASSES,
            "{metadata:{name:'snap'},driver:'ebs.csi.aws.com',deletionPolicy:'Delete'}",
            "{metadata:{name:'other'},driver:'x',deletionPolicy:'Delete'}");

    assertThat(classes().getFirst().nodesWithDriver()).isEqualTo(2);
    assertThat(classes().getFirst().snapshotClasses()).containsExactly("snap");
    assertThat(findings.undetermined()).isEmpty();
  }

  @Test
  void driverOnNoNodeIsCountedAsZero() {
    storageClass("a", "driver.longhorn.io", "", "");
    view.with(Kinds.CSI_DRIVERS, "{metadata:{name:'driver.longhorn.io'},spec:{}}");

    assertThat(classes().getFirst().nodesWithDriver()).isZero();
    assertThat(FindingParts.value(detector().csiDrivers()))
        .containsExactly(new CsiDriver("driver.longhorn.io", 0, true, List.of()));
  }

  @Test
  void snapshotsThatAreNotServedAreNone() {
    storageClass("a", "driver.longhorn.io", "", "");

    assertThat(FindingParts.value(detector().snapshotClasses())).isEmpty();
    assertThat(classes().getFirst().snapshotClasses()).isEmpty();
    assertThat(classes().getFirst().nodesWithDriver()).isNull();
  }

  @Test
  void snapshotsThatAreServedButNotFoundAreUnknown() {
    view.serving("snapshot.storage.k8s.io/volumesnapshotclasses");

    assertThat(FindingParts.cause(detector().snapshotClasses())).isEqualTo(Cause.NOT_SERVED);
  }

  @Test
  void defaultSnapshotClassComesFirst() {
    view.with(
        Kinds.SNAPSHOT_CLASSES,
        "{metadata:{name:'a'},driver:'x',deletionPolicy:'Delete'}",
        "{metadata:{name:'b',annotations:{"
            + "'snapshot.storage.kubernetes.io/is-default-class':'true'}},driver:'x',"
            + "deletionPolicy:'Retain'}");

    assertThat(FindingParts.value(detector().snapshotClasses()))
        .containsExactly(
            new SnapshotClass("b", "x", true, "Retain"),
            new SnapshotClass("a", "x", false, "Delete"));
  }

  @Test
  void answeredEmptyListIsNone() {
    assertThat(classes()).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void whatCannotBeReadIsUnknown(Cause cause) {
    view.without(Kinds.STORAGE_CLASSES, cause);
    view.serving("snapshot.storage.k8s.io/volumesnapshotclasses");
    view.without(Kinds.SNAPSHOT_CLASSES, cause).without(Kinds.CSI_DRIVERS, cause);

    assertThat(FindingParts.cause(detector().storageClasses())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().snapshotClasses())).isEqualTo(cause);
    assertThat(FindingParts.cause(detector().csiDrivers())).isEqualTo(cause);
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void partsThatCannotBeReadAreNamed(Cause cause) {
    storageClass("a", "driver.longhorn.io", "", "");
    view.serving("snapshot.storage.k8s.io/volumesnapshotclasses")
        .without(Kinds.SNAPSHOT_CLASSES, cause)
        .without(Kinds.CSI_NODES, cause)
        .with(Kinds.CSI_DRIVERS, "{metadata:{name:'driver.longhorn.io'}}");

    assertThat(classes().getFirst().snapshotClasses()).isNull();
    assertThat(classes().getFirst().nodesWithDriver()).isNull();
    assertThat(FindingParts.value(detector().csiDrivers()).getFirst().nodes()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .contains(
            "details.storageClasses.snapshotClasses",
            "details.storageClasses.nodesWithDriver",
            "details.csiDrivers.nodes");
    assertThat(findings.undetermined()).extracting(Undetermined::cause).containsOnly(cause);
  }
}
