package io.drover.agent.report;

import static java.util.Comparator.comparingInt;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Node;
import io.drover.agent.view.Workload;
import io.drover.proto.report.Details.NetworkPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Whether NetworkPolicies do anything: every API server takes them, few networks obey. */
final class NetworkPolicyDetector {
  private static final String PATH = "details.networkPolicy";
  private static final String ADMIN_GROUP = "policy.networking.k8s.io";

  private record Plugin(
      String provider,
      @Nullable Boolean networkPolicy,
      @Nullable String fromTag,
      int priority,
      List<String> apiGroups,
      List<WorkloadSign> workloads,
      List<String> distributions,
      @Nullable NodeArgsRule disabledBy) {
    static Plugin of(KnownTable.Row row) {
      return new Plugin(
          row.text("provider"),
          row.optionalFlag("networkPolicy"),
          row.optionalText("networkPolicyFromTag"),
          row.number("priority"),
          row.texts("apiGroups"),
          WorkloadSign.of(row),
          row.texts("distributions"),
          NodeArgsRule.of(row, "disabledByNodeArgs"));
    }

    /** Whether it obeys policies, as far as known. */
    @Nullable Boolean obeys(List<Workload> own) {
      String from = fromTag;
      if (from == null) {
        return networkPolicy;
      }
      boolean isNew =
          own.stream()
              .flatMap(workload -> workload.images().stream())
              .filter(image -> workloads.stream().anyMatch(sign -> sign.isOwnImage(image)))
              .anyMatch(image -> Image.tag(image).compareTo(from) >= 0);
      return isNew ? Boolean.TRUE : networkPolicy;
    }
  }

  private static final List<Plugin> PLUGINS = KnownTable.read("network-plugins", Plugin::of);

  /** A plugin that is there; {@code obeys} null: not known. */
  private record Sighting(Plugin plugin, @Nullable Boolean obeys, String source) {}

  private final Seen seen;
  private final Findings findings;
  private final Finding<String> distribution;

  private final List<Sighting> running = new ArrayList<>();

  /** Of which there is only an API; perhaps it is a leftover. */
  private final List<Sighting> served = new ArrayList<>();

  private boolean isSwitchedOff;

  NetworkPolicyDetector(Seen seen, Findings findings, Finding<String> distribution) {
    this.seen = seen;
    this.findings = findings;
    this.distribution = distribution;
    PLUGINS.forEach(this::look);
  }

  private void look(Plugin plugin) {
    var own = WorkloadSign.certain(plugin.workloads, seen.workloads());
    var possible = WorkloadSign.possible(plugin.workloads, seen.workloads());
    if (!own.isEmpty()) {
      running.add(new Sighting(plugin, plugin.obeys(own), WorkloadSign.text(own.getFirst())));
    } else if (!possible.isEmpty()) {
      running.add(new Sighting(plugin, null, WorkloadSign.text(possible.getFirst())));
    } else if (isPartOfDistribution(plugin)) {
      String source = "part of " + plugin.distributions.getFirst();
      NodeArgsRule rule = plugin.disabledBy;
      List<Node> nodes = seen.nodes().found().orElse(List.of());
      if (rule != null && rule.holds(nodes).orElse(false)) {
        isSwitchedOff = true;
      } else if (seen.nodes().found().isPresent()) {
        running.add(new Sighting(plugin, plugin.networkPolicy, source));
      }
    } else {
      for (String group : plugin.apiGroups) {
        if (seen.hasGroup(group).found().orElse(false)) {
          served.add(new Sighting(plugin, plugin.networkPolicy, "API group " + group));
          return;
        }
      }
    }
  }

  private boolean isPartOfDistribution(Plugin plugin) {
    return distribution instanceof Finding.Known<String>(var id, var _, var _)
        && plugin.distributions.contains(id);
  }

  Finding<NetworkPolicy> networkPolicy() {
    var supported = supported();
    String provider = decisive().map(sighting -> sighting.plugin.provider).orElse(null);
    var adminPolicies = seen.hasGroup(ADMIN_GROUP);
    if (supported instanceof Finding.Unknown<Boolean>(var cause, var detail)
        && provider == null
        && adminPolicies.found().isEmpty()) {
      return new Finding.Unknown<>(cause, detail);
    }
    return Finding.likely(
        new NetworkPolicy(
            findings.take(PATH + ".supported", supported),
            provider,
            switch (adminPolicies) {
              case Answer.Found<Boolean>(var known) -> known;
              case Answer.Missing<Boolean> missing ->
                  findings.take(PATH + ".adminPolicies", Finding.<Boolean>unknown(missing));
            }),
        "workloads and discovery");
  }

  private Optional<Sighting> decisive() {
    var candidates = running.isEmpty() ? served : running;
    return candidates.stream().max(comparingInt(sighting -> sighting.plugin.priority));
  }

  private Finding<Boolean> supported() {
    var decisive = decisive();
    if (decisive.isPresent() && Boolean.TRUE.equals(decisive.get().obeys)) {
      return Finding.likely(true, decisive.get().source);
    }
    // All else would be refuted by a plugin that was not seen.
    var missing = missing();
    if (!missing.isEmpty()) {
      return Finding.unknown(missing.getFirst());
    }
    if (decisive.isPresent()) {
      Boolean obeys = decisive.get().obeys;
      return obeys == null
          ? Finding.noEvidence("not known of " + decisive.get().plugin.provider)
          : Finding.likely(obeys, decisive.get().source);
    }
    return isSwitchedOff
        ? Finding.likely(false, "switched off by arguments of servers")
        : Finding.noEvidence("no known network plugin");
  }

  private List<Answer.Missing<?>> missing() {
    var missing = new ArrayList<>(seen.workloads().missing());
    missing.addAll(Seen.missing(List.of(seen.facts().discovery(), seen.nodes())));
    if (distribution instanceof Finding.Unknown<String>(var cause, var detail)
        && Seen.isFailure(cause)) {
      missing.add(new Answer.Missing<>(cause, detail));
    }
    return missing;
  }
}
