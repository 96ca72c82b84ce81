package io.drover.server.health;

import java.time.Instant;

/**
 * One aspect of a cluster, in Kubernetes' form.
 *
 * @param reason one word, empty while all is well
 * @param message one sentence, empty while all is well
 * @param lastTransition when the status last changed
 */
public record Condition(
    Type type, Status status, String reason, String message, Instant lastTransition) {
  /** What is looked at. */
  public enum Type {
    PROVISIONED("Provisioned"),
    CONNECTED("Connected"),
    READY("Ready");

    private final String text;

    Type(String text) {
      this.text = text;
    }

    /** As Rancher writes it. */
    public String text() {
      return text;
    }
  }

  /** What was seen. */
  public enum Status {
    TRUE("True"),
    FALSE("False"),
    UNKNOWN("Unknown");

    private final String text;

    Status(String text) {
      this.text = text;
    }

    /** As Kubernetes writes it. */
    public String text() {
      return text;
    }
  }

  /** Not looked at yet. */
  static Condition unknown(Type type) {
    return new Condition(type, Status.UNKNOWN, "", "", Instant.now());
  }

  /** This one, unless something differs. */
  Condition with(Status newStatus, String newReason, String newMessage) {
    if (status == newStatus && reason.equals(newReason) && message.equals(newMessage)) {
      return this;
    }
    var since = status == newStatus ? lastTransition : Instant.now();
    return new Condition(type, newStatus, newReason, newMessage, since);
  }
}
