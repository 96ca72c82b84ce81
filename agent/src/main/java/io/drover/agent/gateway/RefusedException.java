package io.drover.agent.gateway;

import io.drover.agent.gateway.policy.Decision;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The gateway answers a request itself, and says no. */
final class RefusedException extends IOException {
  private static final long serialVersionUID = 1;

  private final int code;
  private final String reason;
  private final String status;
  private final transient @Nullable Decision decision; // null: it is not by the policy

  /**
   * A refusal in the API server's words.
   *
   * @param code the HTTP status
   * @param reason as in {@code metav1.StatusReason}
   * @param message for people; nothing of the request in it but what we know to be harmless
   */
  RefusedException(int code, String reason, String message) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.decision = null;
    this.status =
        "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
            + "\"message\":\"%s\",\"reason\":\"%s\",\"code\":%d}\n"
                .formatted(quoted(message), reason, code);
  }

  /** What the policy refuses. */
  RefusedException(Decision decision) {
    super(decision.message());
    this.code = Decision.STATUS;
    this.reason = "Forbidden";
    this.decision = decision;
    this.status = decision.status();
  }

  static RefusedException badRequest(String message) {
    return new RefusedException(400, "BadRequest", message);
  }

  static RefusedException unauthorized() {
    return new RefusedException(401, "Unauthorized", "Unauthorized");
  }

  static RefusedException unavailable(String message) {
    return new RefusedException(503, "ServiceUnavailable", message);
  }

  int code() {
    return code;
  }

  /** As in {@code metav1.StatusReason}. */
  String reason() {
    return reason;
  }

  /** The policy's; empty: it is refused for another reason. */
  Optional<Decision> decision() {
    return Optional.ofNullable(decision);
  }

  /** A {@code Status} object, which clients of Kubernetes understand. */
  String status() {
    return status;
  }

  private static String quoted(String text) {
    return text.replaceAll("[\\p{Cntrl}]", " ").replace("\\", "\\\\").replace("\"", "\\\"");
  }
}
