package io.drover.agent.report;

import static java.util.Comparator.comparing;

import io.drover.agent.kube.Answer;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Service;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;

/** Services of type LoadBalancer, and whose they are. */
final class BalancedServices {
  /** Cloud load balancers take up to a few minutes. */
  static final Duration PATIENCE = Duration.ofMinutes(5);

  /** Set by every cloud's controller, so it does not tell which. */
  private static final String CLOUD_FINALIZER = "service.kubernetes.io/load-balancer-cleanup";

  /** The provider of those that tell nothing of theirs. */
  static final String SOMEBODY = "";

  private final Seen seen;
  private final List<LoadBalancerEvidence> evidence;
  private final Answer<List<Service>> answer;
  private final SortedMap<String, List<Service>> byProvider = new TreeMap<>();

  BalancedServices(Seen seen, List<LoadBalancerEvidence> evidence) {
    this.seen = seen;
    this.evidence = evidence;
    answer =
        seen.all(Kinds.SERVICES, comparing(Service::namespace).thenComparing(Service::name))
            .map(all -> all.stream().filter(s -> s.type().equals("LoadBalancer")).toList());
    for (Service service : all()) {
      byProvider.computeIfAbsent(providerOf(service), _ -> new ArrayList<>()).add(service);
    }
  }

  Answer<List<Service>> answer() {
    return answer;
  }

  /** None if they cannot be read. */
  List<Service> all() {
    return answer.found().orElse(List.of());
  }

  SortedMap<String, List<Service>> byProvider() {
    return byProvider;
  }

  List<Service> of(String provider) {
    return byProvider.getOrDefault(provider, List.of());
  }

  /** By what it says itself, else the only provider that it can be. */
  String providerOf(Service service) {
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
    return candidates.size() == 1 ? candidates.getFirst() : SOMEBODY;
  }

  static boolean works(Service service) {
    return !service.addresses().isEmpty();
  }

  /** False of one of unknown age. */
  boolean waitsTooLong(Service service) {
    if (works(service)) {
      return false;
    }
    try {
      return Instant.parse(service.created()).isBefore(seen.facts().at().minus(PATIENCE));
    } catch (DateTimeException _) {
      return false;
    }
  }

  static String text(Service service) {
    return service.namespace() + "/" + service.name();
  }

  /** For people, of at least one. */
  static String texts(List<Service> services) {
    String more = services.size() > 1 ? " and " + (services.size() - 1) + " more" : "";
    return text(services.getFirst()) + more;
  }
}
