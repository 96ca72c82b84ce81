package io.drover.agent.gateway.policy;

import java.util.List;
import java.util.Set;

/**
 * How much is recorded of which requests: rules of {@code audit.k8s.io/v1}, of which the first that
 * covers a request decides; if none does, nothing is recorded. Immutable.
 */
public final class AuditPolicy {
  /** How much. */
  public enum Level {
    NONE("None"),
    METADATA("Metadata"),
    REQUEST("Request"),
    REQUEST_RESPONSE("RequestResponse");

    private final String text;

    Level(String text) {
      this.text = text;
    }

    /** As in an event. */
    public String text() {
      return text;
    }

    /** Whether it is no less than another. */
    public boolean covers(Level other) {
      return compareTo(other) >= 0;
    }
  }

  /**
   * What is done with a request.
   *
   * @param omitted stages of which there is no event
   * @param omitsManagedFields whether bodies are recorded without {@code metadata.managedFields}
   */
  public record Choice(Level level, Set<String> omitted, boolean omitsManagedFields) {
    public Choice {
      omitted = Set.copyOf(omitted);
    }

    /** The same, but no more than what stands in a request's head. */
    public Choice atMostMetadata() {
      return level.covers(Level.METADATA)
          ? new Choice(Level.METADATA, omitted, omitsManagedFields)
          : this;
    }
  }

  private static final Choice NOTHING = new Choice(Level.NONE, Set.of(), false);
  private static final Choice HEADS = new Choice(Level.METADATA, Set.of(), false);
  private static final AuditPolicy OF_HEADS =
      new AuditPolicy(
          List.of(
              new AuditRule(HEADS, Set.of(), Set.of(), Set.of(), List.of(), Set.of(), List.of())));

  private final List<AuditRule> rules;

  AuditPolicy(List<AuditRule> rules) {
    this.rules = List.copyOf(rules);
  }

  /**
   * Reads a policy; see {@code docs/audit.md}.
   *
   * @throws PolicyException if any of it is not understood, with every problem
   */
  public static AuditPolicy parse(String text) throws PolicyException {
    return AuditDocument.parse(text);
  }

  /** Whether a text is meant to be one, and no policy of another kind. */
  public static boolean isMeant(String text) throws PolicyException {
    return YamlNode.parse(text) instanceof YamlNode.Fields fields
        && fields.all().get("apiVersion") instanceof YamlNode.Scalar version
        && version.text().startsWith(AuditDocument.GROUP_PREFIX);
  }

  /** As long as nobody has written another: everything, and no bodies. */
  public static AuditPolicy heads() {
    return OF_HEADS;
  }

  /**
   * Says how much is recorded; never throws. What is not certain to be one thing could be what a
   * rule is for, and so is always recorded.
   *
   * @param user in whose name it is asked; empty: not known
   */
  public Choice choose(String user, Set<String> groups, RequestInfo request) {
    if (request instanceof RequestInfo.Unresolved) {
      return HEADS;
    }
    return rules.stream()
        .filter(rule -> rule.covers(user, groups, request))
        .findFirst()
        .map(AuditRule::choice)
        .orElse(NOTHING);
  }

  /** One line for people. */
  public String summary() {
    long withBodies =
        rules.stream().filter(rule -> rule.choice().level().covers(Level.REQUEST)).count();
    return rules.size()
        + (rules.size() == 1 ? " rule, " : " rules, ")
        + withBodies
        + " of them with bodies";
  }
}
