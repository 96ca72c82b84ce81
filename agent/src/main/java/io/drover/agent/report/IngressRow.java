package io.drover.agent.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A known ingress controller.
 *
 * @param shape of the controller's name in its classes
 * @param isClass it has none, and {@code shape} is that of the class that Ingresses ask for
 * @param managed whether it runs where no workload is seen
 */
record IngressRow(
    Shape shape,
    boolean isClass,
    String provider,
    @Nullable Boolean customDefaultBackend,
    boolean managed,
    List<WorkloadSign> workloads) {

  static final List<IngressRow> KNOWN = KnownTable.read("ingress-controllers", IngressRow::of);
  static final List<IngressRow> CONTROLLERS = KNOWN.stream().filter(row -> !row.isClass).toList();
  static final List<IngressRow> CLASSES = KNOWN.stream().filter(IngressRow::isClass).toList();

  private static IngressRow of(KnownTable.Row row) {
    row.text("product"); // for readers of the table
    boolean isClass = row.has("class");
    return new IngressRow(
        Shape.of(row, isClass ? "class" : "controller"),
        isClass,
        row.text("provider"),
        row.optionalFlag("customDefaultBackend"),
        row.flag("managed"),
        WorkloadSign.of(row));
  }
}
