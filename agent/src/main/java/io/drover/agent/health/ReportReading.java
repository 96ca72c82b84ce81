package io.drover.agent.health;

import io.drover.proto.report.ClusterReport;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The reports at one moment.
 *
 * @param last the newest; null: none yet
 * @param leads whether this replica is the one that writes
 * @param apiRequests made for reports, from the start of the process
 */
public record ReportReading(
    @Nullable ClusterReport last, boolean leads, long apiRequests, List<Sink> sinks) {
  public ReportReading {
    sinks = List.copyOf(sinks);
  }

  /** Where reports go; {@code lastSuccess} null: none was taken yet. */
  public record Sink(String name, long failures, @Nullable Instant lastSuccess) {}
}
