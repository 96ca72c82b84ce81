package io.drover.steve.state;

import static java.util.Map.entry;

import java.util.Map;
import java.util.Set;

/** What conditions say: which are errors, and which an object on its way to another state. */
final class Transitions {
  /** In place of a state: the condition's own reason is the state. */
  static final String REASON = "%reason";

  /** False is an error, Unknown a change. The value is the state in both cases. */
  static final Map<String, String> UNKNOWN_IS_CHANGE =
      Map.ofEntries(
          entry("AbleToScale", "pending"),
          entry("Active", "activating"),
          entry("AddonDeploy", "provisioning"),
          entry("AgentDeployed", "provisioning"),
          entry("BackingNamespaceCreated", "configuring"),
          entry("Built", "building"),
          entry("CertsGenerated", "provisioning"),
          entry("ConfigOK", "configuring"),
          entry("Created", "creating"),
          entry("CreatorMadeOwner", "configuring"),
          entry("DefaultNamespaceAssigned", "configuring"),
          entry("DefaultNetworkPolicyCreated", "configuring"),
          entry("DefaultProjectCreated", "configuring"),
          entry("Deployed", "deploying"),
          entry("DockerProvisioned", "provisioning"),
          entry("Downloaded", "downloading"),
          entry("Drained", "draining"),
          entry("InitialRolesPopulated", "activating"),
          entry("Inactive", "deactivating"),
          entry("Initialized", "initializing"),
          entry("Installed", "installing"),
          entry("NodeHealthy", REASON),
          entry("NodeReady", REASON),
          entry("NodesCreated", "provisioning"),
          entry("Pending", "pending"),
          entry("PodScheduled", "scheduling"),
          entry("Processed", "processed"),
          entry("Provisioned", "provisioning"),
          entry("Reconciled", "reconciling"),
          entry("Refreshed", "refreshed"),
          entry("Registered", "registering"),
          entry("Removed", "removing"),
          entry("RunCompleted", "running"),
          entry("Saved", "saving"),
          entry("ScalingActive", "pending"),
          entry("Updated", "updating"),
          entry("Updating", "updating"),
          entry("Upgraded", "upgrading"),
          entry("Waiting", "waiting"),
          entry("etcd", "provisioning"));

  /** True is a change. */
  static final Map<String, String> TRUE_IS_CHANGE =
      Map.of(
          "Deleting", REASON,
          "Paused", REASON,
          "Reconciling", "reconciling",
          "ScalingDown", REASON,
          "ScalingUp", REASON);

  /** False is a change, Unknown an error. */
  static final Map<String, String> FALSE_IS_CHANGE =
      Map.of(
          "Available", "updating",
          "BootstrapConfigReady", REASON,
          "Completed", "activating",
          "InfrastructureReady", REASON,
          "MachinesReady", "updating",
          "Ready", "unavailable");

  /** Errors of the kinds that have a list of their own: {@code apiVersion kind} to type=status. */
  private static final Map<String, Set<String>> ERRORS =
      Map.of(
          "apps/v1 Deployment", Set.of("Progressing=False", "ReplicaFailure=True"),
          "apps/v1 ReplicaSet", Set.of("ReplicaFailure=True"),
          "helm.cattle.io/v1 HelmChart", Set.of("Failed=True"),
          "v1 Node",
              Set.of(
                  "DiskPressure=True",
                  "MemoryPressure=True",
                  "NetworkUnavailable=True",
                  "OutOfDisk=True"));

  /** Errors of all other kinds. */
  private static final Set<String> COMMON_ERRORS = Set.of("Failed=True", "Stalled=True");

  private Transitions() {}

  static boolean isError(String apiVersionAndKind, Condition condition) {
    return condition.reason().equals("Error")
        || ERRORS
            .getOrDefault(apiVersionAndKind, COMMON_ERRORS)
            .contains(condition.type() + "=" + condition.status());
  }
}
