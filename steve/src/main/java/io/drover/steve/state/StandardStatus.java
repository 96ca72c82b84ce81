package io.drover.steve.state;

import static java.util.Map.entry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * How far a controller has come with an object, by Kubernetes' own conventions. Asked only of
 * objects whose conditions and phase have said nothing, so that whatever would be read from those
 * is missing here.
 */
record StandardStatus(String state, String message) {
  static final String CURRENT = "active";
  static final String IN_PROGRESS = "in-progress";
  static final String FAILED = "failed";
  static final String TERMINATING = "removing";

  /** {@code group/kind} to its rule. A kind that is missing has none. */
  private static final Map<String, Function<Facts, StandardStatus>> KINDS =
      Map.ofEntries(
          entry("/ConfigMap", _ -> current("Resource is always ready")),
          entry("/PersistentVolumeClaim", _ -> inProgress("PVC is not Bound. phase: unknown")),
          entry("/Pod", _ -> inProgress("Pod phase not available")),
          entry("/Secret", _ -> current("Resource is always ready")),
          entry("/Service", StandardStatus::service),
          entry("apiextensions.k8s.io/CustomResourceDefinition", StandardStatus::definition),
          entry("apps/DaemonSet", StandardStatus::daemonSet),
          entry("apps/Deployment", StandardStatus::deployment),
          entry("apps/ReplicaSet", StandardStatus::replicaSet),
          entry("apps/StatefulSet", StandardStatus::statefulSet),
          entry("batch/CronJob", _ -> current("Resource is always ready")),
          entry("batch/Job", StandardStatus::job),
          entry(
              "policy/PodDisruptionBudget", _ -> current("AllowedDisruptions has been computed.")));

  // What has to be there, in the order in which it is asked for.

  private static final List<Need> DEPLOYMENT =
      List.of(
          new Need("Replicas", "status.replicas", "spec.replicas"),
          new Need("Updated", "status.updatedReplicas", "spec.replicas"),
          Need.NONE_LEFT_OVER,
          new Need("Available", "status.availableReplicas", "status.updatedReplicas"),
          new Need("Ready", "status.readyReplicas", "spec.replicas"));

  private static final List<Need> REPLICA_SET =
      List.of(
          new Need("Labelled", "status.fullyLabeledReplicas", "spec.replicas"),
          new Need("Available", "status.availableReplicas", "spec.replicas"),
          new Need("Ready", "status.readyReplicas", "spec.replicas"),
          Need.NONE_LEFT_OVER);

  private static final List<Need> STATEFUL_SET =
      List.of(
          new Need("Replicas", "status.replicas", "spec.replicas"),
          new Need("Ready", "status.readyReplicas", "spec.replicas"),
          Need.NONE_LEFT_OVER);

  private static final Need ALL_OF_STATEFUL_SET =
      new Need("current", "status.currentReplicas", "spec.replicas");

  private static final List<Need> DAEMON_SET =
      List.of(
          new Need("Current", "status.currentNumberScheduled", "status.desiredNumberScheduled"),
          new Need("Updated", "status.updatedNumberScheduled", "status.desiredNumberScheduled"),
          new Need("Available", "status.numberAvailable", "status.desiredNumberScheduled"),
          new Need("Ready", "status.numberReady", "status.desiredNumberScheduled"));

  static StandardStatus of(ObjectNode object, List<Condition> conditions) {
    var facts = new Facts(object, conditions);
    if (facts.has("metadata.deletionTimestamp")) {
      return new StandardStatus(TERMINATING, "Resource scheduled for deletion");
    }
    var wanted = facts.number("metadata.generation", 0);
    if (facts.has("metadata.generation")
        && facts.has("status.observedGeneration")
        && facts.number("status.observedGeneration", 0) != wanted) {
      return inProgress(
          "%s generation is %d, but latest observed generation is %d"
              .formatted(
                  object.path("kind").asText(""),
                  wanted,
                  facts.number("status.observedGeneration", 0)));
    }
    var stalled = facts.condition("Stalled", "True");
    if (stalled != null) {
      return failed(stalled.message());
    }
    var rule = KINDS.get(facts.groupAndKind());
    if (rule != null) {
      return rule.apply(facts);
    }
    return facts.condition("Ready", "True") == null
        ? current("Resource is current")
        : current("Resource is Ready");
  }

  boolean isChange() {
    return state.equals(IN_PROGRESS) || state.equals(TERMINATING);
  }

  private static StandardStatus current(String message) {
    return new StandardStatus(CURRENT, message);
  }

  private static StandardStatus inProgress(String message) {
    return new StandardStatus(IN_PROGRESS, message);
  }

  private static StandardStatus failed(String message) {
    return new StandardStatus(FAILED, message);
  }

  private static StandardStatus deployment(Facts facts) {
    if (facts.reason("Progressing").equals("ProgressDeadlineExceeded")) {
      return failed("Progress deadline exceeded");
    }
    var unmet = facts.firstUnmet(DEPLOYMENT);
    if (unmet != null) {
      return unmet;
    }
    // Without a deadline the controller sets no such condition.
    var deadline = facts.number("spec.progressDeadlineSeconds", Integer.MAX_VALUE);
    var progressed =
        facts.condition("Progressing", "True") != null
            && facts.reason("Progressing").equals("NewReplicaSetAvailable");
    if (deadline != Integer.MAX_VALUE && !progressed) {
      return inProgress("ReplicaSet not Available");
    }
    if (facts.condition("Available", "True") == null) {
      return inProgress("Deployment not Available");
    }
    return current("Deployment is available. Replicas: " + facts.number("status.replicas", 0));
  }

  private static StandardStatus replicaSet(Facts facts) {
    var unmet = facts.firstUnmet(REPLICA_SET);
    return unmet != null
        ? unmet
        : current("ReplicaSet is available. Replicas: " + facts.number("status.replicas", 0));
  }

  private static StandardStatus statefulSet(Facts facts) {
    if (facts.text("spec.updateStrategy.type").equals("OnDelete")) {
      return current("StatefulSet is using the ondelete update strategy");
    }
    var unmet = facts.firstUnmet(STATEFUL_SET);
    if (unmet != null) {
      return unmet;
    }
    if (facts.has("spec.updateStrategy.rollingUpdate.partition")) {
      var updated = facts.number("status.updatedReplicas", 0);
      var due =
          facts.number("spec.replicas", 1)
              - facts.number("spec.updateStrategy.rollingUpdate.partition", 0);
      return updated < due
          ? inProgress("updated: %d/%d".formatted(updated, due))
          : current("Partition rollout complete. updated: " + updated);
    }
    unmet = facts.firstUnmet(List.of(ALL_OF_STATEFUL_SET));
    if (unmet != null) {
      return unmet;
    }
    if (!facts.text("status.currentRevision").equals(facts.text("status.updateRevision"))) {
      return inProgress("Waiting for updated revision to match current");
    }
    return current(
        "All replicas scheduled as expected. Replicas: " + facts.number("status.replicas", 0));
  }

  private static StandardStatus daemonSet(Facts facts) {
    if (!facts.has("metadata.generation")) {
      return inProgress("DaemonSet metadata.generation not found");
    }
    if (!facts.has("status.observedGeneration")) {
      return inProgress("DaemonSet status.observedGeneration not found");
    }
    if (!facts.has("status.desiredNumberScheduled")) {
      return inProgress("Missing .status.desiredNumberScheduled");
    }
    var unmet = facts.firstUnmet(DAEMON_SET);
    return unmet != null
        ? unmet
        : current(
            "All replicas scheduled as expected. Replicas: "
                + facts.number("status.desiredNumberScheduled", 0));
  }

  private static StandardStatus job(Facts facts) {
    var succeeded = facts.number("status.succeeded", 0);
    if (facts.condition("Complete", "True") != null) {
      var wanted = facts.number("spec.completions", facts.number("spec.parallelism", 1));
      return current("Job Completed. succeeded: %d/%d".formatted(succeeded, wanted));
    }
    // A suspended one too: the condition that says so is younger than the convention.
    if (!facts.has("status.startTime")) {
      return inProgress("Job not started");
    }
    return current(
        "Job in progress. success:%d, active: %d, failed: %d"
            .formatted(
                succeeded, facts.number("status.active", 0), facts.number("status.failed", 0)));
  }

  private static StandardStatus service(Facts facts) {
    return facts.text("spec.type").equals("LoadBalancer") && facts.text("spec.clusterIP").isEmpty()
        ? inProgress("ClusterIP not set. Service type: LoadBalancer")
        : current("Service is ready");
  }

  private static StandardStatus definition(Facts facts) {
    for (var condition : facts.conditions) {
      if (condition.is("NamesAccepted", "False")) {
        return failed(condition.message());
      }
      if (condition.is("Established", "True")) {
        return current("CRD is established");
      }
      if (condition.is("Established", "False") && !condition.reason().equals("Installing")) {
        return failed(condition.message());
      }
    }
    return inProgress("Install in progress");
  }

  /** So many of these must there be at least. */
  private record Need(String name, String have, String want) {
    static final Need NONE_LEFT_OVER =
        new Need("Pending termination", "spec.replicas", "status.replicas");

    String shortfall(long have, long want) {
      return equals(NONE_LEFT_OVER)
          ? name + ": " + (want - have)
          : "%s: %d/%d".formatted(name, have, want);
    }
  }

  /** An object, asked by dotted paths. */
  private record Facts(ObjectNode object, List<Condition> conditions) {
    private JsonNode at(String path) {
      JsonNode node = object;
      for (var part : path.split("\\.", -1)) {
        node = node.path(part);
      }
      return node;
    }

    boolean has(String path) {
      return !at(path).isMissingNode() && !at(path).isNull();
    }

    String text(String path) {
      return at(path).asText("");
    }

    long number(String path, long otherwise) {
      return at(path).asLong(otherwise);
    }

    String groupAndKind() {
      var version = text("apiVersion");
      return version.substring(0, Math.max(0, version.indexOf('/'))) + "/" + text("kind");
    }

    @Nullable Condition condition(String type, String status) {
      return conditions.stream().filter(c -> c.is(type, status)).findFirst().orElse(null);
    }

    String reason(String type) {
      return conditions.stream()
          .filter(c -> c.type().equals(type))
          .map(Condition::reason)
          .findFirst()
          .orElse("");
    }

    @Nullable StandardStatus firstUnmet(List<Need> needs) {
      for (var need : needs) {
        var have = count(need.have());
        var want = count(need.want());
        if (have < want) {
          return inProgress(need.shortfall(have, want));
        }
      }
      return null;
    }

    /** One replica is wanted where nobody says how many. */
    private long count(String path) {
      return number(path, path.startsWith("spec.") ? 1 : 0);
    }
  }
}
