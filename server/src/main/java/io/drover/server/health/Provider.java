package io.drover.server.health;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Whose Kubernetes it is, by Rancher's ids. Source: {@code rancher/kubernetes-provider-detector};
 * where several of its rules hold, the first one here counts, and there any.
 */
final class Provider {
  private static final String LABELS = "/metadata/labels";

  private Provider() {}

  /**
   * The id, or empty for a cluster that has none, such as one of kubeadm.
   *
   * @param version what the API server says of itself
   * @param nodes a NodeList
   */
  static String of(JsonNode version, JsonNode nodes) {
    var gitVersion = version.path("gitVersion").asText();
    var items = nodes.path("items");
    if (anyHas(items, "harvesterhci.io/managed")) {
      return "harvester";
    } else if (gitVersion.contains("+k3s")) {
      return "k3s";
    } else if (gitVersion.contains("+rke2")) {
      return "rke2";
    } else if (gitVersion.contains("-eks-")) {
      return "eks";
    } else if (gitVersion.contains("-gke.")) {
      return "gke";
    } else if (anyHas(items, "kubernetes.azure.com/cluster")) {
      return "aks";
    }
    return ofFirst(items);
  }

  private static String ofFirst(JsonNode items) {
    var first = items.path(0);
    if (items.size() == 1
        && first.at("/status/nodeInfo/osImage").asText().equals("Docker Desktop")) {
      return "docker";
    } else if (first.at(LABELS).has("minikube.k8s.io/name")) {
      return "minikube";
    }
    if (items.valueStream().anyMatch(node -> isWindows(node) && isOfRke(node))) {
      return "rke.windows";
    }
    return isOfRke(first) && items.valueStream().noneMatch(Provider::isWindows) ? "rke" : "";
  }

  private static boolean isWindows(JsonNode node) {
    return node.at(LABELS).path("kubernetes.io/os").asText().equals("windows");
  }

  private static boolean isOfRke(JsonNode node) {
    var annotations = node.at("/metadata/annotations");
    return annotations.has("rke.cattle.io/external-ip")
        || annotations.has("rke.cattle.io/internal-ip");
  }

  private static boolean anyHas(JsonNode items, String label) {
    return items.valueStream().anyMatch(node -> node.at(LABELS).has(label));
  }
}
