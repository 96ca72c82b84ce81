package io.drover.server.removal;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.proxy.ApiConnections;
import io.drover.server.proxy.Said;
import java.io.IOException;
import java.time.Duration;
import java.util.List;

/**
 * The Job that takes the agent out of a cluster, with the agent's own image, and what gives it its
 * rights. Names, rights and environment are Rancher's, the rest of the pod is what the Pod Security
 * Standard "restricted" asks for. Source: rancher {@code
 * pkg/controllers/management/usercontrollers/controller.go}, v2.15.0.
 */
final class CleanupJob {
  /** How long an API server may take for one answer. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** The longest answer, in bytes: a Job and its few pods. */
  static final int MAX_BYTES = 1024 * 1024;

  private static final String RBAC = "/apis/rbac.authorization.k8s.io/v1/";
  private static final String ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts";
  private static final String ROLES = RBAC + "clusterroles";
  private static final String BINDINGS = RBAC + "clusterrolebindings";
  private static final String JOBS = "/apis/batch/v1/namespaces/default/jobs";
  private static final String PODS = "/api/v1/namespaces/default/pods";

  private static final String ROLE =
      """
      {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": [
       {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["list", "get", "update", "delete"]},
       {"apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["roles", "rolebindings", "clusterroles", "clusterrolebindings"],
        "verbs": ["list", "get", "delete"]},
       {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "delete"]},
       {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["list", "get", "delete"]},
       {"apiGroups": [""], "resources": ["services"], "resourceNames": ["rancher"], "verbs": ["get"]},
       {"apiGroups": ["admissionregistration.k8s.io"],
        "resources": ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"],
        "resourceNames": ["rancher.cattle.io"], "verbs": ["delete"]}]}
      """;

  private static final String ACCOUNT = "{\"apiVersion\": \"v1\", \"kind\": \"ServiceAccount\"}";

  private static final String BINDING =
      """
      {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
       "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "${name}"},
       "subjects": [{"kind": "ServiceAccount", "namespace": "default", "name": "${name}"}]}
      """;

  private static final String JOB =
      """
      {"apiVersion": "batch/v1", "kind": "Job",
       "metadata": {"labels": {"cattle.io/creator": "norman"}},
       "spec": {"backoffLimit": 6, "template": {"spec": {
        "restartPolicy": "OnFailure", "serviceAccountName": "${name}",
        "securityContext": {"runAsNonRoot": true, "runAsUser": 1000, "runAsGroup": 1000,
         "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "cleanup-agent", "imagePullPolicy": "Always",
         "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
         "env": [{"name": "CLUSTER_CLEANUP", "value": "true"},
          {"name": "SLEEP_FIRST", "value": "true"}]}]}}}}
      """;

  private static final ObjectMapper JSON = new ObjectMapper();

  private final ApiConnections connections;
  private final String clusterId;
  private final String name;

  CleanupJob(ApiConnections connections, String clusterId, String name) {
    this.connections = connections;
    this.clusterId = clusterId;
    this.name = name;
  }

  /**
   * Makes what is not there yet, in Rancher's order; when this returns, all of it is there.
   *
   * @throws IOException if the API server cannot be asked, or refuses: the text says what
   */
  void make(String image) throws IOException {
    create(ROLES, ROLE);
    create(ACCOUNTS, ACCOUNT);
    create(BINDINGS, BINDING);
    var job = object(JOB);
    ((ObjectNode) job.at("/spec/template/spec/containers/0")).put("image", image);
    create(JOBS, job);
    own(job(JOBS + "/" + name).at("/metadata/uid").asText());
  }

  private void create(String path, String template) throws IOException {
    create(path, object(template));
  }

  private void create(String path, ObjectNode object) throws IOException {
    var said =
        connections.send(
            clusterId,
            new ApiConnections.Asked("POST", path, "application/json", object.toString()),
            LIMIT,
            MAX_BYTES);
    if (!said.isFine() && said.status() != 409) { // made by an earlier attempt
      throw refused("create", path, said);
    }
  }

  private ObjectNode object(String template) throws IOException {
    var object = (ObjectNode) JSON.readTree(template.replace("${name}", name));
    object.withObject("/metadata").put("name", name);
    return object;
  }

  /** So that all goes with the Job. */
  private void own(String uid) throws IOException {
    var patch = JSON.createObjectNode();
    patch
        .putObject("metadata")
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", "batch/v1")
        .put("kind", "Job")
        .put("name", name)
        .put("uid", uid);
    for (var path : List.of(ROLES, ACCOUNTS, BINDINGS)) {
      var said =
          connections.send(
              clusterId,
              new ApiConnections.Asked(
                  "PATCH", path + "/" + name, "application/merge-patch+json", patch.toString()),
              LIMIT,
              MAX_BYTES);
      if (!said.isFine()) {
        throw refused("change", path, said);
      }
    }
  }

  private JsonNode job(String path) throws IOException {
    var said = connections.get(clusterId, path, LIMIT, MAX_BYTES);
    if (!said.isFine()) {
      throw refused("get", path, said);
    }
    return said.json();
  }

  private IOException refused(String verb, String path, Said said) {
    var kind = path.substring(path.lastIndexOf('/') + 1);
    return new IOException(
        "the API server does not let the agent %s %s: %s"
            .formatted(verb, kind.equals(name) ? "the Job" : kind, said.problem()));
  }

  /** What became of it since {@link #make}. */
  Progress look() throws IOException {
    var said = connections.get(clusterId, JOBS + "/" + name, LIMIT, MAX_BYTES);
    if (said.status() == 404) {
      // The last thing it deletes is itself.
      return Progress.cleanedUp("the clean-up is done, the agent has still to stop");
    } else if (said.status() == 401 || said.status() == 403) {
      // The agent had the right before.
      return Progress.cleanedUp("the agent's rights are gone, it has still to stop");
    } else if (!said.isFine()) {
      throw refused("get", JOBS + "/" + name, said);
    }
    var job = said.json();
    for (var condition : job.at("/status/conditions")) {
      var isTrue = condition.path("status").asText().equals("True");
      if (isTrue && condition.path("type").asText().equals("Failed")) {
        return Progress.failed(
            "JobFailed",
            "Job default/%s failed: %s%s"
                .formatted(name, Said.brief(condition.path("message").asText()), pods()));
      } else if (isTrue && condition.path("type").asText().equals("Complete")) {
        return Progress.cleanedUp("the clean-up is done, the agent has still to stop");
      }
    }
    return Progress.waiting("JobRuns", "waiting for Job default/" + name + pods());
  }

  /** What keeps its pod from going on, if that can be seen. */
  private String pods() throws IOException {
    var said =
        connections.get(clusterId, PODS + "?labelSelector=job-name%3D" + name, LIMIT, MAX_BYTES);
    if (!said.isFine()) {
      return "";
    }
    var pods = said.json().path("items");
    if (pods.isEmpty()) {
      return ", which has no pod";
    }
    var pod = pods.get(pods.size() - 1);
    var container = pod.at("/status/containerStatuses/0");
    var text = new StringBuilder();
    var waits = container.at("/state/waiting");
    if (waits.isObject()) {
      text.append("; its pod waits: ").append(words(waits));
    } else if (container.isMissingNode()) {
      for (var condition : pod.at("/status/conditions")) {
        if (condition.path("status").asText().equals("False")) {
          text.append("; its pod waits: ").append(words(condition));
          break;
        }
      }
    }
    var ended = container.at("/lastState/terminated");
    if (ended.isObject()) {
      text.append("; it ended with code ").append(ended.path("exitCode").asInt());
      text.append(" before, times tried again: ").append(container.path("restartCount").asInt());
    }
    return text.toString();
  }

  private static String words(JsonNode node) {
    var message = node.path("message").asText();
    return Said.brief(node.path("reason").asText() + (message.isEmpty() ? "" : ": " + message));
  }
}
