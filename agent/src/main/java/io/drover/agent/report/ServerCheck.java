package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.proto.report.Cause;
import java.util.ArrayList;
import java.util.List;

/**
 * What one of the API server's own checks said.
 *
 * @param failed names of its parts that failed, such as {@code etcd}
 */
record ServerCheck(boolean ok, List<String> failed) {
  private static final String PASSED = "[+]";
  private static final String FAILED = "[-]";

  ServerCheck {
    failed = List.copyOf(failed);
  }

  /** For people; empty if all is well. */
  String message() {
    if (ok) {
      return "";
    }
    return failed.isEmpty() ? "the check failed" : "failed: " + Words.some(failed);
  }

  /**
   * Judges an answer by its text, which the API server makes of one line for each part, {@code
   * [+]etcd ok} or {@code [-]etcd failed: reason withheld}, and one for the whole. Whatever stands
   * in between, a proxy say, does not write like this.
   *
   * @param name {@code readyz} or {@code livez}
   */
  static Finding<ServerCheck> of(String name, Answer<String> answer) {
    return switch (answer) {
      case Answer.Missing<String> missing -> Finding.unknown(missing);
      case Answer.Found<String>(var text) -> {
        var failed = new ArrayList<String>();
        text.lines()
            .filter(line -> line.startsWith(FAILED))
            .forEach(line -> failed.add(part(line)));
        if (!failed.isEmpty() || text.contains(name + " check failed")) {
          yield Finding.certain(new ServerCheck(false, failed), "/" + name);
        }
        if (text.strip().equals("ok") || text.contains(name + " check passed")) {
          yield Finding.certain(new ServerCheck(true, List.of()), "/" + name);
        }
        yield new Finding.Unknown<>(
            Cause.UNREADABLE, "/" + name + " says neither that it passed nor that it failed");
      }
    };
  }

  /** What the lines of {@code /readyz} say of the API server's store. */
  static Finding<ServerCheck> etcd(Answer<String> readyz) {
    return switch (readyz) {
      case Answer.Missing<String> missing -> Finding.unknown(missing);
      case Answer.Found<String>(var text) -> {
        var lines = text.lines().filter(line -> isOfEtcd(line)).toList();
        var failed =
            lines.stream().filter(line -> line.startsWith(FAILED)).map(ServerCheck::part).toList();
        if (!failed.isEmpty()) {
          yield Finding.certain(new ServerCheck(false, failed), "/readyz");
        }
        // A part that was left out reads "[+]etcd excluded: ok".
        if (lines.stream().anyMatch(line -> line.strip().equals(PASSED + part(line) + " ok"))) {
          yield Finding.certain(new ServerCheck(true, List.of()), "/readyz");
        }
        yield Finding.noEvidence("/readyz does not name etcd");
      }
    };
  }

  private static boolean isOfEtcd(String line) {
    return (line.startsWith(PASSED) || line.startsWith(FAILED))
        && (part(line).equals("etcd") || part(line).startsWith("etcd-"));
  }

  private static String part(String line) {
    int end = line.indexOf(' ');
    return line.substring(PASSED.length(), end < 0 ? line.length() : end);
  }
}
