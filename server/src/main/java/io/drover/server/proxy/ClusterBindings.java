package io.drover.server.proxy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.server.account.Role;
import io.drover.server.proxy.ApiConnections.Asked;
import io.drover.server.tunnel.Session;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Tunnels;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Joins the groups of members with Kubernetes' own roles in each cluster: a ClusterRoleBinding,
 * made with the agent's rights when the first of a role comes, once for each session of the agent.
 * One that is there already is left as it is, whatever its role: then somebody wants it so.
 *
 * <p>Where it cannot be made, requests go on all the same, since an operator may have bound the
 * group by another name; if the cluster then refuses, why it was not made is told with it.
 *
 * <p>Any thread. Requests of one role and cluster wait for the one that asks, which is at most
 * {@link ApiConnections#DIAL_LIMIT} and {@link #LIMIT} for each of two questions.
 */
public final class ClusterBindings {
  /** How long the API server may take for one question. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** After how long it is tried again, while a session goes on, what has failed. */
  static final Duration RETRY_AFTER = Duration.ofSeconds(30);

  /** The longest answer, in bytes. */
  static final int MAX_BYTES = 256 * 1024;

  /** What it is called: this, and the role. */
  static final String NAME = "drover-";

  static final String MANAGED_BY = "app.kubernetes.io/managed-by";

  private static final String GROUP = "rbac.authorization.k8s.io";
  private static final String PATH = "/apis/" + GROUP + "/v1/clusterrolebindings";
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Logger log = LoggerFactory.getLogger(ClusterBindings.class);

  private final ApiConnections connections;
  private final InstantSource clock;
  private final Map<String, InCluster> clusters = new ConcurrentHashMap<>();

  /** What was found in one cluster. */
  private static final class InCluster {
    final ReentrantLock asking = new ReentrantLock();
    // Guarded by asking.
    final Map<Role, Found> found = new EnumMap<>(Role.class);
    @Nullable Session session;
  }

  /**
   * What was found, and when.
   *
   * @param problem empty if the binding is there
   */
  private record Found(String problem, Instant at) {
    boolean isOver(Instant now) {
      return !problem.isEmpty() && now.isAfter(at.plus(RETRY_AFTER));
    }
  }

  private ClusterBindings(ApiConnections connections, InstantSource clock) {
    this.connections = connections;
    this.clock = clock;
  }

  /** Through these connections, which go through these tunnels. */
  public static ClusterBindings of(
      ApiConnections connections, Tunnels tunnels, InstantSource clock) {
    var bindings = new ClusterBindings(connections, clock);
    tunnels.onChange(
        key -> {
          if (!tunnels.isConnected(new SessionKey(Tunnel.CLUSTER, key.clusterId()))) {
            bindings.clusters.remove(key.clusterId());
          }
        });
    return bindings;
  }

  /**
   * Sees to it that a role's group can do in a cluster what it is meant to.
   *
   * @return why not, for people; empty: it can, or the agent is away, or it needs no binding
   */
  public Optional<String> ensure(String clusterId, Role role) {
    var session = connections.session(clusterId).orElse(null);
    if (session == null || role == Role.ADMIN) {
      return Optional.empty();
    }
    var cluster = clusters.computeIfAbsent(clusterId, _ -> new InCluster());
    cluster.asking.lock();
    try {
      if (!session.equals(cluster.session)) {
        cluster.session = session;
        cluster.found.clear();
      }
      var known = cluster.found.get(role);
      if (known == null || known.isOver(clock.instant())) {
        var problem = find(clusterId, session, role);
        if (!problem.isEmpty() && (known == null || !known.problem().equals(problem))) {
          log.warn("binding not made: cluster={} role={} reason={}", clusterId, role, problem);
        }
        known = new Found(problem, clock.instant());
        cluster.found.put(role, known);
      }
      return Optional.of(known.problem()).filter(problem -> !problem.isEmpty());
    } finally {
      cluster.asking.unlock();
    }
  }

  private String find(String clusterId, Session session, Role role) {
    var name = NAME + role.text();
    try {
      var there =
          connections.send(session, new Asked("GET", PATH + "/" + name, "", ""), LIMIT, MAX_BYTES);
      if (there.isFine()) {
        return check(clusterId, name, role, there.json());
      }
      // It is not there, or may not be looked at.
      var made =
          connections.send(
              session,
              new Asked("POST", PATH, "application/json", body(name, role)),
              LIMIT,
              MAX_BYTES);
      if (made.isFine()) {
        log.info("binding made: cluster={} name={} role={}", clusterId, name, role.clusterRole());
        return "";
      } else if (made.status() == 409) { // another request was faster, or it may not be looked at
        return "";
      }
      return "ClusterRoleBinding %s for group %s could not be made: %s"
          .formatted(name, role.group(), made.problem());
    } catch (IOException e) {
      return "ClusterRoleBinding %s for group %s could not be made: %s"
          .formatted(name, role.group(), e.getMessage());
    }
  }

  private static String check(String clusterId, String name, Role role, JsonNode binding) {
    boolean isForGroup = false;
    for (var subject : binding.path("subjects")) {
      isForGroup |=
          subject.path("kind").asText().equals("Group")
              && subject.path("name").asText().equals(role.group());
    }
    var bound = binding.path("roleRef").path("name").asText();
    if (!isForGroup) {
      return "ClusterRoleBinding "
          + name
          + " is there already, but not for group "
          + role.group()
          + "; bind that to ClusterRole "
          + role.clusterRole();
    }
    if (!bound.equals(role.clusterRole())) {
      log.info("binding left as it is: cluster={} name={} role={}", clusterId, name, bound);
    }
    return "";
  }

  private static String body(String name, Role role) {
    var json =
        JSON.createObjectNode().put("apiVersion", GROUP + "/v1").put("kind", "ClusterRoleBinding");
    json.putObject("metadata")
        .put("name", name)
        .putObject("labels")
        .put(MANAGED_BY, ApiConnections.USER_AGENT);
    json.putObject("roleRef")
        .put("apiGroup", GROUP)
        .put("kind", "ClusterRole")
        .put("name", role.clusterRole());
    json.putArray("subjects")
        .addObject()
        .put("apiGroup", GROUP)
        .put("kind", "Group")
        .put("name", role.group());
    return json.toString();
  }
}
