package io.drover.standin;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A request that is not served. Becomes the {@code Status} object that kubectl shows. */
final class Refusal extends RuntimeException {
  private final int code;
  private final String reason;

  Refusal(int code, String reason, String message) {
    super(message);
    this.code = code;
    this.reason = reason;
  }

  static Refusal badRequest(String message) {
    return new Refusal(400, "BadRequest", message);
  }

  static Refusal invalid(String message) {
    return new Refusal(422, "Invalid", message);
  }

  static Refusal notFound(ResourceType type, String name) {
    return new Refusal(404, "NotFound", "%s \"%s\" not found".formatted(type.resource(), name));
  }

  /** Something that only a real cluster can do. */
  static Refusal standIn(String what) {
    return new Refusal(
        501,
        "NotImplemented",
        what + " does not work in this stand-in for a cluster; './demo --real' starts a real one");
  }

  int code() {
    return code;
  }

  ObjectNode status() {
    var status = Json.object("v1", "Status").put("status", "Failure").put("message", getMessage());
    status.put("reason", reason).put("code", code).putObject("metadata");
    return status;
  }
}
