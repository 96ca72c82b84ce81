package io.drover.server.api;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ReportJson;
import io.drover.server.account.ApiToken;
import io.drover.server.account.ApiTokens;
import io.drover.server.account.Principal;
import io.drover.server.account.Rights;
import io.drover.server.health.ClusterHealth;
import io.drover.server.health.HealthChecks;
import io.drover.server.removal.Removals;
import io.drover.server.store.Cluster;
import io.drover.server.store.ClusterSpec;
import io.drover.server.store.Conditions;
import io.drover.server.store.Reports;
import io.drover.server.store.Store;
import io.drover.server.store.StoredReport;
import io.drover.server.tunnel.Sessions;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Clusters: {@code /v3/clusters} in Norman's shapes, and as Rancher's Steve shows them. */
public final class ClusterApi {
  /** What of a report's top level Norman shows at a cluster's. */
  private static final List<String> LIFTED =
      List.of("version", "provider", "capabilities", "observedAt");

  /** What of its resources. */
  private static final List<String> LIFTED_RESOURCES =
      List.of(
          "nodeCount",
          "linuxWorkerCount",
          "windowsWorkerCount",
          "capacity",
          "allocatable",
          "requested",
          "limits",
          "usage");

  private static final String RESOURCE = "management.cattle.io.cluster";
  private static final String REPORT = "/report";
  private static final String SAMPLES = "/samples";
  private static final String TIME_LINE = "/timeline";
  private static final String TUNNELS = "/tunnels";

  private final Store store;
  private final Reports reports;
  private final Conditions conditions;
  private final HealthChecks health;
  private final Removals removals;
  private final Sessions sessions;
  private final Installation installation;
  private final Rights rights;
  private final ApiTokens tokens;
  private final InstantSource clock;

  /** All that clusters are made of. */
  public ClusterApi(
      Store store,
      Reports reports,
      Conditions conditions,
      HealthChecks health,
      Removals removals,
      Sessions sessions,
      Installation installation,
      Rights rights,
      ApiTokens tokens,
      InstantSource clock) {
    this.store = store;
    this.reports = reports;
    this.conditions = conditions;
    this.health = health;
    this.removals = removals;
    this.sessions = sessions;
    this.installation = installation;
    this.rights = rights;
    this.tokens = tokens;
    this.clock = clock;
  }

  /** Where they are. */
  public List<Route> routes(Principals principals) {
    return List.of(
        Route.from("/v3/clusters", principals.known(this::clusters)),
        Route.from("/v1/management.cattle.io.clusters", principals.known(this::resources)));
  }

  private void clusters(
      Request request, Response response, Callback callback, Principal who, String rest)
      throws IOException, RefusedException {
    var method = request.getMethod();
    if (rest.isEmpty()) {
      switch (method) {
        case "GET" -> list(request, response, callback, who);
        case "POST" -> {
          Access.requireAdmin(who);
          create(request, response, callback);
        }
        default -> Answers.notAllowed(response, callback);
      }
      return;
    }
    int slash = rest.indexOf('/', 1);
    var part = slash < 0 ? "" : rest.substring(slash);
    var cluster =
        store
            .cluster(rest.substring(1, slash < 0 ? rest.length() : slash))
            .filter(found -> rights.role(who, found.id()).isPresent());
    if (cluster.isEmpty()) {
      Answers.error(response, callback, 404, "NotFound", "cluster not found");
      return;
    }
    if (!part.isEmpty()) {
      part(request, response, callback, cluster.get(), part);
      return;
    }
    switch (method) {
      case "GET" -> Answers.json(response, callback, 200, json(base(request), cluster.get()));
      case "DELETE" -> {
        if (!rights.owns(who, cluster.get().id())) {
          throw Access.refused("only an owner of the cluster may do this");
        }
        delete(request, response, callback, cluster.get());
      }
      case "POST" -> action(request, response, callback, who, cluster.get());
      default -> Answers.notAllowed(response, callback);
    }
  }

  private void list(Request request, Response response, Callback callback, Principal who) {
    var collection =
        Answers.JSON.createObjectNode().put("type", "collection").put("resourceType", "cluster");
    var data = collection.putArray("data");
    var facts = factsOfAll();
    visible(who)
        .forEach(cluster -> data.add(json(base(request), cluster, facts.apply(cluster.id()))));
    Answers.json(response, callback, 200, collection);
  }

  /** What is asked of the database for each cluster that is shown. */
  private record Facts(Optional<Instant> lastSeen, Optional<StoredReport> report) {}

  private Facts facts(Cluster cluster) {
    return new Facts(store.contact(cluster.id()).last(), reports.newest(cluster.id()));
  }

  /** Of all at once: thousands of clusters would be thousands of questions. */
  private Function<String, Facts> factsOfAll() {
    var seen = store.lastContacts();
    var newest = reports.newestOfAll();
    return id -> new Facts(Optional.ofNullable(seen.get(id)), Optional.ofNullable(newest.get(id)));
  }

  private List<Cluster> visible(Principal who) {
    var isVisible = rights.visible(who);
    return store.clusters().stream().filter(cluster -> isVisible.test(cluster.id())).toList();
  }

  private void create(Request request, Response response, Callback callback) throws IOException {
    ClusterSpec spec;
    try {
      spec = ClusterInput.read(Answers.body(request));
    } catch (InvalidFieldException e) {
      Answers.invalid(response, callback, e);
      return;
    }
    try {
      var cluster = store.createCluster(spec);
      Answers.json(response, callback, 201, json(base(request), cluster));
    } catch (IllegalArgumentException e) {
      Answers.error(response, callback, 409, "NotUnique", Objects.requireNonNull(e.getMessage()));
    }
  }

  /** Answers with the cluster: as it is being removed, or as it was, and what stays of it. */
  private void delete(Request request, Response response, Callback callback, Cluster cluster) {
    var query = Objects.requireNonNullElse(request.getHttpURI().getQuery(), "");
    if (!List.of("", "force=true", "force=false").contains(query)) {
      throw new IllegalArgumentException(
          "a cluster's removal takes force=true or force=false and nothing else");
    }
    var json = json(base(request), cluster);
    removals
        .remove(cluster, query.equals("force=true"))
        .ifPresentOrElse(
            remains ->
                json.put("state", "removed")
                    .put("message", remains)
                    .put("cleanupCommand", Removals.COMMAND),
            () -> json.put("state", "removing"));
    Answers.json(response, callback, 200, json);
  }

  private void part(
      Request request, Response response, Callback callback, Cluster cluster, String part) {
    if (!List.of(REPORT, SAMPLES, TIME_LINE, TUNNELS).contains(part)) {
      Answers.error(response, callback, 404, "NotFound", "no such path");
    } else if (!request.getMethod().equals("GET")) {
      Answers.notAllowed(response, callback);
    } else if (part.equals(REPORT)) {
      report(response, callback, cluster);
    } else {
      Answers.json(
          response,
          callback,
          200,
          switch (part) {
            case SAMPLES -> samples(cluster);
            case TUNNELS -> tunnels(cluster);
            default -> timeLine(cluster);
          });
    }
  }

  private void report(Response response, Callback callback, Cluster cluster) {
    var stored = reports.asItCame(cluster.id());
    if (stored.isEmpty()) {
      Answers.error(response, callback, 404, "NotFound", "no report yet");
      return;
    }
    var json =
        Answers.JSON.createObjectNode().put("type", "clusterReport").put("clusterId", cluster.id());
    Answers.json(response, callback, 200, json.setAll(stored.get()));
  }

  private JsonNode samples(Cluster cluster) {
    var json =
        Answers.JSON
            .createObjectNode()
            .put("type", "clusterSamples")
            .put("clusterId", cluster.id());
    var data = json.putArray("data");
    for (var sample : reports.samples(cluster.id())) {
      data.addObject()
          .put("minute", sample.minute().toString())
          .put("nodes", sample.nodes())
          .put("pods", sample.pods())
          .put("cpuUsedMilli", sample.cpuUsed())
          .put("cpuRequestedMilli", sample.cpuRequested())
          .put("cpuAllocatableMilli", sample.cpuAllocatable())
          .put("memoryUsedBytes", sample.memoryUsed())
          .put("memoryRequestedBytes", sample.memoryRequested())
          .put("memoryAllocatableBytes", sample.memoryAllocatable());
    }
    return json;
  }

  private JsonNode tunnels(Cluster cluster) {
    var now = clock.instant();
    var json =
        Answers.JSON
            .createObjectNode()
            .put("type", "clusterTunnels")
            .put("clusterId", cluster.id());
    var data = json.putArray("data");
    for (var session : sessions.traffic(cluster.id())) {
      data.addObject()
          .put("tunnel", session.key().tunnel().name().toLowerCase(Locale.ROOT))
          .put("since", now.minus(session.age()).truncatedTo(ChronoUnit.SECONDS).toString())
          .put("healthy", session.isHealthy())
          .put("streams", session.streams())
          .put("receivedBytes", session.receivedBytes())
          .put("sentBytes", session.sentBytes());
    }
    var latencies = json.putArray("latencies");
    for (var latency : health.latencies().of(cluster.id(), now)) {
      latencies
          .addObject()
          .put("minute", latency.minute().toString())
          .put("milliseconds", latency.milliseconds());
    }
    return json;
  }

  private JsonNode timeLine(Cluster cluster) {
    var json =
        Answers.JSON
            .createObjectNode()
            .put("type", "clusterTimeLine")
            .put("clusterId", cluster.id());
    var data = json.putArray("data");
    for (var change : conditions.changes(cluster.id())) {
      data.addObject()
          .put("time", change.changed().toString())
          .put("type", change.type().text())
          .put("status", change.status().text())
          .put("reason", change.reason())
          .put("message", change.message());
    }
    return json;
  }

  private void action(
      Request request, Response response, Callback callback, Principal who, Cluster cluster) {
    var query = request.getHttpURI().getQuery();
    if (!"action=generateKubeconfig".equals(query)) {
      Answers.error(response, callback, 404, "NotFound", "no such action");
      return;
    }
    var config =
        Kubeconfig.render(
            cluster,
            installation.urlFor(request),
            installation.caPem(),
            tokens.create(who.account(), kubeconfigToken(who, cluster)).secret());
    Answers.json(
        response,
        callback,
        200,
        Answers.JSON
            .createObjectNode()
            .put("type", "generateKubeconfigOutput")
            .put("config", config));
  }

  /** A token's token is good for no more than it, for no longer, and not without it. */
  private ApiTokens.Wanted kubeconfigToken(Principal who, Cluster cluster) {
    var left =
        who.token()
            .map(ApiToken::expires)
            .map(end -> Duration.between(clock.instant(), end))
            .filter(time -> time.compareTo(ApiTokens.KUBECONFIG_LIFE) < 0)
            .orElse(ApiTokens.KUBECONFIG_LIFE);
    return new ApiTokens.Wanted(
        "kubeconfig of cluster " + cluster.name(),
        Optional.of(cluster.id()),
        who.isReadOnly(),
        left,
        who.token().map(ApiToken::id));
  }

  /** All clusters by their ids, as JSON whose links begin at the server. */
  Map<String, String> texts() {
    var texts = new LinkedHashMap<String, String>();
    var facts = factsOfAll();
    for (var cluster : store.clusters()) {
      texts.put(cluster.id(), json("", cluster, facts.apply(cluster.id())).toString());
    }
    return texts;
  }

  private String base(Request request) {
    return installation.urlFor(request);
  }

  private ObjectNode json(String base, Cluster cluster) {
    return json(base, cluster, facts(cluster));
  }

  private ObjectNode json(String base, Cluster cluster, Facts facts) {
    var now = health.of(cluster);
    var self = base + "/v3/clusters/" + cluster.id();
    var json =
        Answers.JSON
            .createObjectNode()
            .put("id", cluster.id())
            .put("type", "cluster")
            .put("name", cluster.name())
            .put("state", now.state())
            .put("created", cluster.created().toString());
    facts.lastSeen().ifPresent(last -> json.put("lastSeen", last.toString()));
    describe(cluster, now, facts.report(), json);
    spec(cluster.spec(), json);
    json.putObject("links")
        .put("self", self)
        .put("samples", self + SAMPLES)
        .put("timeLine", self + TIME_LINE)
        .put("tunnels", self + TUNNELS);
    if (facts.report().isPresent()) {
      ((ObjectNode) json.path("links")).put("report", self + REPORT);
    }
    json.putObject("actions").put("generateKubeconfig", self + "?action=generateKubeconfig");
    return json;
  }

  private static void spec(ClusterSpec spec, ObjectNode json) {
    json.putObject("importedConfig")
        .put("privateRegistryURL", spec.privateRegistryUrl())
        .put("privateCA", spec.privateCa());
    json.put("agentImageOverride", spec.agentImageOverride());
    var vars = json.putArray("agentEnvVars");
    spec.agentEnvVars()
        .forEach(each -> vars.addObject().put("name", each.name()).put("value", each.value()));
  }

  /** What is known of a cluster, by Rancher's names: those of its Cluster's {@code status}. */
  private void describe(
      Cluster cluster, ClusterHealth now, Optional<StoredReport> report, ObjectNode json) {
    json.put("driver", cluster.driver()).put("apiEndpoint", cluster.apiEndpoint());
    var array = json.putArray("conditions");
    for (var condition : now.conditions()) {
      array
          .addObject()
          .put("type", condition.type().text())
          .put("status", condition.status().text())
          .put("reason", condition.reason())
          .put("message", condition.message())
          .put("lastUpdateTime", condition.lastUpdate().toString())
          .put("lastTransitionTime", condition.lastTransition().toString());
    }
    json.put("provider", cluster.provider());
    if (!cluster.version().isEmpty()) {
      json.set("version", tree(cluster.version()));
    }
    report.ifPresentOrElse(
        stored -> lift(ReportJson.tree(stored.report()), json),
        // As Rancher has it.
        () -> json.putObject("capabilities").putObject("loadBalancerCapabilities"));
  }

  private static JsonNode tree(String json) {
    try {
      return Answers.JSON.readTree(json);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("kubernetes_version: not ours", e);
    }
  }

  /**
   * {@code /v1/management.cattle.io.clusters}: as Rancher's Steve shows its Cluster, with {@code
   * spec} and {@code status}.
   *
   * @param rest nothing, or a slash and an id
   */
  private void resources(
      Request request, Response response, Callback callback, Principal who, String rest) {
    if (!request.getMethod().equals("GET")) {
      Answers.notAllowed(response, callback);
    } else if (rest.isEmpty()) {
      var collection =
          Answers.JSON.createObjectNode().put("type", "collection").put("resourceType", RESOURCE);
      var data = collection.putArray("data");
      var newest = reports.newestOfAll();
      visible(who)
          .forEach(
              cluster ->
                  data.add(resource(cluster, Optional.ofNullable(newest.get(cluster.id())))));
      Answers.json(response, callback, 200, collection);
    } else {
      store
          .cluster(rest.substring(1))
          .filter(found -> rights.role(who, found.id()).isPresent())
          .ifPresentOrElse(
              cluster ->
                  Answers.json(
                      response, callback, 200, resource(cluster, reports.newest(cluster.id()))),
              () -> Answers.error(response, callback, 404, "NotFound", "cluster not found"));
    }
  }

  private ObjectNode resource(Cluster cluster, Optional<StoredReport> report) {
    var json =
        Answers.JSON
            .createObjectNode()
            .put("id", cluster.id())
            .put("type", RESOURCE)
            .put("apiVersion", "management.cattle.io/v3")
            .put("kind", "Cluster");
    json.putObject("metadata")
        .put("name", cluster.id())
        .put("creationTimestamp", cluster.created().toString());
    var spec = json.putObject("spec").put("displayName", cluster.name());
    spec(cluster.spec(), spec);
    var now = health.of(cluster);
    describe(cluster, now, report, json.putObject("status"));
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
}
