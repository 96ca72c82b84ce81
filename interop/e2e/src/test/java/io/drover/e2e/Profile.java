package io.drover.e2e;

import io.drover.e2e.Rights.Access;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** A profile of the chart's rights, and what it grants of rights.yaml. */
enum Profile {
  FULL(true, "cattle-admin", ""),
  PROXY(true, "system:basic-user", "rbac.clusterRole=system:basic-user"),
  READONLY(true, "view", ""),
  NAMESPACED(false, "view", "rbac.clusterRole=view,rbac.namespaces={team-a,team-b}");

  /** On without being asked for, with less than all rights. */
  private static final List<String> UNASKED =
      List.of("tunnel", "watch", "leader", "reports", "unused-credentials", "unused-pull-secrets");

  /** On if they are asked for. */
  static final List<String> TRIALS = List.of("node-ports", "taints", "pod-security");

  static final List<String> DUTIES =
      List.of(
          "node-annotations",
          "namespace-labels",
          "scale-available",
          "tunnel-events",
          "unused-credentials",
          "unused-pull-secrets");

  /** On if its own value says so. */
  private static final String GATEWAY = "gateway";

  private final boolean clusterWide;
  private final String clusterRole;
  private final String more;

  Profile(boolean clusterWide, String clusterRole, String more) {
    this.clusterWide = clusterWide;
    this.clusterRole = clusterRole;
    this.more = more;
  }

  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Values that it needs, for {@code --set}; empty: none. */
  String more() {
    return more;
  }

  /** The ClusterRole that it binds for the server. */
  String clusterRole() {
    return clusterRole;
  }

  /** Where it is bound; empty: in the whole cluster. */
  List<String> namespaces() {
    return clusterWide ? List.of() : List.of("team-a", "team-b");
  }

  /** Of rights.yaml. */
  List<String> places() {
    return clusterWide ? List.of("cluster", "own", "system") : List.of("own");
  }

  /** What is granted, unless trials or duties are asked for. */
  Set<Access> accesses() throws IOException {
    return this == FULL ? Rights.allAccesses() : Rights.accesses(UNASKED, places());
  }

  /** What is granted if all trials and duties are asked for. */
  Set<Access> accessesIfAsked() throws IOException {
    var features = new ArrayList<>(UNASKED);
    features.addAll(TRIALS);
    features.addAll(DUTIES);
    features.add(GATEWAY);
    return this == FULL ? Rights.allAccesses() : Rights.accesses(features, places());
  }

  /** For a feature, as docs/rbac.md says it. */
  String cell(String feature) throws IOException {
    if (this == FULL) {
      return "yes";
    }
    boolean isOn = UNASKED.contains(feature);
    boolean isAskedFor =
        TRIALS.contains(feature) || DUTIES.contains(feature) || feature.equals(GATEWAY);
    if (!isOn && !isAskedFor) {
      return "no";
    }
    var all = Rights.places(feature);
    var granted = new ArrayList<>(all);
    granted.retainAll(places());
    if (granted.isEmpty()) {
      return "no";
    }
    var part = granted.size() == all.size() ? "" : ", but in `cattle-system` only";
    return (isOn ? "yes" : "if asked for") + part;
  }
}
