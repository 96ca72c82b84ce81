package io.drover.agent.report;

import io.drover.proto.report.ClusterReport.Evidence;
import io.drover.proto.report.ClusterReport.Undetermined;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Evidence of what a report says, and causes of what it does not. One thread, one report. */
final class Findings {
  private final Instant at;
  private final SortedMap<String, Evidence> evidence = new TreeMap<>();
  private final List<Undetermined> undetermined = new ArrayList<>();

  Findings(Instant at) {
    this.at = at;
  }

  /**
   * Notes why the value is believed, or why it is absent.
   *
   * @param path of the value in the report, such as {@code capabilities.nodePortRange}
   * @return the value; null if it is not known
   */
  <T> @Nullable T take(String path, Finding<T> finding) {
    return switch (finding) {
      case Finding.Known<T>(var value, var source, var confidence) -> {
        evidence.put(path, new Evidence(source, confidence, at));
        yield value;
      }
      case Finding.Unknown<T>(var cause, var detail) -> {
        undetermined.add(new Undetermined(path, cause, detail));
        yield null;
      }
    };
  }

  SortedMap<String, Evidence> evidence() {
    return evidence;
  }

  List<Undetermined> undetermined() {
    return undetermined;
  }
}
