package io.drover.agent.report;

import io.drover.agent.config.ReportConfig.Trial;
import io.drover.agent.kube.Answer;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.view.Facts;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.Undetermined;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Which features a report is without because a right is missing. */
final class MissingRights {
  /** Values that are named; of any more there is the number. */
  static final int MAX_NAMED = 5;

  private MissingRights() {}

  /** By the feature's name in the chart's {@code rights.yaml}: what is missing. */
  static SortedMap<String, Problem> of(Facts facts, ClusterReport report) {
    var missing = new TreeMap<String, Problem>();
    feature(missing, Trial.NODE_PORTS.text(), facts.nodePorts());
    feature(missing, Trial.TAINTS.text(), facts.taintTrial());
    feature(missing, Trial.POD_SECURITY.text(), facts.podSecurityAdmission());
    feature(missing, "kubelet-usage", facts.kubeletUsage());
    var paths =
        report.undetermined().stream()
            .filter(value -> value.cause() == Cause.FORBIDDEN)
            .map(Undetermined::path)
            .toList();
    if (!paths.isEmpty()) {
      missing.put(
          "reports",
          forbidden(
              "values=%d such as %s"
                  .formatted(
                      paths.size(),
                      paths.stream().sorted().limit(MAX_NAMED).collect(Collectors.joining(", ")))));
    }
    return missing;
  }

  private static void feature(SortedMap<String, Problem> missing, String name, Answer<?> answer) {
    if (answer instanceof Answer.Missing<?>(var cause, var detail) && cause == Cause.FORBIDDEN) {
      missing.put(name, forbidden(detail));
    }
  }

  private static Problem forbidden(String what) {
    return new Problem(Reason.FORBIDDEN, what);
  }
}
