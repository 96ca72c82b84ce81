package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * All kinds of objects that are read as a whole. The agent needs the right to list each of them.
 */
public final class Kinds {
  public static final Kind<Node> NODES = core("nodes", Node::of);
  public static final Kind<Pod> PODS = core("pods", Pod::of);
  public static final Kind<Namespace> NAMESPACES = core("namespaces", Namespace::of);
  public static final Kind<Service> SERVICES = core("services", Service::of);
  public static final Kind<Workload> DEPLOYMENTS =
      kind("apps", "v1", "deployments", Workload::deployment);
  public static final Kind<Workload> DAEMON_SETS =
      kind("apps", "v1", "daemonsets", Workload::daemonSet);
  public static final Kind<Workload> STATEFUL_SETS =
      kind("apps", "v1", "statefulsets", Workload::statefulSet);
  public static final Kind<Networking.IngressClass> INGRESS_CLASSES =
      kind("networking.k8s.io", "v1", "ingressclasses", Networking.IngressClass::of);
  public static final Kind<Networking.Ingress> INGRESSES =
      kind("networking.k8s.io", "v1", "ingresses", Networking.Ingress::of);
  public static final Kind<Networking.GatewayClass> GATEWAY_CLASSES =
      kind("gateway.networking.k8s.io", "v1", "gatewayclasses", Networking.GatewayClass::of);
  public static final Kind<Storage.StorageClass> STORAGE_CLASSES =
      kind("storage.k8s.io", "v1", "storageclasses", Storage.StorageClass::of);
  public static final Kind<Storage.CsiDriver> CSI_DRIVERS =
      kind("storage.k8s.io", "v1", "csidrivers", Storage.CsiDriver::of);
  public static final Kind<Storage.CsiNode> CSI_NODES =
      kind("storage.k8s.io", "v1", "csinodes", Storage.CsiNode::of);
  public static final Kind<Storage.SnapshotClass> SNAPSHOT_CLASSES =
      kind("snapshot.storage.k8s.io", "v1", "volumesnapshotclasses", Storage.SnapshotClass::of);
  public static final Kind<ApiService> API_SERVICES =
      kind("apiregistration.k8s.io", "v1", "apiservices", ApiService::of);
  public static final Kind<Webhooks> VALIDATING_WEBHOOKS =
      kind("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", Webhooks::of);
  public static final Kind<Webhooks> MUTATING_WEBHOOKS =
      kind("admissionregistration.k8s.io", "v1", "mutatingwebhookconfigurations", Webhooks::of);
  public static final Kind<CustomResource> CUSTOM_RESOURCES =
      new Kind<>(
          "apiextensions.k8s.io", "v1", "customresourcedefinitions", true, CustomResource::of);

  /** Kept up to date by watches. */
  static final List<Kind<?>> WATCHED =
      List.of(
          NODES,
          PODS,
          NAMESPACES,
          SERVICES,
          DEPLOYMENTS,
          DAEMON_SETS,
          INGRESS_CLASSES,
          INGRESSES,
          STORAGE_CLASSES,
          API_SERVICES,
          CUSTOM_RESOURCES);

  /** Read again now and then. */
  static final List<Kind<?>> READ =
      List.of(STATEFUL_SETS, GATEWAY_CLASSES, CSI_DRIVERS, CSI_NODES, SNAPSHOT_CLASSES);

  /** Read again with the facts. */
  static final List<Kind<?>> SELDOM = List.of(VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS);

  private Kinds() {}

  private static <T> Kind<T> core(String plural, Function<JsonNode, Optional<T>> record) {
    return kind("", "v1", plural, record);
  }

  private static <T> Kind<T> kind(
      String group, String version, String plural, Function<JsonNode, Optional<T>> record) {
    return new Kind<>(group, version, plural, false, record);
  }
}
