package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A Service of type LoadBalancer, or one of the few that are asked for by name.
 *
 * @param addresses that a load balancer gave it: IPs and host names
 * @param created as Kubernetes writes it
 */
public record Service(
    String namespace,
    String name,
    String type,
    String loadBalancerClass,
    Map<String, String> annotations,
    List<String> finalizers,
    List<String> addresses,
    List<String> ipFamilies,
    List<String> clusterIps,
    String created) {

  /** The API server's own. */
  public static final String KUBERNETES = "default/kubernetes";

  /** Of a Rancher that is installed here. */
  public static final String RANCHER = "cattle-system/rancher";

  private static final Set<String> ASKED_FOR = Set.of(KUBERNETES, RANCHER);

  /** {@code namespace/name}. */
  public String fullName() {
    return namespace + "/" + name;
  }

  static Optional<Service> of(JsonNode object) {
    JsonNode metadata = object.path("metadata");
    JsonNode spec = object.path("spec");
    String type = Json.text(spec.path("type"));
    String fullName = Json.namespace(object) + "/" + Json.name(object);
    if (!type.equals("LoadBalancer") && !ASKED_FOR.contains(fullName)) {
      return Optional.empty();
    }
    return Optional.of(
        new Service(
            Json.namespace(object),
            Json.name(object),
            type,
            Json.text(spec.path("loadBalancerClass")),
            Json.map(metadata.path("annotations"), 256),
            Json.texts(metadata.path("finalizers")),
            Json.addresses(object),
            Json.texts(spec.path("ipFamilies")),
            Json.texts(spec.path("clusterIPs")),
            Json.text(metadata.path("creationTimestamp"))));
  }
}
