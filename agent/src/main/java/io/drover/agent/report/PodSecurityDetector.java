package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Discovery;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Namespace;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Details.PodSecurity;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** How pods are restricted: by the old policies, by namespace labels, by others. */
final class PodSecurityDetector {
  /** The last to serve PodSecurityPolicies is 1.24. */
  private static final int MINOR_WITHOUT_POLICIES = 25;

  private static final String PATH = "details.podSecurity";
  private static final String LABEL = "pod-security.kubernetes.io/enforce";

  /** No other value means anything. */
  private static final List<String> LEVELS = List.of("privileged", "baseline", "restricted");

  private record Engine(String apiGroup, String name) {
    static Engine of(KnownTable.Row row) {
      return new Engine(row.text("apiGroup"), row.text("engine"));
    }
  }

  private static final List<Engine> ENGINES = KnownTable.read("policy-engines", Engine::of);

  private final Seen seen;
  private final Findings findings;

  PodSecurityDetector(Seen seen, Findings findings) {
    this.seen = seen;
    this.findings = findings;
  }

  /** API servers that have them list only their groups, and that of these has other kinds too. */
  Finding<Boolean> policies() {
    return switch (seen.facts().discovery()) {
      case Answer.Missing<Discovery> missing -> Finding.unknown(missing);
      case Answer.Found<Discovery>(var discovery) when !discovery.resources().isEmpty() ->
          switch (seen.serves("policy", "podsecuritypolicies")) {
            case Answer.Missing<Boolean> missing -> Finding.unknown(missing);
            case Answer.Found<Boolean>(var served) -> Finding.certain(served, "discovery");
          };
      case Answer.Found<Discovery> _ ->
          switch (seen.minor()) {
            case Answer.Missing<Integer> missing -> Finding.unknown(missing);
            case Answer.Found<Integer>(var minor) when minor >= MINOR_WITHOUT_POLICIES ->
                Finding.certain(false, "Kubernetes 1." + minor);
            case Answer.Found<Integer>(var minor) ->
                Finding.likely(true, "Kubernetes 1." + minor + ", which serves them by default");
          };
    };
  }

  Finding<PodSecurity> podSecurity() {
    return switch (seen.facts().discovery()) {
      // What engines there are is part of it, and none would be a guess.
      case Answer.Missing<Discovery> missing -> Finding.unknown(missing);
      case Answer.Found<Discovery>(var discovery) ->
          Finding.certain(
              new PodSecurity(admission(), namespacesByLevel(), engines(discovery)),
              "namespaces and discovery");
    };
  }

  private @Nullable Boolean admission() {
    return switch (seen.facts().podSecurityAdmission()) {
      case Answer.Found<Boolean>(var acts) when acts -> true;
      // Without a warning it may still act: there was perhaps nothing to warn of.
      case Answer.Found<Boolean> _ ->
          findings.take(
              PATH + ".admission",
              new Finding.Unknown<>(Cause.NO_EVIDENCE, "no warning at a trial on a namespace"));
      case Answer.Missing<Boolean> missing ->
          findings.take(PATH + ".admission", Finding.unknown(missing));
    };
  }

  private @Nullable Map<String, Integer> namespacesByLevel() {
    return switch (seen.all(Kinds.NAMESPACES, comparing(Namespace::name))) {
      case Answer.Missing<List<Namespace>> missing ->
          findings.take(PATH + ".namespacesByLevel", Finding.unknown(missing));
      case Answer.Found<List<Namespace>>(var namespaces) -> {
        var counts = new TreeMap<String, Integer>();
        for (Namespace namespace : namespaces) {
          String level = namespace.labels().getOrDefault(LABEL, "");
          if (LEVELS.contains(level)) {
            counts.merge(level, 1, Integer::sum);
          }
        }
        yield counts;
      }
    };
  }

  private static List<String> engines(Discovery discovery) {
    return ENGINES.stream()
        .filter(engine -> discovery.hasGroup(engine.apiGroup()))
        .map(Engine::name)
        .distinct()
        .sorted()
        .toList();
  }
}
