package io.drover.agent.gateway.policy;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Rules, of which the first that covers a request decides; if none does, the default. Immutable.
 */
public final class Policy {
  private final List<Rule> rules;
  private final Effect standard;
  private final @Nullable BusinessHours hours;
  private final String contact;
  private final List<String> notes;

  Policy(
      List<Rule> rules,
      Effect standard,
      @Nullable BusinessHours hours,
      String contact,
      List<String> notes) {
    this.rules = List.copyOf(rules);
    this.standard = standard;
    this.hours = hours;
    this.contact = contact;
    this.notes = List.copyOf(notes);
  }

  /**
   * Reads a policy; see {@code docs/policy.md}.
   *
   * @throws PolicyException if any of it is not understood, with every problem
   */
  public static Policy parse(String text) throws PolicyException {
    return PolicyDocument.parse(text);
  }

  /**
   * One preset and nothing else.
   *
   * @throws PolicyException if it needs more than its name
   */
  public static Policy of(Preset preset) throws PolicyException {
    return parse(
        """
        apiVersion: %s
        kind: %s
        default: allow
        presets: [%s]
        """
            .formatted(PolicyDocument.API_VERSION, PolicyDocument.KIND, preset.text()));
  }

  /** What is in force before the first policy that is one: nothing goes on. */
  public static Policy closed() {
    try {
      return parse(
          """
          apiVersion: %s
          kind: %s
          default: deny
          rules:
          - effect: deny
            verbs: ["*"]
            apiGroups: ["*"]
            resources: ["*"]
            reason: the gateway has not understood a policy yet
          - effect: deny
            verbs: ["*"]
            nonResourceURLs: ["*"]
            reason: the gateway has not understood a policy yet
          """
              .formatted(PolicyDocument.API_VERSION, PolicyDocument.KIND));
    } catch (PolicyException e) {
      throw new IllegalStateException(e);
    }
  }

  /**
   * Says what becomes of a request; never throws. Of one that may make what is not there, it is the
   * decision on that if it is no plain yes.
   */
  public Decision decide(
      Requester requester, RequestInfo request, BreakGlass breakGlass, Instant now) {
    var decision = decideVerb(requester, request, breakGlass, now);
    return decision.outcome() == Decision.Outcome.ALLOWED
        ? Creation.byUpdate(request)
            .map(made -> decideVerb(requester, made, breakGlass, now))
            .filter(made -> made.outcome() != Decision.Outcome.ALLOWED)
            .orElse(decision)
        : decision;
  }

  private Decision decideVerb(
      Requester requester, RequestInfo request, BreakGlass breakGlass, Instant now) {
    if (request instanceof RequestInfo.Unresolved) {
      return new Decision(
          requester, request, Decision.Outcome.UNRESOLVED, "", 0, 0, "", "", contact);
    }
    for (Rule rule : rules) {
      if (rule.mismatch(requester, request, hours, now) == null) {
        return decided(requester, request, rule, breakGlass.isOn(now));
      }
    }
    return new Decision(
        requester,
        request,
        outcome(standard, breakGlass.isOn(now)),
        "default",
        0,
        0,
        "",
        standard == Effect.DENY ? "no rule allows it" : "no rule denies it",
        contact);
  }

  private Decision decided(
      Requester requester, RequestInfo request, Rule rule, boolean isGlassBroken) {
    var origin = rule.origin();
    return new Decision(
        requester,
        request,
        outcome(rule.effect(), isGlassBroken),
        origin.text(),
        origin.index(),
        origin.line(),
        origin.name(),
        rule.reason(),
        rule.contact().isEmpty() ? contact : rule.contact());
  }

  private static Decision.Outcome outcome(Effect effect, boolean isGlassBroken) {
    return switch (effect) {
      case ALLOW -> Decision.Outcome.ALLOWED;
      case DENY -> isGlassBroken ? Decision.Outcome.BREAK_GLASS : Decision.Outcome.DENIED;
    };
  }

  /**
   * The first rule that denies somebody anything, for people, with its reason and whom to ask;
   * empty: all is allowed that he may ask for.
   */
  Optional<String> denial(Requester requester, Instant now) {
    boolean resourcesAllowed = false;
    boolean urlsAllowed = false;
    for (var rule : rules) {
      if (!rule.isFor(requester, hours, now)) {
        continue;
      }
      boolean isOfUrls = rule.resources().isEmpty();
      if (rule.effect() == Effect.ALLOW) {
        resourcesAllowed |= rule.isOfAllResources();
        urlsAllowed |= rule.isOfAllUrls();
      } else if (isOfUrls ? !urlsAllowed : !resourcesAllowed) {
        String asked = rule.contact().isEmpty() ? contact : rule.contact();
        return Optional.of(denial(rule.origin().text(), rule.reason(), asked));
      }
    }
    return standard == Effect.ALLOW || (resourcesAllowed && urlsAllowed)
        ? Optional.empty()
        : Optional.of(denial("default", "no rule allows everything", contact));
  }

  private static String denial(String rule, String reason, String asked) {
    return rule
        + (reason.isEmpty() ? "" : ": " + reason)
        + (asked.isEmpty() ? "" : "; ask " + asked);
  }

  /** In the order in which they are looked at; those of presets come last. */
  List<Rule> rules() {
    return rules;
  }

  /** What is done with what no rule covers. */
  Effect standard() {
    return standard;
  }

  @Nullable BusinessHours hours() {
    return hours;
  }

  /** What whoever puts it in force ought to know, a sentence each. */
  public List<String> notes() {
    return notes;
  }

  /** One line for people. */
  public String summary() {
    int own = (int) rules.stream().filter(rule -> rule.origin().preset().isEmpty()).count();
    return own
        + (own == 1 ? " rule" : " rules")
        + ", "
        + (rules.size() - own)
        + " of presets, default "
        + standard.text();
  }
}
