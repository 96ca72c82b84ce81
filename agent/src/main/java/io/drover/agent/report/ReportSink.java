package io.drover.agent.report;

import io.drover.proto.report.ClusterReport;
import java.io.IOException;

/** Where reports go. */
interface ReportSink {
  /** For logs and metrics: {@code cluster} or {@code https}. */
  String name();

  /**
   * Puts a report in the place of the last one. Blocks, for some seconds at most.
   *
   * @throws IOException if it is not there now; the next report replaces it anyway
   */
  void put(ClusterReport report) throws IOException, InterruptedException;
}
