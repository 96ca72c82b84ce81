package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.view.Facts.SeenCertificate;
import java.util.Optional;

/**
 * A version of an API group.
 *
 * @param aggregated served by a Service, not by the API server itself
 * @param available {@code True}, {@code False}, {@code Unknown} or empty
 * @param trusts who signs its server's certificates; empty if it does not say
 */
public record ApiService(
    String name,
    boolean aggregated,
    String available,
    String reason,
    String message,
    Optional<SeenCertificate> trusts) {
  static Optional<ApiService> of(JsonNode object) {
    JsonNode spec = object.path("spec");
    if (!spec.path("service").isObject()) {
      return Optional.empty(); // the API server's own need no looking after
    }
    String available = "";
    String reason = "";
    String message = "";
    for (JsonNode condition : object.path("status").path("conditions")) {
      if (Json.text(condition.path("type")).equals("Available")) {
        available = Json.text(condition.path("status"));
        reason = Json.text(condition.path("reason"));
        message = Json.text(condition.path("message"));
      }
    }
    return Optional.of(
        new ApiService(
            Json.name(object),
            true,
            available,
            reason,
            Json.shortened(message),
            Certificates.ofEncoded(
                "caBundle of API service " + Json.name(object), Json.text(spec.path("caBundle")))));
  }
}
