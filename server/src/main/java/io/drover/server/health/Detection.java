package io.drover.server.health;

import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.proxy.ApiConnections;
import io.drover.server.proxy.Said;
import io.drover.server.store.Condition.Status;
import io.drover.server.store.Store;
import java.io.IOException;
import java.time.Duration;

/** What the server finds out about a cluster by itself, with the agent's rights in it. */
final class Detection {
  /** How long an API server may take for one answer. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** The longest answer, in bytes; a node with its images is some 20 KiB. */
  static final int MAX_BYTES = 2 * 1024 * 1024;

  /** The nodes that are looked at for the provider's marks; all of a cluster have the same. */
  static final int NODES = 20;

  private static final String IN_NAMESPACE = "/namespaces/cattle-system/";
  private static final String DEPLOYMENT =
      "/apis/apps/v1" + IN_NAMESPACE + "deployments/cattle-cluster-agent";
  private static final String AGGREGATION = "/api/v1" + IN_NAMESPACE + "secrets/stv-aggregation";

  private final ApiConnections connections;
  private final Store store;

  /** What became of a condition. */
  record Found(Status status, String reason, String message) {
    static final Found FINE = new Found(Status.TRUE, "", "");

    private static Found unknown(String message) {
      return new Found(Status.UNKNOWN, "Error", message);
    }
  }

  Detection(ApiConnections connections, Store store) {
    this.connections = connections;
    this.store = store;
  }

  private Said ask(String clusterId, String target) throws IOException {
    return connections.get(clusterId, target, LIMIT, MAX_BYTES);
  }

  /** Notes the cluster's version and provider; what cannot be read stays as it was. */
  void version(String clusterId) throws IOException {
    var said = ask(clusterId, "/version");
    if (!said.isFine() || !(said.json() instanceof ObjectNode version)) {
      throw new IOException("version answered " + said.status());
    }
    // As Rancher: they differ between the servers of one cluster.
    version.put("buildDate", "").put("platform", "");
    var nodes = ask(clusterId, "/api/v1/nodes?limit=" + NODES);
    store.detected(
        clusterId,
        version.toString(),
        Provider.of(version, nodes.isFine() ? nodes.json() : MissingNode.getInstance()));
  }

  /** {@code AgentDeployed}. */
  Found deployment(String clusterId) {
    try {
      var said = ask(clusterId, DEPLOYMENT);
      if (said.isFine()) {
        return Found.FINE;
      } else if (said.status() == 404) {
        return new Found(
            Status.FALSE,
            "NotFound",
            "the cluster has no Deployment cattle-system/cattle-cluster-agent: apply the manifest");
      }
      return Found.unknown("the agent's Deployment: status " + said.status());
    } catch (IOException e) {
      return Found.unknown("the agent's Deployment: " + e.getMessage());
    }
  }

  /**
   * {@code AgentTlsStrictCheck}. Source: rancher {@code
   * pkg/controllers/managementuser/cavalidator}.
   */
  Found strictTls(String clusterId) {
    try {
      var said = ask(clusterId, AGGREGATION);
      if (!said.isFine()) {
        return Found.unknown("Secret cattle-system/stv-aggregation: status " + said.status());
      }
      var data = said.json().path("data");
      return switch (data.path("CATTLE_CACERTS_VALID").asText()) {
        case "dHJ1ZQ==" -> // true
            data.path("ca.crt").asText().isEmpty()
                ? Found.unknown("the agent has no CA of its own")
                : Found.FINE;
        case "ZmFsc2U=" -> // false
            new Found(
                Status.FALSE, "", "the agent trusts more than this server's CA (STRICT_VERIFY)");
        default -> Found.unknown("the agent does not say what it trusts");
      };
    } catch (IOException e) {
      return Found.unknown("Secret cattle-system/stv-aggregation: " + e.getMessage());
    }
  }
}
