package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Node;
import io.drover.proto.report.Details.Gpu;
import io.drover.proto.report.Quantity;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/** Accelerators that pods can ask for. */
final class GpuDetector {
  /** A resource; of some the amount is shares or memory, and not a number of devices. */
  private record Known(Shape shape, String vendor, boolean devices) {
    static Known of(KnownTable.Row row) {
      return new Known(
          Shape.of(row, "resource"), row.text("vendor"), row.optionalFlag("counts") == null);
    }
  }

  private static final List<Known> KNOWN = KnownTable.read("gpu-resources", Known::of);

  private final Seen seen;

  GpuDetector(Seen seen) {
    this.seen = seen;
  }

  /** By resource; whole devices first. */
  Finding<List<Gpu>> gpus() {
    return switch (seen.nodes()) {
      case Answer.Missing<List<Node>> missing -> Finding.unknown(missing);
      case Answer.Found<List<Node>>(var nodes) -> {
        SortedMap<String, Gpu> devices = new TreeMap<>();
        SortedMap<String, Gpu> shares = new TreeMap<>();
        for (Node node : nodes) {
          node.allocatable()
              .forEach(
                  (resource, amount) -> {
                    Optional<Known> known = Shape.best(KNOWN, Known::shape, resource);
                    if (known.isPresent() && amount.compareTo(Quantity.ZERO) > 0) {
                      (known.get().devices() ? devices : shares)
                          .merge(
                              resource,
                              new Gpu(resource, known.get().vendor(), amount, 1),
                              GpuDetector::together);
                    }
                  });
        }
        var gpus = new ArrayList<>(devices.values());
        gpus.addAll(shares.values());
        yield gpus.isEmpty()
            ? Finding.likely(List.of(), "allocatable resources of nodes, none of them known")
            : Finding.certain(List.copyOf(gpus), "allocatable resources of nodes");
      }
    };
  }

  private static Gpu together(Gpu one, Gpu other) {
    return new Gpu(
        one.resource(),
        one.vendor(),
        one.allocatable().plus(other.allocatable()),
        one.nodes() + other.nodes());
  }
}
