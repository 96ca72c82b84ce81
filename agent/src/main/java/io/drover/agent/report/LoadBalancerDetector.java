package io.drover.agent.report;

import static java.util.Comparator.comparing;
import static java.util.Comparator.comparingLong;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Service;
import io.drover.proto.report.Capabilities.LoadBalancerCapabilities;
import io.drover.proto.report.Confidence;
import io.drover.proto.report.Details.LoadBalancer;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Load balancers for Services. A Service that has got an address proves it; all else is more or
 * less likely. None is ever made to find out: it might cost money.
 */
final class LoadBalancerDetector {
  private static final String PATH = "details.loadBalancers";

  /** Cloud load balancers take up to a few minutes. */
  static final Duration PATIENCE = Duration.ofMinutes(5);

  /** Set by every cloud's controller, so it does not tell which. */
  private static final String CLOUD_FINALIZER = "service.kubernetes.io/load-balancer-cleanup";

  /** For people; more of the same kind would not convince them either. */
  private static final int MAX_SOURCES = 4;

  private final Seen seen;
  private final Findings findings;
  private final Answer<List<Service>> services;
  private final List<LoadBalancerEvidence> evidence;

  /** Services by provider; empty: somebody's. */
  private final Map<String, List<Service>> served = new TreeMap<>();

  LoadBalancerDetector(Seen seen, Findings findings) {
    this.seen = seen;
    this.findings = findings;
    services =
        seen.all(Kinds.SERVICES, comparing(Service::namespace).thenComparing(Service::name))
            .map(all -> all.stream().filter(s -> s.type().equals("LoadBalancer")).toList());
    evidence =
        LoadBalancerRow.KNOWN.stream().map(row -> LoadBalancerEvidence.of(row, seen)).toList();
    for (Service service : services.found().orElse(List.of())) {
      served.computeIfAbsent(providerOf(service), _ -> new ArrayList<>()).add(service);
    }
  }

  private String providerOf(Service service) {
    for (var trait : LoadBalancerRow.Trait.values()) {
      for (LoadBalancerRow row : LoadBalancerRow.KNOWN) {
        if (row.fits(trait, service)) {
          return row.provider();
        }
      }
      if (trait == LoadBalancerRow.Trait.CLASS && !service.loadBalancerClass().isEmpty()) {
        return service.loadBalancerClass(); // one that the table does not know
      }
    }
    boolean isClouds = service.finalizers().contains(CLOUD_FINALIZER);
    var candidates = new LinkedHashSet<String>();
    for (LoadBalancerEvidence each : evidence) {
      boolean isCloud =
          seen.nodes().found().orElse(List.of()).stream().anyMatch(each.row()::isCloudOf);
      if (isClouds ? isCloud : !each.strong().isEmpty()) {
        candidates.add(each.row().provider());
      }
    }
    return candidates.size() == 1 ? candidates.getFirst() : "";
  }

  Finding<LoadBalancerCapabilities> capabilities() {
    var working =
        served.entrySet().stream()
            .filter(e -> e.getValue().stream().anyMatch(this::works))
            .toList();
    if (!working.isEmpty()) {
      return Finding.certain(
          enabled(
              working.stream()
                  .filter(each -> !each.getKey().isEmpty())
                  .max(comparingLong(each -> each.getValue().stream().filter(this::works).count()))
                  .map(Map.Entry::getKey)
                  .orElse(null)),
          "Service " + text(first(working.getFirst().getValue())));
    }
    var waiting = services.found().orElse(List.of()).stream().filter(this::waitsTooLong).toList();
    var installed = evidence.stream().filter(each -> !each.strong().isEmpty()).toList();
    var ready =
        installed.stream().filter(e -> e.row().needsMet(seen).found().orElse(false)).toList();
    if (!ready.isEmpty()) {
      var first = ready.getFirst();
      // Those of others do not count: perhaps they have asked for one that is not there.
      var inVain =
          waiting.stream()
              .filter(s -> List.of("", first.row().provider()).contains(providerOf(s)))
              .toList();
      return inVain.isEmpty()
          ? Finding.likely(enabled(first.row().provider()), first.strong().getFirst())
          : Finding.noEvidence(
              first.row().provider() + " is there, but Services wait: " + texts(inVain));
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
        : Finding.likely(disabled(), "Services wait: " + texts(waiting));
  }

  private LoadBalancerCapabilities enabled(@Nullable String provider) {
    if (provider == null) {
      return new LoadBalancerCapabilities(true, null, null, null);
    }
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
    var providers = new LinkedHashSet<>(served.keySet());
    evidence.stream()
        .filter(each -> !each.strong().isEmpty() || !each.weak().isEmpty())
        .forEach(each -> providers.add(each.row().provider()));
    providers.remove("");
    providers.forEach(provider -> found.add(described(provider)));
    found.sort(
        comparing((LoadBalancer each) -> !Boolean.TRUE.equals(each.working()))
            .thenComparing(LoadBalancer::confidence)
            .thenComparing(LoadBalancer::provider));
    if (!found.isEmpty()) {
      if (services instanceof Answer.Missing<List<Service>> missing) {
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
    var own = served.getOrDefault(provider, List.of());
    var rows = rowsOf(provider);
    Boolean working = null;
    if (own.stream().anyMatch(this::works)) {
      working = true;
    } else if (own.stream().anyMatch(this::waitsTooLong)) {
      working = false;
    }
    var sources = new LinkedHashSet<String>();
    boolean isStrong = false;
    for (LoadBalancerEvidence each : evidence) {
      if (each.row().provider().equals(provider)) {
        isStrong |= !each.strong().isEmpty();
        sources.addAll(each.strong());
        sources.addAll(each.weak());
      }
    }
    own.stream().limit(1).forEach(service -> sources.add("Service " + text(service)));
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
            .filter(
                row -> isInstalled(row) || servesOne(row, served.getOrDefault(provider, List.of())))
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
    var missing = Seen.missing(List.of(services));
    missing.addAll(seen.workloads().missing());
    missing.addAll(Seen.missing(List.of(seen.nodes(), seen.facts().discovery())));
    return missing;
  }

  private boolean works(Service service) {
    return !service.addresses().isEmpty();
  }

  private boolean waitsTooLong(Service service) {
    if (works(service)) {
      return false;
    }
    try {
      return Instant.parse(service.created()).isBefore(seen.facts().at().minus(PATIENCE));
    } catch (DateTimeException _) {
      return false; // of unknown age
    }
  }

  private Service first(List<Service> services) {
    return services.stream().filter(this::works).findFirst().orElseThrow();
  }

  private static String text(Service service) {
    return service.namespace() + "/" + service.name();
  }

  private static String texts(List<Service> services) {
    String more = services.size() > 1 ? " and " + (services.size() - 1) + " more" : "";
    return text(services.getFirst()) + more;
  }
}
