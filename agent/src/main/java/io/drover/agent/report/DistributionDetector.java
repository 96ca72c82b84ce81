package io.drover.agent.report;

import io.drover.agent.kube.Answer;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Details.Distribution;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Who made the cluster: the first row of the table that fits, as in Rancher's detector. A row that
 * cannot be judged may have been that one, so those after it are not taken, but if the version
 * itself names them.
 */
final class DistributionDetector {
  private static final String MODE = "details.distribution.mode";

  /** Of modes that any distribution may have. */
  private static final String ANY = "*";

  private record Known(
      String id, boolean isRanchers, ClusterSigns any, ClusterSigns all, ClusterSigns not) {
    static Known of(KnownTable.Row row) {
      var known =
          new Known(
              row.text("id"),
              row.flag("rancher"),
              ClusterSigns.of(row.row("signs")),
              ClusterSigns.of(row.row("all")),
              ClusterSigns.of(row.row("not")));
      if (known.any.isEmpty() == known.all.isEmpty()) {
        throw row.wrong("needs either signs or all");
      }
      return known;
    }

    Answer<Optional<String>> verdict(Seen seen) {
      return without(not, seen, any.isEmpty() ? all.all(seen) : any.any(seen));
    }
  }

  private record Mode(String distribution, String name, ClusterSigns any, ClusterSigns not) {
    static Mode of(KnownTable.Row row) {
      return new Mode(
          row.text("distribution"),
          row.text("mode"),
          ClusterSigns.of(row.row("signs")),
          ClusterSigns.of(row.row("not")));
    }

    Answer<Optional<String>> verdict(Seen seen) {
      return without(not, seen, any.any(seen));
    }
  }

  private static final List<Known> KNOWN = KnownTable.read("distributions", Known::of);
  private static final List<Mode> MODES = KnownTable.read("distribution-modes", Mode::of);

  private final Seen seen;
  private final Findings findings;

  DistributionDetector(Seen seen, Findings findings) {
    this.seen = seen;
    this.findings = findings;
  }

  private static Answer<Optional<String>> without(
      ClusterSigns not, Seen seen, Answer<Optional<String>> sign) {
    if (not.isEmpty() || sign.found().filter(Optional::isEmpty).isPresent()) {
      return sign;
    }
    return not.any(seen)
        .then(forbidden -> forbidden.isPresent() ? new Answer.Found<>(Optional.empty()) : sign);
  }

  /** Its id, and why; see {@link #distribution} and {@link #provider}. */
  Finding<String> id() {
    Answer.Missing<?> open = null;
    for (Known row : KNOWN) {
      boolean isNamed = row.any.inVersion(seen).found().flatMap(Function.identity()).isPresent();
      switch (row.verdict(seen)) {
        case Answer.Found<Optional<String>>(var sign) when sign.isPresent() -> {
          if (open == null && row.isRanchers) {
            return Finding.certain(row.id, sign.get());
          }
          return open == null || isNamed
              ? Finding.likely(row.id, sign.get())
              : Finding.unknown(open);
        }
        case Answer.Found<Optional<String>> _ -> {}
        case Answer.Missing<Optional<String>> missing -> {
          if (isNamed) {
            return Finding.likely(row.id, "version");
          }
          open = open == null ? missing : open;
        }
      }
    }
    return open == null ? Finding.noEvidence("no known sign") : Finding.unknown(open);
  }

  Finding<Distribution> distribution(Finding<String> id) {
    return switch (id) {
      case Finding.Unknown<String>(var cause, var detail) -> new Finding.Unknown<>(cause, detail);
      case Finding.Known<String>(var known, var source, var confidence) ->
          new Finding.Known<>(new Distribution(known, mode(known)), source, confidence);
    };
  }

  /** The id, if it is one of Rancher's. */
  Finding<String> provider(Finding<String> id) {
    return switch (id) {
      case Finding.Known<String>(var known, var _, var _) when !isRanchers(known) ->
          new Finding.Unknown<>(Cause.NO_EVIDENCE, known + " is none that Rancher knows");
      default -> id;
    };
  }

  private static boolean isRanchers(String id) {
    return KNOWN.stream().anyMatch(row -> row.id.equals(id) && row.isRanchers);
  }

  private @Nullable String mode(String id) {
    for (String distribution : List.of(id, ANY)) {
      for (Mode row : MODES) {
        if (row.distribution.equals(distribution)) {
          switch (row.verdict(seen)) {
            case Answer.Found<Optional<String>>(var sign) -> {
              if (sign.isPresent()) {
                return row.name;
              }
            }
            case Answer.Missing<Optional<String>> missing -> {
              return findings.take(MODE, Finding.unknown(missing));
            }
          }
        }
      }
    }
    return null; // the usual one
  }
}
