package io.drover.steve.api;

import io.drover.steve.kube.ApiRequest;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Which kinds have to do with each other, and how much of them must be read to say how they are.
 */
final class Kinds {
  /** Where the leases are that belong to nodes. */
  static final String LEASES_OF_NODES = "kube-node-lease";

  /** Whose objects own those of others. */
  private static final Map<String, List<String>> CHILDREN =
      Map.of(
          "apps.daemonset", List.of("apps.controllerrevision", "pod"),
          "apps.deployment", List.of("apps.replicaset"),
          "apps.replicaset", List.of("pod"),
          "apps.statefulset", List.of("apps.controllerrevision", "pod"),
          "batch.cronjob", List.of("batch.job"),
          "batch.job", List.of("pod"),
          "node", List.of("coordination.k8s.io.lease"),
          "replicationcontroller", List.of("pod"),
          "service", List.of("discovery.k8s.io.endpointslice"));

  /** Whose objects run with others. */
  private static final List<String> USERS =
      List.of(
          "apps.daemonset",
          "apps.deployment",
          "apps.replicaset",
          "apps.statefulset",
          "batch.job",
          "pod");

  /** Whose objects may name what is used: an App belongs to the Secret of its Helm release. */
  private static final List<String> NAMING_USED =
      Stream.concat(USERS.stream(), Stream.of("catalog.cattle.io.app")).toList();

  /** What may be used. */
  private static final Set<String> USED = Set.of("configmap", "secret", "serviceaccount");

  /** Whose pods, or jobs, are shown in one row with them. */
  private static final Map<String, String> SHOWN_WITH =
      Map.of(
          "apps.daemonset", "pod",
          "apps.deployment", "pod",
          "apps.statefulset", "pod",
          "batch.cronjob", "batch.job",
          "batch.job", "pod");

  /** Whose state does not depend on what is in them. */
  private static final Set<String> CONSTANT =
      Set.of(
          "apps.controllerrevision",
          "configmap",
          "coordination.k8s.io.lease",
          "discovery.k8s.io.endpointslice",
          "endpoints",
          "event",
          "events.k8s.io.event",
          "limitrange",
          "rbac.authorization.k8s.io.clusterrole",
          "rbac.authorization.k8s.io.clusterrolebinding",
          "rbac.authorization.k8s.io.role",
          "rbac.authorization.k8s.io.rolebinding",
          "secret",
          "serviceaccount");

  private Kinds() {}

  /** Whose objects may name one of a kind. */
  static List<String> naming(String id) {
    return USED.contains(id) ? NAMING_USED : CHILDREN.getOrDefault(id, List.of());
  }

  /** Whose objects are shown in one row with one of a kind; empty: none. */
  static String shownWith(String id) {
    return SHOWN_WITH.getOrDefault(id, "");
  }

  /** What to ask the API server for, to know how the objects of a kind are, and whom they name. */
  static String accept(String id) {
    return CONSTANT.contains(id) ? ApiRequest.METADATA : ApiRequest.JSON;
  }
}
