package io.drover.server.store;

import java.time.Instant;

/**
 * One aspect of a cluster, in Kubernetes' form.
 *
 * @param reason one word, empty while all is well
 * @param message one sentence, empty while all is well
 * @param lastUpdate when anything of it last changed
 * @param lastTransition when the status last changed
 */
public record Condition(
    Type type,
    Status status,
    String reason,
    String message,
    Instant lastUpdate,
    Instant lastTransition) {

  /** What is looked at, in the order in which a cluster usually gets there. */
  public enum Type {
    /** Somebody may import it; over when its agent has connected. */
    PENDING("Pending"),
    /** Its agent has connected. */
    PROVISIONED("Provisioned"),
    /** For its API server, the first time. */
    WAITING("Waiting"),
    /** The agent trusts this server's authority only. */
    AGENT_TLS_STRICT_CHECK("AgentTlsStrictCheck"),
    /** The agent's Deployment is there. */
    AGENT_DEPLOYED("AgentDeployed"),
    /** The agent answers. */
    CONNECTED("Connected"),
    /** The API server does. */
    READY("Ready"),
    /** Somebody has asked to remove it; never true, since its record goes then. */
    REMOVED("Removed");

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

  /** This one, unless something differs. */
  public Condition with(Status newStatus, String newReason, String newMessage, Instant now) {
    if (status == newStatus && reason.equals(newReason) && message.equals(newMessage)) {
      return this;
    }
    var since = status == newStatus ? lastTransition : now;
    return new Condition(type, newStatus, newReason, newMessage, now, since);
  }
}
