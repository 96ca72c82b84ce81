package io.drover.agent.report;

import static io.drover.agent.report.BalancedServices.SOMEBODY;
import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Service;
import io.drover.proto.report.Capabilities.LoadBalancerCapabilities;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.LoadBalancer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Load balancers for Services. A Service that has got an address proves it; all else is more or
 * less likely. None is ever made to find out: it might cost money.
 */
final class LoadBalancerDetector {
  private static final String PATH = "details.loadBalancers";

  /** For people; more of the same kind would not convince them either. */
  private static final int MAX_SOURCES = 4;

  private final Seen seen;
  private final Findings findings;
  private final List<LoadBalancerEvidence> evidence;
  private final BalancedServices services;

  LoadBalancerDetector(Seen seen, Findings findings) {
    this.seen = seen;
    this.findings = findings;
    evidence =
        LoadBalancerRow.KNOWN.stream().map(row -> LoadBalancerEvidence.of(row, seen)).toList();
    services = new BalancedServices(seen, evidence);
  }

  Finding<LoadBalancerCapabilities> capabilities() {
    var working =
        services.byProvider().entrySet().stream()
            .filter(each -> countWorking(each.getValue()) > 0)
            // Somebody's only if there are none of anybody known.
            .max(
                comparing((Map.Entry<String, List<Service>> e) -> !e.getKey().equals(SOMEBODY))
                    .thenComparingLong(each -> countWorking(each.getValue())));
    if (working.isPresent()) {
      String provider = working.get().getKey();
      var proof = working.get().getValue().stream().filter(BalancedServices::works).findFirst();
      return Finding.certain(
          provider.equals(SOMEBODY)
              ? new LoadBalancerCapabilities(true, null, null, null)
              : enabled(provider),
          "Service " + BalancedServices.text(proof.orElseThrow()));
    }
    var waiting = services.all().stream().filter(services::waitsTooLong).toList();
    var installed = evidence.stream().filter(each -> !each.strong().isEmpty()).toList();
    var ready =
        installed.stream().filter(e -> e.row().needsMet(seen).found().orElse(false)).toList();
    if (!ready.isEmpty()) {
      var first = ready.getFirst();
      // Those of others do not count: perhaps they have asked for one that is not there.
      var inVain =
          waiting.stream()
              .filter(
                  s -> List.of(SOMEBODY, first.row().provider()).contains(services.providerOf(s)))
              .toList();
      return inVain.isEmpty()
          ? Finding.likely(enabled(first.row().provider()), first.strong().getFirst())
          : Finding.noEvidence(
              first.row().provider()
                  + " is there, but Services wait: "
                  + BalancedServices.texts(inVain));
    }
    var missing = Seen.missing(installed.stream().map(each -> each.row().needsMet(seen)).toList());
    missing.addAll(this.missing());
    if (!missing.isEmpty()) {
      return Finding.unknown(missing.getFirst());
    }
    if (!installed.isEmpty()) {
      return Finding.likely(
          disabled(), installed.getFirst().row().provider() + " lacks its configuration");
    }
    return waiting.isEmpty()
        ? Finding.noEvidence("no Service has asked for one, and none is seen")
        : Finding.likely(disabled(), "Services wait: " + BalancedServices.texts(waiting));
  }

  private static long countWorking(List<Service> services) {
    return services.stream().filter(BalancedServices::works).count();
  }

  private LoadBalancerCapabilities enabled(String provider) {
    var rows = rowsOf(provider);
    return new LoadBalancerCapabilities(
        true, provider, rows.isEmpty() ? null : protocols(rows), healthCheck(rows));
  }

  private static LoadBalancerCapabilities disabled() {
    return new LoadBalancerCapabilities(false, null, null, null);
  }

  /** Those at work first. */
  Finding<List<LoadBalancer>> loadBalancers() {
    var found = new ArrayList<LoadBalancer>();
    var providers = new LinkedHashSet<>(services.byProvider().keySet());
    evidence.stream()
        .filter(each -> !each.strong().isEmpty() || !each.weak().isEmpty())
        .forEach(each -> providers.add(each.row().provider()));
    providers.remove(SOMEBODY);
    providers.forEach(provider -> found.add(described(provider)));
    found.sort(
        comparing((LoadBalancer each) -> !Boolean.TRUE.equals(each.working()))
            .thenComparing(LoadBalancer::confidence)
            .thenComparing(LoadBalancer::provider));
    if (!found.isEmpty()) {
      if (services.answer() instanceof Answer.Missing<List<Service>> missing) {
        findings.take(PATH + ".working", Finding.unknown(missing));
      }
      return Finding.likely(found, "Services, workloads, nodes and discovery");
    }
    var missing = missing();
    return missing.isEmpty()
        // Some live outside of the cluster, and are not seen before they have served a Service.
        ? Finding.noEvidence("none is seen")
        : Finding.unknown(missing.getFirst());
  }

  private LoadBalancer described(String provider) {
    var own = services.of(provider);
    var rows = rowsOf(provider);
    Boolean working = null;
    if (own.stream().anyMatch(BalancedServices::works)) {
      working = true;
    } else if (own.stream().anyMatch(services::waitsTooLong)) {
      working = false;
    }
    var sources = new LinkedHashSet<String>();
    boolean isStrong = false;
    for (LoadBalancerEvidence each : evidence) {
      if (each.row().provider().equals(provider)) {
        // Of a network plugin it must be known whether it has addresses to give.
        isStrong |= !each.strong().isEmpty() && each.row().needsMet(seen).found().isPresent();
        sources.addAll(each.strong());
        sources.addAll(each.weak());
      }
    }
    own.stream()
        .limit(1)
        .forEach(service -> sources.add("Service " + BalancedServices.text(service)));
    Confidence confidence = isStrong ? Confidence.LIKELY : Confidence.ASSUMED;
    return new LoadBalancer(
        provider,
        working,
        protocols(rows),
        healthCheck(rows),
        Boolean.TRUE.equals(working) ? Confidence.CERTAIN : confidence,
        sources.stream().limit(MAX_SOURCES).toList());
  }

  /** Those of a provider that are seen; if none is, all of them. */
  private List<LoadBalancerRow> rowsOf(String provider) {
    var all =
        LoadBalancerRow.KNOWN.stream().filter(row -> row.provider().equals(provider)).toList();
    var seenOnes =
        all.stream()
            .filter(row -> isInstalled(row) || servesOne(row, services.of(provider)))
            .toList();
    return seenOnes.isEmpty() ? all : seenOnes;
  }

  private boolean isInstalled(LoadBalancerRow row) {
    return evidence.stream().anyMatch(each -> each.row().equals(row) && !each.strong().isEmpty());
  }

  private static boolean servesOne(LoadBalancerRow row, List<Service> services) {
    for (var trait : LoadBalancerRow.Trait.values()) {
      if (services.stream().anyMatch(service -> row.fits(trait, service))) {
        return true;
      }
    }
    return false;
  }

  private static List<String> protocols(List<LoadBalancerRow> rows) {
    return rows.stream().flatMap(row -> row.protocols().stream()).distinct().toList();
  }

  private static @Nullable Boolean healthCheck(List<LoadBalancerRow> rows) {
    var known = rows.stream().map(LoadBalancerRow::healthCheck).toList();
    return known.contains(true) ? Boolean.TRUE : known.isEmpty() ? null : known.getFirst();
  }

  /** Where one might have been seen. */
  private List<Answer.Missing<?>> missing() {
    var missing = Seen.missing(List.of(services.answer()));
    missing.addAll(seen.workloads().missing());
    missing.addAll(Seen.missing(List.of(seen.nodes(), seen.facts().discovery())));
    return missing;
  }
}
