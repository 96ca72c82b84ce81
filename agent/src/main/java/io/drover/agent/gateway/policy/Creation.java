package io.drover.agent.gateway.policy;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a request makes besides what its verb says, if that is not there: the API server then asks
 * the cluster's roles for {@code create}, and so do we, without knowing whether it is there.
 *
 * <p>Source: apiserver v0.36.2 {@code pkg/registry/generic/registry/store.go}, {@code Update}; for
 * the types Kubernetes v1.36.2 {@code pkg/registry}, {@code AllowCreateOnUpdate}. {@code GatewayIT}
 * asks a real API server about each.
 */
final class Creation {
  private static final String UPDATE = "update";

  /** Of Services it makes an object, too. Other subresources are of what is there. */
  private static final String STATUS = "status";

  /** Types that an update makes, by their group. */
  private static final Map<String, Set<String>> BY_UPDATE =
      Map.of(
          "",
          Set.of("endpoints", "events", "limitranges", "services"),
          "coordination.k8s.io",
          Set.of("leasecandidates", "leases"),
          "events.k8s.io",
          Set.of("events"),
          "node.k8s.io",
          Set.of("runtimeclasses"),
          "rbac.authorization.k8s.io",
          Set.of("clusterrolebindings", "clusterroles", "rolebindings", "roles"));

  /**
   * Kubernetes' own groups: no update makes their other types. Another group may be that of an API
   * server of its own, which does as it likes.
   */
  private static final Set<String> KNOWN =
      Set.of(
          "",
          "admissionregistration.k8s.io",
          "apiextensions.k8s.io",
          "apiregistration.k8s.io",
          "apps",
          "authentication.k8s.io",
          "authorization.k8s.io",
          "autoscaling",
          "batch",
          "certificates.k8s.io",
          "coordination.k8s.io",
          "discovery.k8s.io",
          "events.k8s.io",
          "flowcontrol.apiserver.k8s.io",
          "internal.apiserver.k8s.io",
          "networking.k8s.io",
          "node.k8s.io",
          "policy",
          "rbac.authorization.k8s.io",
          "resource.k8s.io",
          "scheduling.k8s.io",
          "storage.k8s.io",
          "storagemigration.k8s.io");

  private Creation() {}

  /** What an update may make; empty: it is none, or makes nothing. */
  static Optional<RequestInfo.Resource> byUpdate(RequestInfo request) {
    return request instanceof RequestInfo.Resource asked
            && asked.verb().equals(UPDATE)
            && (asked.subresource().isEmpty() || asked.subresource().equals(STATUS))
            && isMadeByUpdate(asked.group(), asked.resource())
        ? Optional.of(
            new RequestInfo.Resource(
                Verbs.CREATE,
                asked.group(),
                asked.version(),
                asked.namespace(),
                asked.resource(),
                "",
                asked.name()))
        : Optional.empty();
  }

  /** Whether an update of a type may make an object of it. */
  static boolean isMadeByUpdate(String group, String resource) {
    return BY_UPDATE.getOrDefault(group, Set.of()).contains(resource) || !KNOWN.contains(group);
  }

  /** Whether a verb is that of an update. */
  static boolean isUpdate(String verb) {
    return verb.equals(UPDATE);
  }

  /** What a server-side apply may make: whatever it names, and else what an update makes. */
  static List<RequestInfo.Resource> byApply(RequestInfo.Resource patch) {
    var made = new ArrayList<RequestInfo.Resource>();
    made.add(patch.with(Verbs.CREATE));
    byUpdate(patch.with(UPDATE)).ifPresent(made::add);
    return made;
  }
}
