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
              object.path("spec").path("controller").asText(),
              Json.isDefault(
                  object.path("metadata"), "ingressclass.kubernetes.io/is-default-class")));
    }
  }

  /** An Ingress; {@code className} from the field or, on old ones, the annotation; may be empty. */
  record Ingress(String namespace, String name, String className, boolean hasAddress)
      implements Networking {
    static Optional<Ingress> of(JsonNode object) {
      String field = object.path("spec").path("ingressClassName").asText();
      String annotation =
          object.path("metadata").path("annotations").path("kubernetes.io/ingress.class").asText();
      return Optional.of(
          new Ingress(
              Json.namespace(object),
              Json.name(object),
              (field.isEmpty() ? annotation : field).intern(),
              !object.path("status").path("loadBalancer").path("ingress").isEmpty()));
    }
  }

  /** A class of Gateways; {@code accepted} null: its controller has not said. */
  record GatewayClass(String name, String controller, @Nullable Boolean accepted)
      implements Networking {
    static Optional<GatewayClass> of(JsonNode object) {
      Boolean accepted = null;
      for (JsonNode condition : object.path("status").path("conditions")) {
        if (condition.path("type").asText().equals("Accepted")) {
          accepted =
              switch (condition.path("status").asText()) {
                case "True" -> true;
                case "False" -> false;
                default -> null;
              };
        }
      }
      return Optional.of(
          new GatewayClass(
              Json.name(object), object.path("spec").path("controllerName").asText(), accepted));
    }
  }
}
