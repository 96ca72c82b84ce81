package io.drover.agent.report;

import io.drover.agent.view.Workload;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What a product's workload is told by; all that is given has to hold, one of each list.
 *
 * @param images parts of an image's path
 * @param hidden whether there is more to it, in the containers, that no view shows
 */
record WorkloadSign(
    List<String> images,
    List<String> names,
    List<String> namespaces,
    Map<String, String> labels,
    List<String> labelKeys,
    boolean hidden) {

  /** Those of a row, in {@code workloads}: alternatives. */
  static List<WorkloadSign> of(KnownTable.Row row) {
    var signs = new ArrayList<WorkloadSign>();
    for (KnownTable.Row each : row.rows("workloads")) {
      var hidden = new ArrayList<>(each.texts("containers"));
      hidden.addAll(each.texts("args"));
      hidden.addAll(each.texts("env"));
      var sign =
          new WorkloadSign(
              each.texts("images"),
              each.texts("names"),
              each.texts("namespaces"),
              each.map("labels"),
              each.texts("labelKeys"),
              !hidden.isEmpty());
      if (sign.images.isEmpty()
          && sign.names.isEmpty()
          && sign.labels.isEmpty()
          && sign.labelKeys.isEmpty()) {
        throw each.wrong("fits every workload");
      }
      signs.add(sign);
    }
    return List.copyOf(signs);
  }

  private boolean fits(Workload workload) {
    return (images.isEmpty() || workload.images().stream().anyMatch(this::isOwnImage))
        && (names.isEmpty() || names.contains(workload.name()))
        && (namespaces.isEmpty() || namespaces.contains(workload.namespace()))
        && workload.labels().entrySet().containsAll(labels.entrySet())
        && (labelKeys.isEmpty() || labelKeys.stream().anyMatch(workload.labels()::containsKey));
  }

  /** Whether an image is one of {@link #images}. */
  boolean isOwnImage(String image) {
    String path = Image.path(image);
    return images.stream().anyMatch(path::contains);
  }

  /** Workloads that are certainly the product's. */
  static List<Workload> certain(List<WorkloadSign> signs, Partly<Workload> workloads) {
    return workloads.items().stream()
        .filter(w -> signs.stream().anyMatch(sign -> !sign.hidden && sign.fits(w)))
        .toList();
  }

  /** Workloads that may be the product's: what is seen of them fits. */
  static List<Workload> possible(List<WorkloadSign> signs, Partly<Workload> workloads) {
    return workloads.items().stream()
        .filter(w -> signs.stream().anyMatch(sign -> sign.hidden && sign.fits(w)))
        .toList();
  }

  /** For people. */
  static String text(Workload workload) {
    return workload.kind() + " " + workload.namespace() + "/" + workload.name();
  }
}
