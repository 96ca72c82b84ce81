package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.proto.report.Quantity;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What a pod asks for. Two ways to reckon it: Kubernetes' own (init and sidecar containers,
 * overhead, the pod's own resources), and that of Rancher's annotations, which is older. Both go by
 * the specification; a resize that is still under way is not looked at.
 */
public record Amounts(
    Map<String, Quantity> requests,
    Map<String, Quantity> limits,
    Map<String, Quantity> rancherRequests,
    Map<String, Quantity> rancherLimits) {
  /** Pods differ in less. */
  private static final int MAX_SHARED = 1024;

  private static final Map<Amounts, Amounts> SHARED = new ConcurrentHashMap<>();

  /** The same for all pods that ask for the same, as those of one workload do. */
  static Amounts of(JsonNode podSpec) {
    var amounts = read(podSpec);
    if (SHARED.size() >= MAX_SHARED) {
      SHARED.clear();
    }
    @Nullable Amounts known = SHARED.putIfAbsent(amounts, amounts);
    return known == null ? amounts : known;
  }

  private static Amounts read(JsonNode podSpec) {
    var requests = effective(podSpec, "requests");
    var limits = effective(podSpec, "limits");
    var rancherRequests = rancher(podSpec, "requests");
    var rancherLimits = rancher(podSpec, "limits");
    // Most pods have neither init containers nor overhead: one map instead of two.
    return new Amounts(
        requests,
        limits,
        rancherRequests.equals(requests) ? requests : rancherRequests,
        rancherLimits.equals(limits) ? limits : rancherLimits);
  }

  /**
   * Source: Kubernetes {@code component-helpers/resource/helpers.go}, {@code PodRequests} and
   * {@code PodLimits}.
   */
  private static Map<String, Quantity> effective(JsonNode spec, String what) {
    var sum = new HashMap<String, Quantity>();
    for (JsonNode container : spec.path("containers")) {
      merge(sum, of(container, what), Quantity::plus);
    }
    // Sidecars run on beside what starts after them; other init containers run alone.
    var sidecars = new HashMap<String, Quantity>();
    var highest = new HashMap<String, Quantity>();
    for (JsonNode init : spec.path("initContainers")) {
      var own = of(init, what);
      if (Json.text(init.path("restartPolicy")).equals("Always")) {
        merge(sum, own, Quantity::plus);
        merge(sidecars, own, Quantity::plus);
        merge(highest, sidecars, Amounts::larger);
      } else {
        var together = new HashMap<>(own);
        merge(together, sidecars, Quantity::plus);
        merge(highest, together, Amounts::larger);
      }
    }
    merge(sum, highest, Amounts::larger);
    // Resources of the pod as a whole, where given, stand in place of those of its containers.
    of(spec, what)
        .forEach(
            (name, amount) -> {
              if (isPodLevel(name)) {
                sum.put(name, amount);
              }
            });
    var overhead = Json.quantities(spec.path("overhead"));
    overhead.forEach(
        (name, amount) -> {
          // A limit that is not set, or zero, stays unlimited.
          if (what.equals("requests")
              || sum.getOrDefault(name, Quantity.ZERO).compareTo(Quantity.ZERO) != 0) {
            sum.merge(name, amount, Quantity::plus);
          }
        });
    return Map.copyOf(sum);
  }

  private static boolean isPodLevel(String name) {
    return name.equals("cpu") || name.equals("memory") || name.startsWith("hugepages-");
  }

  /** Source: Rancher {@code pkg/controllers/managementagent/podresources}, v2.15.0. */
  private static Map<String, Quantity> rancher(JsonNode spec, String what) {
    var sum = new HashMap<String, Quantity>();
    for (JsonNode container : spec.path("containers")) {
      merge(sum, of(container, what), Quantity::plus);
    }
    for (JsonNode init : spec.path("initContainers")) {
      merge(sum, of(init, what), Amounts::larger);
    }
    return Map.copyOf(sum);
  }

  private static Map<String, Quantity> of(JsonNode holder, String what) {
    return Json.quantities(holder.path("resources").path(what));
  }

  private static Quantity larger(Quantity one, Quantity other) {
    return other.compareTo(one) > 0 ? other : one;
  }

  private static void merge(
      Map<String, Quantity> into, Map<String, Quantity> more, BinaryOperator<Quantity> how) {
    more.forEach((name, amount) -> into.merge(name, amount, how));
  }

  /** Adds up, name by name. */
  public static void add(Map<String, Quantity> into, Map<String, Quantity> more) {
    merge(into, more, Quantity::plus);
  }
}
