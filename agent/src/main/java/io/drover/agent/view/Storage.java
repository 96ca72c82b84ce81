package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** What volumes are made of. */
public interface Storage {
  /** A class of volumes; {@code created} as Kubernetes writes it. */
  record StorageClass(
      String name,
      String provisioner,
      boolean isDefault,
      String reclaimPolicy,
      String volumeBindingMode,
      boolean allowVolumeExpansion,
      String created)
      implements Storage {
    static Optional<StorageClass> of(JsonNode object) {
      return Optional.of(
          new StorageClass(
              Json.name(object),
              Json.text(object.path("provisioner")),
              Json.isDefault(
                  object.path("metadata"),
                  "storageclass.kubernetes.io/is-default-class",
                  "storageclass.beta.kubernetes.io/is-default-class"),
              object.path("reclaimPolicy").asText("Delete"),
              object.path("volumeBindingMode").asText("Immediate"),
              object.path("allowVolumeExpansion").asBoolean(),
              Json.text(object.path("metadata").path("creationTimestamp"))));
    }
  }

  /** A CSI driver. */
  record CsiDriver(String name, boolean attachRequired, List<String> lifecycleModes)
      implements Storage {
    static Optional<CsiDriver> of(JsonNode object) {
      JsonNode spec = object.path("spec");
      return Optional.of(
          new CsiDriver(
              Json.name(object),
              spec.path("attachRequired").asBoolean(true),
              Json.texts(spec.path("volumeLifecycleModes"))));
    }
  }

  /** The CSI drivers registered on a node. */
  record CsiNode(String node, List<String> drivers) implements Storage {
    static Optional<CsiNode> of(JsonNode object) {
      var drivers = new ArrayList<String>();
      for (JsonNode driver : object.path("spec").path("drivers")) {
        drivers.add(Json.text(driver.path("name")).intern());
      }
      return Optional.of(new CsiNode(Json.name(object), List.copyOf(drivers)));
    }
  }

  /** A class of snapshots. */
  record SnapshotClass(String name, String driver, boolean isDefault, String deletionPolicy)
      implements Storage {
    static Optional<SnapshotClass> of(JsonNode object) {
      return Optional.of(
          new SnapshotClass(
              Json.name(object),
              Json.text(object.path("driver")),
              Json.isDefault(
                  object.path("metadata"), "snapshot.storage.kubernetes.io/is-default-class"),
              Json.text(object.path("deletionPolicy"))));
    }
  }
}
