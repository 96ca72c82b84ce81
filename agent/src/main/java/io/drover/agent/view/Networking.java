package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Ways into the cluster by name. */
public interface Networking {
  /** A class of Ingresses. */
  record IngressClass(String name, String controller, boolean isDefault) implements Networking {
    static Optional<IngressClass> of(JsonNode object) {
      return Optional.of(
          new IngressClass(
              Json.name(object),
              Json.text(object.path("spec").path("controller")),
              Json.isDefault(
                  object.path("metadata"), "ingressclass.kubernetes.io/is-default-class")));
    }
  }

  /** An Ingress; {@code className} from the field or, on old ones, the annotation; may be empty. */
  record Ingress(String namespace, String name, String className, boolean hasAddress)
      implements Networking {
    static Optional<Ingress> of(JsonNode object) {
      String field = Json.text(object.path("spec").path("ingressClassName"));
      String annotation =
          Json.text(
              object.path("metadata").path("annotations").path("kubernetes.io/ingress.class"));
      return Optional.of(
          new Ingress(
              Json.namespace(object),
              Json.name(object),
              (field.isEmpty() ? annotation : field).intern(),
              !Json.addresses(object).isEmpty()));
    }
  }

  /** A class of Gateways; {@code accepted} null: its controller has not said. */
  record GatewayClass(String name, String controller, @Nullable Boolean accepted)
      implements Networking {
    static Optional<GatewayClass> of(JsonNode object) {
      Boolean accepted = null;
      for (JsonNode condition : object.path("status").path("conditions")) {
        if (Json.text(condition.path("type")).equals("Accepted")) {
          accepted =
              switch (Json.text(condition.path("status"))) {
                case "True" -> true;
                case "False" -> false;
                default -> null;
              };
        }
      }
      return Optional.of(
          new GatewayClass(
              Json.name(object), Json.text(object.path("spec").path("controllerName")), accepted));
    }
  }
}
