package io.drover.server.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ReportJson;
import io.drover.server.health.HealthChecks;
import io.drover.server.store.Cluster;
import io.drover.server.store.RegistrationToken;
import io.drover.server.store.Reports;
import io.drover.server.store.Secret;
import io.drover.server.store.Store;
import io.drover.server.tunnel.Sessions;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** {@code /v3/clusters} and {@code /v3/clusterregistrationtokens}, in Norman's shapes. */
final class ClusterApi {
  /** The longest request body, in bytes. */
  static final int MAX_BODY_BYTES = 64 * 1024;

  /** The longest cluster name, in characters. */
  static final int MAX_NAME_CHARACTERS = 63;

  /** What of a report's top level Norman shows at a cluster's. */
  private static final List<String> LIFTED = List.of("version", "provider", "capabilities");

  /** What of its resources. */
  private static final List<String> LIFTED_RESOURCES =
      List.of(
          "nodeCount",
          "linuxWorkerCount",
          "windowsWorkerCount",
          "capacity",
          "allocatable",
          "requested",
          "limits");

  private static final String REPORT = "/report";

  private final Store store;
  private final Reports reports;
  private final HealthChecks health;
  private final Sessions sessions;
  private final Installation installation;
  private final Secret adminToken;

  ClusterApi(
      Store store,
      Reports reports,
      HealthChecks health,
      Sessions sessions,
      Installation installation,
      Secret adminToken) {
    this.store = store;
    this.reports = reports;
    this.health = health;
    this.sessions = sessions;
    this.installation = installation;
    this.adminToken = adminToken;
  }

  void clusters(Request request, Response response, Callback callback, String rest)
      throws IOException {
    var method = request.getMethod();
    if (rest.isEmpty()) {
      switch (method) {
        case "GET" -> list(request, response, callback);
        case "POST" -> create(request, response, callback);
        default -> notAllowed(response, callback);
      }
      return;
    }
    boolean ofReport = rest.endsWith(REPORT);
    var id = rest.substring(1, ofReport ? rest.length() - REPORT.length() : rest.length());
    var cluster = store.cluster(id);
    if (cluster.isEmpty()) {
      Answers.error(response, callback, 404, "NotFound", "cluster not found");
      return;
    }
    if (ofReport) {
      report(request, response, callback, cluster.get());
      return;
    }
    switch (method) {
      case "GET" -> Answers.json(response, callback, 200, json(request, cluster.get()));
      case "DELETE" -> delete(request, response, callback, cluster.get());
      case "POST" -> action(request, response, callback, cluster.get());
      default -> notAllowed(response, callback);
    }
  }

  private void list(Request request, Response response, Callback callback) {
    var collection =
        Answers.JSON.createObjectNode().put("type", "collection").put("resourceType", "cluster");
    var data = collection.putArray("data");
    store.clusters().forEach(cluster -> data.add(json(request, cluster)));
    Answers.json(response, callback, 200, collection);
  }

  private void create(Request request, Response response, Callback callback) throws IOException {
    var name = body(request).path("name").asText("");
    if (!name.matches("[a-z0-9]([-a-z0-9]*[a-z0-9])?") || name.length() > MAX_NAME_CHARACTERS) {
      Answers.error(
          response,
          callback,
          422,
          "InvalidFormat",
          "name must be 1 to " + MAX_NAME_CHARACTERS + " of a-z, 0-9 and -, not - at an end");
      return;
    }
    try {
      var cluster = store.createCluster(name);
      Answers.json(response, callback, 201, json(request, cluster));
    } catch (IllegalArgumentException e) {
      Answers.error(response, callback, 409, "NotUnique", Objects.requireNonNull(e.getMessage()));
    }
  }

  private void delete(Request request, Response response, Callback callback, Cluster cluster)
      throws IOException {
    var json = json(request, cluster);
    store.deleteCluster(cluster.id());
    reports.forget(cluster.id());
    sessions.end(cluster.id());
    health.forget(cluster.id());
    Answers.json(response, callback, 200, json);
  }

  private void report(Request request, Response response, Callback callback, Cluster cluster)
      throws IOException {
    if (!request.getMethod().equals("GET")) {
      notAllowed(response, callback);
      return;
    }
    var stored = reports.asItCame(cluster.id());
    if (stored.isEmpty()) {
      Answers.error(response, callback, 404, "NotFound", "no report yet");
      return;
    }
    var json =
        Answers.JSON.createObjectNode().put("type", "clusterReport").put("clusterId", cluster.id());
    Answers.json(response, callback, 200, json.setAll(stored.get()));
  }

  private void action(Request request, Response response, Callback callback, Cluster cluster) {
    var query = request.getHttpURI().getQuery();
    if (!"action=generateKubeconfig".equals(query)) {
      Answers.error(response, callback, 404, "NotFound", "no such action");
      return;
    }
    var config =
        Kubeconfig.render(cluster, installation.urlFor(request), installation.caPem(), adminToken);
    Answers.json(
        response,
        callback,
        200,
        Answers.JSON
            .createObjectNode()
            .put("type", "generateKubeconfigOutput")
            .put("config", config));
  }

  void tokens(Request request, Response response, Callback callback) throws IOException {
    if (!request.getMethod().equals("POST")) {
      notAllowed(response, callback);
      return;
    }
    var clusterId = body(request).path("clusterId").asText("");
    try {
      var token = store.createToken(clusterId);
      Answers.json(response, callback, 201, json(request, token));
    } catch (IllegalArgumentException e) {
      Answers.error(response, callback, 404, "NotFound", Objects.requireNonNull(e.getMessage()));
    }
  }

  private ObjectNode json(Request request, RegistrationToken token) {
    var value = token.secret().value();
    var manifest =
        "%s/v3/import/%s_%s.yaml".formatted(installation.urlFor(request), value, token.clusterId());
    return Answers.JSON
        .createObjectNode()
        .put("type", "clusterRegistrationToken")
        .put("clusterId", token.clusterId())
        .put("created", token.created().toString())
        .put("state", "active")
        .put("token", value)
        .put("manifestUrl", manifest)
        .put("command", "kubectl apply -f " + manifest)
        .put("insecureCommand", "curl --insecure -sfL " + manifest + " | kubectl apply -f -");
  }

  private ObjectNode json(Request request, Cluster cluster) {
    var now = health.of(cluster);
    var self = installation.urlFor(request) + "/v3/clusters/" + cluster.id();
    var json =
        Answers.JSON
            .createObjectNode()
            .put("id", cluster.id())
            .put("type", "cluster")
            .put("name", cluster.name())
            .put("state", now.state())
            .put("driver", cluster.driver())
            .put("apiEndpoint", cluster.apiEndpoint())
            .put("created", cluster.created().toString());
    var conditions = json.putArray("conditions");
    for (var condition : now.conditions()) {
      conditions
          .addObject()
          .put("type", condition.type().text())
          .put("status", condition.status().text())
          .put("reason", condition.reason())
          .put("message", condition.message())
          .put("lastTransitionTime", condition.lastTransition().toString());
    }
    var links = json.putObject("links").put("self", self);
    var stored = reports.newest(cluster.id());
    if (stored.isPresent()) {
      links.put("report", self + REPORT);
      lift(ReportJson.tree(stored.get().report()), json);
    } else {
      json.putObject("capabilities").putObject("loadBalancerCapabilities"); // as Rancher has it
    }
    json.putObject("actions").put("generateKubeconfig", self + "?action=generateKubeconfig");
    return json;
  }

  private static void lift(JsonNode report, ObjectNode json) {
    copy(report, LIFTED, json);
    copy(report.path("resources"), LIFTED_RESOURCES, json);
    copy(report.path("health"), List.of("componentStatuses"), json);
  }

  private static void copy(JsonNode from, List<String> names, ObjectNode to) {
    for (var name : names) {
      if (from.has(name)) {
        to.set(name, from.path(name));
      }
    }
  }

  private static void notAllowed(Response response, Callback callback) {
    Answers.error(response, callback, 405, "MethodNotAllowed", "method not allowed");
  }

  private static JsonNode body(Request request) throws IOException {
    try (var in = Content.Source.asInputStream(request)) {
      byte[] bytes = in.readNBytes(MAX_BODY_BYTES + 1);
      if (bytes.length > MAX_BODY_BYTES) {
        throw new IllegalArgumentException("body too long: limit=" + MAX_BODY_BYTES);
      }
      return Answers.JSON.readTree(bytes);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("body is not JSON: " + e.getOriginalMessage(), e);
    }
  }
}
