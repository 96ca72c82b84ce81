package io.drover.server.store;

import io.drover.proto.report.ClusterReport;
import java.time.Instant;

/**
 * The newest report of a cluster.
 *
 * @param receivedAt when it arrived, by this server's clock
 * @param missed how many reports never arrived, in all: gaps between the sequences of one agent
 */
public record StoredReport(ClusterReport report, Instant receivedAt, long missed) {

  /**
   * Whether another agent's report is older than this one. An agent whose clock is ahead counts
   * from when its report arrived, so that it cannot lock out the next one.
   */
  boolean isNewerThan(ClusterReport other) {
    var observedAt = report.observedAt();
    var since = observedAt.isBefore(receivedAt) ? observedAt : receivedAt;
    return other.observedAt().isBefore(since);
  }

  /** Whether it was made by the same life of the same agent, so that sequences compare. */
  boolean isOfSameAgent(ClusterReport other) {
    return report.agent().instance().equals(other.agent().instance());
  }
}
