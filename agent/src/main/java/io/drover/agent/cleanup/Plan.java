package io.drover.agent.cleanup;

import io.drover.agent.cleanup.Step.DeleteFound;
import io.drover.agent.cleanup.Step.DeleteNamed;
import io.drover.agent.cleanup.Step.DeleteNamespaces;
import io.drover.agent.cleanup.Step.DeleteTogether;
import io.drover.agent.cleanup.Step.TidyNamespaces;
import io.drover.agent.kube.ApiObjects.Dependents;
import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.kube.Removal;
import io.drover.agent.kube.Resource;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * What is done, in order.
 *
 * <p>Source: Rancher {@code pkg/agent/clean/cluster.go}; the rights of the Job are in {@code
 * pkg/controllers/management/usercontrollers/controller.go}.
 */
final class Plan {
  static final String AGENT_NAMESPACE = "cattle-system";
  static final Resource SERVICES = new Resource("/api/v1", "services", "Service");
  static final Resource NAMESPACES = new Resource("/api/v1", "namespaces", "Namespace");

  private static final Resource SECRETS = new Resource("/api/v1", "secrets", "Secret");
  private static final Resource JOBS = new Resource("/apis/batch/v1", "jobs", "Job");
  private static final Resource CLUSTER_ROLE_BINDINGS =
      rbac("clusterrolebindings", "ClusterRoleBinding");
  private static final Resource CLUSTER_ROLES = rbac("clusterroles", "ClusterRole");
  private static final Resource ROLE_BINDINGS = rbac("rolebindings", "RoleBinding");
  private static final Resource ROLES = rbac("roles", "Role");

  private static final String JOB_NAMESPACE = "default";
  private static final String MADE_BY_RANCHER = "cattle.io/creator=norman";
  private static final String PULL_SECRET = "management.cattle.io/rancher-managed-pull-secret=true";
  private static final String PROJECT = "field.cattle.io/projectId";
  private static final String MONITORING = "cattle-prometheus";

  private static final Set<String> RANCHERS_NAMESPACES =
      Set.of(
          AGENT_NAMESPACE,
          MONITORING,
          "cattle-logging",
          "cattle-fleet-system",
          "cattle-turtles-system",
          "cattle-provisioning-capi-system", // until 2.12
          "cattle-impersonation-system");

  private static final Set<String> RANCHERS_ANNOTATIONS =
      Set.of(
          "cattle.io/status",
          "field.cattle.io/creatorId",
          "field.cattle.io/resourceQuotaTemplateId",
          PROJECT);

  /** What a clean-up itself runs with: Rancher's Job, and the one of its script for users. */
  private static final Predicate<String> OF_A_CLEANUP = name -> name.startsWith("cattle-cleanup-");

  /** What the stock agent does, and the Job has had the rights to from the first. */
  static final List<Step> REQUIRED =
      List.of(
          new DeleteNamespaces(Plan::isRanchers),
          new DeleteNamed(CLUSTER_ROLE_BINDINGS, List.of("rancher-webhook")),
          new DeleteNamed(
              admission("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
              List.of("rancher.cattle.io")),
          new DeleteNamed(
              admission("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
              List.of("rancher.cattle.io")),
          // Behind the webhooks: those would refuse it once their namespace is gone.
          new TidyNamespaces(
              Predicate.not(Plan::isRanchers),
              new Removal(
                  // Of Rancher's controllers nobody is left who would take theirs off.
                  finalizer -> finalizer.startsWith("controller.cattle.io/"),
                  PROJECT::equals,
                  key ->
                      RANCHERS_ANNOTATIONS.contains(key)
                          // What a later Rancher would take for done already.
                          || key.startsWith("lifecycle.cattle.io/create."))),
          madeByRancher(CLUSTER_ROLE_BINDINGS),
          madeByRancher(ROLE_BINDINGS),
          madeByRancher(CLUSTER_ROLES),
          madeByRancher(ROLES));

  /**
   * Pull Secrets, which the Job may delete since 2.15; then what the stock agent leaves behind: the
   * manifest's roles that have no label, those of users who looked into this cluster, and those of
   * kubectl shells whose agent was killed, be it that one or ours.
   */
  static final List<Step> WHERE_ALLOWED =
      List.of(
          new DeleteFound(SECRETS, "", PULL_SECRET, _ -> true, Dependents.AFTER),
          new DeleteNamed(
              CLUSTER_ROLE_BINDINGS,
              List.of("proxy-role-binding-kubernetes-master", "cattle-unauthenticated")),
          new DeleteNamed(
              CLUSTER_ROLES, List.of("proxy-clusterrole-kubeapiserver", "cattle-unauthenticated")),
          ofUsers(CLUSTER_ROLE_BINDINGS),
          ofUsers(CLUSTER_ROLES));

  /**
   * The Job itself, and what gives us the rights to all this: the garbage collector does not delete
   * that on behalf of the Job, which is in a namespace. Last, since we may do nothing after it. The
   * role waits for the garbage collector, which finds nothing that the role owns: until then we may
   * still delete the binding.
   */
  static final List<Step> OWN_JOB =
      List.of(
          new DeleteTogether(
              List.of(
                  new DeleteFound(
                      JOBS,
                      JOB_NAMESPACE,
                      MADE_BY_RANCHER,
                      name -> name.startsWith("cattle-cleanup"),
                      Dependents.AFTER),
                  new DeleteFound(CLUSTER_ROLES, "", "", OF_A_CLEANUP, Dependents.BEFORE),
                  new DeleteFound(CLUSTER_ROLE_BINDINGS, "", "", OF_A_CLEANUP, Dependents.AFTER))));

  private Plan() {}

  private static Resource rbac(String plural, String kind) {
    return new Resource("/apis/rbac.authorization.k8s.io/v1", plural, kind);
  }

  private static Resource admission(String plural, String kind) {
    return new Resource("/apis/admissionregistration.k8s.io/v1", plural, kind);
  }

  /** Also the one for the monitoring of a project, which is named after it. */
  private static boolean isRanchers(ObjectMetadata namespace) {
    return RANCHERS_NAMESPACES.contains(namespace.name())
        || namespace.name().equals(MONITORING + "-" + namespace.labels().getOrDefault(PROJECT, ""));
  }

  private static DeleteFound madeByRancher(Resource resource) {
    return new DeleteFound(resource, "", MADE_BY_RANCHER, OF_A_CLEANUP.negate(), Dependents.AFTER);
  }

  private static DeleteFound ofUsers(Resource resource) {
    return new DeleteFound(
        resource,
        "",
        "",
        name ->
            name.startsWith("cattle-impersonation-") || name.startsWith("pod-impersonation-shell-"),
        Dependents.AFTER);
  }
}
