package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Storage;
import io.drover.proto.report.Details.CsiDriver;
import io.drover.proto.report.Details.SnapshotClass;
import io.drover.proto.report.Details.StorageClass;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Volumes: their classes, drivers and snapshots. */
final class StorageDetector {
  /** Of several default classes, the newest is taken; before, volumes without a class failed. */
  private static final int MINOR_WITH_NEWEST_DEFAULT = 26;

  /** A known one; {@code migratesTo}: the CSI driver that does its work today. */
  private record Provisioner(
      Shape shape, String product, boolean local, @Nullable String migratesTo) {
    static Provisioner of(KnownTable.Row row) {
      return new Provisioner(
          Shape.of(row, "provisioner"),
          row.text("product"),
          row.flag("local"),
          row.optionalText("migratesTo"));
    }
  }

  private static final List<Provisioner> PROVISIONERS =
      KnownTable.read("provisioners", Provisioner::of);

  private final Seen seen;
  private final Findings findings;
  private final ListLimit limit;
  private final Answer<List<Storage.CsiDriver>> drivers;
  private final Answer<List<Storage.SnapshotClass>> snapshots;

  /** By driver; missing as a whole. */
  private final Answer<Map<String, Integer>> nodesByDriver;

  StorageDetector(Seen seen, Findings findings, ListLimit limit) {
    this.seen = seen;
    this.findings = findings;
    this.limit = limit;
    drivers = seen.allIfServed(Kinds.CSI_DRIVERS, comparing(Storage.CsiDriver::name));
    snapshots = seen.allIfServed(Kinds.SNAPSHOT_CLASSES, comparing(Storage.SnapshotClass::name));
    nodesByDriver =
        seen.allIfServed(Kinds.CSI_NODES, comparing(Storage.CsiNode::node))
            .map(StorageDetector::count);
  }

  private static Map<String, Integer> count(List<Storage.CsiNode> nodes) {
    var counts = new HashMap<String, Integer>();
    for (var node : nodes) {
      new HashSet<>(node.drivers()).forEach(driver -> counts.merge(driver, 1, Integer::sum));
    }
    return counts;
  }

  /** The default first. */
  Finding<List<StorageClass>> storageClasses() {
    return switch (seen.all(Kinds.STORAGE_CLASSES, comparing(Storage.StorageClass::name))) {
      case Answer.Missing<List<Storage.StorageClass>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Storage.StorageClass>>(var classes) -> {
        if (!classes.isEmpty()) {
          missing("details.storageClasses.snapshotClasses", snapshots);
          missing("details.storageClasses.nodesWithDriver", nodesByDriver);
        }
        String effective = effectiveDefault(classes);
        yield Finding.certain(
            classes.stream()
                .map(each -> described(each, each.name().equals(effective)))
                .sorted(
                    comparing((StorageClass each) -> !each.effectiveDefault())
                        .thenComparing(each -> !each.isDefault()))
                .toList(),
            Kinds.STORAGE_CLASSES.toString());
      }
    };
  }

  private @Nullable String effectiveDefault(List<Storage.StorageClass> classes) {
    var defaults = classes.stream().filter(Storage.StorageClass::isDefault).toList();
    boolean severalFail =
        seen.minor().found().map(minor -> minor < MINOR_WITH_NEWEST_DEFAULT).orElse(false);
    if (defaults.size() > 1 && severalFail) {
      return null;
    }
    // Times are in one format, so they compare as texts. Of the same age, the first by name.
    return defaults.stream()
        .max(
            comparing(Storage.StorageClass::created)
                .thenComparing(Storage.StorageClass::name, Comparator.reverseOrder()))
        .map(Storage.StorageClass::name)
        .orElse(null);
  }

  private StorageClass described(Storage.StorageClass each, boolean effectiveDefault) {
    Optional<Provisioner> known = Shape.best(PROVISIONERS, Provisioner::shape, each.provisioner());
    String driver = known.map(Provisioner::migratesTo).orElse(each.provisioner());
    List<String> ofDriver =
        snapshots
            .found()
            .map(
                all ->
                    all.stream()
                        .filter(snapshot -> snapshot.driver().equals(driver))
                        .map(Storage.SnapshotClass::name)
                        .toList())
            .orElse(null);
    return new StorageClass(
        each.name(),
        each.provisioner(),
        known.map(Provisioner::product).orElse(null),
        each.isDefault(),
        effectiveDefault,
        known.map(Provisioner::local).orElse(null),
        each.reclaimPolicy(),
        each.volumeBindingMode(),
        each.allowVolumeExpansion(),
        limit.cutIfKnown("snapshotClasses", ofDriver),
        nodesWith(driver));
  }

  private @Nullable Integer nodesWith(String driver) {
    var counts = nodesByDriver.found().orElse(null);
    if (counts == null) {
      return null;
    }
    boolean isInstalled =
        drivers.found().orElse(List.of()).stream().anyMatch(each -> each.name().equals(driver));
    Integer nodes = counts.get(driver);
    return nodes == null && isInstalled ? Integer.valueOf(0) : nodes;
  }

  Finding<List<CsiDriver>> csiDrivers() {
    return switch (drivers) {
      case Answer.Missing<List<Storage.CsiDriver>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Storage.CsiDriver>>(var found) -> {
        if (!found.isEmpty()) {
          missing("details.csiDrivers.nodes", nodesByDriver);
        }
        yield Finding.certain(
            found.stream()
                .map(
                    driver ->
                        new CsiDriver(
                            driver.name(),
                            nodesWith(driver.name()),
                            driver.attachRequired(),
                            driver.lifecycleModes()))
                .toList(),
            Kinds.CSI_DRIVERS.toString());
      }
    };
  }

  Finding<List<SnapshotClass>> snapshotClasses() {
    return switch (snapshots) {
      case Answer.Missing<List<Storage.SnapshotClass>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Storage.SnapshotClass>>(var found) ->
          Finding.certain(
              found.stream()
                  .map(
                      each ->
                          new SnapshotClass(
                              each.name(), each.driver(), each.isDefault(), each.deletionPolicy()))
                  .sorted(comparing((SnapshotClass each) -> !each.isDefault()))
                  .toList(),
              Kinds.SNAPSHOT_CLASSES.toString());
    };
  }

  private void missing(String path, Answer<?> answer) {
    if (answer instanceof Answer.Missing<?> missing) {
      findings.take(path, Finding.unknown(missing));
    }
  }
}
