package io.drover.agent.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiReader.Outcome;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Discovery;
import io.drover.proto.report.Capabilities.IngressCapabilities;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Details.StorageClass;
import io.drover.proto.report.Health;
import io.drover.proto.report.Health.Condition;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One object in the cluster itself: a {@code ClusterReport} where that kind is installed, else a
 * ConfigMap with the same JSON, which is deleted when the kind is installed later: there are never
 * two for long. It is written with the version that was read, so that of two writers one is told.
 */
final class ClusterSink implements ReportSink {
  /** Of the custom resource. */
  static final String OBJECT = "cluster";

  static final String CONFIG_MAP = "drover-cluster-report";

  /** How often another writer may be quicker. */
  static final int MAX_CONFLICTS = 2;

  private static final Logger log = LoggerFactory.getLogger(ClusterSink.class);

  private static final String GROUP = "drover.io";
  private static final String PLURAL = "clusterreports";
  private static final String NONE = "none";

  private final ApiReader api;
  private final ClusterView view;
  private final String namespace;

  // Of the reporter's thread.
  private boolean isCustom;
  private boolean mayHaveConfigMap = true; // of an earlier life
  private String lastPath = "";
  private String lastVersion = "";

  ClusterSink(ApiReader api, ClusterView view, String namespace) {
    this.api = api;
    this.view = view;
    this.namespace = namespace;
  }

  @Override
  public String name() {
    return "cluster";
  }

  @Override
  public void put(ClusterReport report) throws IOException, InterruptedException {
    // While kinds cannot be asked for, it stays what it was.
    if (view.facts().discovery() instanceof Answer.Found<Discovery>(var served)) {
      isCustom = served.serves(GROUP, PLURAL);
    }
    if (isCustom) {
      put(collection("/apis/" + GROUP + "/v1", PLURAL), OBJECT, customResource(report));
      if (mayHaveConfigMap) {
        deleteConfigMap();
      }
    } else {
      put(configMaps(), CONFIG_MAP, configMap(report));
      mayHaveConfigMap = true;
    }
  }

  private String collection(String api, String plural) {
    return api + "/namespaces/" + namespace + "/" + plural;
  }

  private String configMaps() {
    return collection("/api/v1", "configmaps");
  }

  private void put(String collection, String name, ObjectNode object)
      throws IOException, InterruptedException {
    String path = collection + "/" + name;
    if (!path.equals(lastPath)) {
      lastVersion = version(path);
      lastPath = path;
    }
    for (int conflicts = 0; ; conflicts++) {
      Outcome outcome = write(collection, path, object);
      if (outcome.status() / 100 == 2) {
        lastVersion = outcome.body().path("metadata").path("resourceVersion").asText();
        return;
      }
      boolean moved =
          outcome.status() == HttpURLConnection.HTTP_CONFLICT
              || (outcome.status() == HttpURLConnection.HTTP_NOT_FOUND && !lastVersion.isEmpty());
      if (!moved || conflicts == MAX_CONFLICTS) {
        lastPath = "";
        throw new Answer.Missing<>(outcome.cause(), "write " + path + ": " + refusal(outcome))
            .failure();
      }
      lastVersion = version(path);
    }
  }

  private static String refusal(Outcome outcome) {
    return outcome.status() + " " + outcome.body().path("message").asText();
  }

  /** Until there is an answer that lasts: whoever forbids it is told once, and keeps it. */
  private void deleteConfigMap() throws InterruptedException {
    String path = configMaps() + "/" + CONFIG_MAP;
    var options =
        JsonNodeFactory.instance.objectNode().put("apiVersion", "v1").put("kind", "DeleteOptions");
    switch (api.send("DELETE", path, "application/json", options)) {
      case Answer.Found<Outcome>(var outcome) -> {
        mayHaveConfigMap = outcome.cause() == Cause.UNAVAILABLE;
        if (outcome.status() / 100 == 2) {
          log.info("kind of reports was installed, ConfigMap deleted: path={}", path);
        } else if (outcome.status() != HttpURLConnection.HTTP_NOT_FOUND) {
          log.warn("old report not deleted: path={} reason={}", path, refusal(outcome));
        }
      }
      case Answer.Missing<Outcome>(_, var detail) ->
          log.warn("old report not deleted: path={} reason={}", path, detail);
    }
  }

  private Outcome write(String collection, String path, ObjectNode object)
      throws IOException, InterruptedException {
    boolean create = lastVersion.isEmpty();
    var metadata = object.withObject("/metadata");
    if (create) {
      metadata.remove("resourceVersion");
    } else {
      metadata.put("resourceVersion", lastVersion);
    }
    return found(
        create
            ? api.send("POST", collection, "application/json", object)
            : api.send("PUT", path, "application/json", object));
  }

  /** Of what is there; empty: nothing is. */
  private String version(String path) throws IOException, InterruptedException {
    return switch (api.get(path)) {
      case Answer.Found<JsonNode>(var object) ->
          object.path("metadata").path("resourceVersion").asText();
      case Answer.Missing<JsonNode> missing -> {
        if (missing.cause() == Cause.NOT_SERVED) {
          yield "";
        }
        throw missing.failure();
      }
    };
  }

  private static <T> T found(Answer<T> answer) throws IOException {
    return switch (answer) {
      case Answer.Found<T>(var value) -> value;
      case Answer.Missing<T> missing -> throw missing.failure();
    };
  }

  private ObjectNode configMap(ClusterReport report) {
    ObjectNode object = object("v1", "ConfigMap", CONFIG_MAP);
    object.putObject("data").put("report.json", ReportJson.write(report));
    return object;
  }

  private ObjectNode customResource(ClusterReport report) {
    ObjectNode object = object(GROUP + "/v1", "ClusterReport", OBJECT);
    object.set("report", ReportJson.tree(report));
    object.set("status", status(report));
    return object;
  }

  private ObjectNode object(String apiVersion, String kind, String name) {
    ObjectNode object =
        JsonNodeFactory.instance.objectNode().put("apiVersion", apiVersion).put("kind", kind);
    object
        .putObject("metadata")
        .put("name", name)
        .put("namespace", namespace)
        .putObject("labels")
        .put("app.kubernetes.io/managed-by", "drover-agent");
    return object;
  }

  /** What is shown in a line of {@code kubectl get}, and the conditions. */
  static ObjectNode status(ClusterReport report) {
    ObjectNode status = JsonNodeFactory.instance.objectNode();
    @Nullable Boolean ready = report.health().ready();
    status.put("ready", ready == null ? "Unknown" : ready ? "True" : "False");
    Health.@Nullable Nodes nodes = report.health().nodes();
    if (nodes != null) {
      int all = nodes.ready() + nodes.notReady() + nodes.unknown();
      status.put("nodes", nodes.ready() + "/" + all);
    }
    @Nullable List<IngressCapabilities> ingress = report.capabilities().ingressCapabilities();
    if (ingress != null) {
      status.put(
          "ingress",
          orNone(
              ingress.stream()
                  .map(IngressCapabilities::ingressProvider)
                  .filter(Objects::nonNull)
                  .distinct()
                  .collect(Collectors.joining(","))));
    }
    @Nullable List<StorageClass> classes = report.details().storageClasses();
    if (classes != null) {
      status.put(
          "storage",
          orNone(
              classes.stream()
                  .filter(StorageClass::effectiveDefault)
                  .map(StorageClass::name)
                  .findFirst()
                  .orElse(classes.isEmpty() ? "" : "no default")));
    }
    var loadBalancer = report.capabilities().loadBalancerCapabilities();
    if (loadBalancer.enabled() != null) {
      boolean enabled = loadBalancer.enabled();
      String provider = loadBalancer.provider();
      status.put("loadBalancer", !enabled ? NONE : provider == null ? "yes" : provider);
    }
    status.put("observedAt", seconds(report.observedAt()));
    var conditions = status.putArray("conditions");
    for (Condition condition : report.health().conditions()) {
      conditions
          .addObject()
          .put("type", condition.type())
          .put("status", condition.status())
          .put("reason", condition.reason().isEmpty() ? "AsExpected" : condition.reason())
          .put("message", condition.message())
          .put(
              "lastTransitionTime",
              seconds(
                  condition.lastTransitionTime() == null
                      ? report.observedAt()
                      : condition.lastTransitionTime()));
    }
    return status;
  }

  private static String orNone(String text) {
    return text.isEmpty() ? NONE : text;
  }

  private static String seconds(Instant time) {
    return time.truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
