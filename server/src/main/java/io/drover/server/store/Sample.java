package io.drover.server.store;

import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Quantity;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Instant;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A cluster's figures in one minute; what was not reported is null. CPU is in thousandths, memory
 * in bytes.
 */
public record Sample(
    Instant minute,
    @Nullable Long nodes,
    @Nullable Long pods,
    @Nullable Long cpuUsed,
    @Nullable Long cpuRequested,
    @Nullable Long cpuAllocatable,
    @Nullable Long memoryUsed,
    @Nullable Long memoryRequested,
    @Nullable Long memoryAllocatable) {

  /** What a report says. */
  static Sample of(Instant minute, ClusterReport report) {
    var resources = report.resources();
    var usage = resources.usage();
    var count = resources.nodeCount();
    return new Sample(
        minute,
        count == null ? null : count.longValue(),
        amount(resources.requested(), "pods", 0),
        usage == null ? null : amount(usage.cpu(), 3),
        amount(resources.requested(), "cpu", 3),
        amount(resources.allocatable(), "cpu", 3),
        usage == null ? null : amount(usage.memory(), 0),
        amount(resources.requested(), "memory", 0),
        amount(resources.allocatable(), "memory", 0));
  }

  private static @Nullable Long amount(
      @Nullable Map<String, Quantity> amounts, String resource, int decimals) {
    var quantity = amounts == null ? null : amounts.get(resource);
    return quantity == null ? null : amount(quantity, decimals);
  }

  private static Long amount(Quantity quantity, int decimals) {
    return quantity
        .amount()
        .movePointRight(decimals)
        .setScale(0, RoundingMode.HALF_UP)
        .min(BigDecimal.valueOf(Long.MAX_VALUE))
        .longValue();
  }
}
