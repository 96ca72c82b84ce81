package io.drover.agent.gateway.policy;

import java.time.InstantSource;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The policy in force. A new text that is none changes nothing, and is told. Whoever finds out that
 * there is a new text hands it over; deciding neither waits nor locks.
 */
public final class PolicyHolder {
  private static final Logger log = LoggerFactory.getLogger(PolicyHolder.class);

  private final InstantSource clock;
  private final LastGood<Policy> policy;
  private volatile BreakGlass breakGlass = BreakGlass.off();

  // Guarded by this: what was handed over last, so that the same is not told twice; and what is
  // wrong with it.
  private String annotation = "";
  private List<String> annotationProblems = List.of();

  /**
   * With a policy to begin with.
   *
   * @param first in force until there is another
   */
  public PolicyHolder(Policy first, InstantSource clock) {
    this.policy = new LastGood<>("policy", log, first, Policy::parse, Policy::summary);
    this.clock = clock;
  }

  /** Says what becomes of a request now. */
  public Decision decide(Requester requester, RequestInfo request) {
    return policy.value().decide(requester, request, breakGlass, clock.instant());
  }

  /** The policy in force, and how it stands now. */
  public Standing standing() {
    return new Standing(policy.value(), breakGlass, clock.instant());
  }

  /** The one in force. */
  public Policy policy() {
    return policy.value();
  }

  /** What the one in force was made of; empty: it is the one to begin with. */
  public String text() {
    return policy.text();
  }

  /** What is in force, on one line for people. */
  public String summary() {
    var now = clock.instant();
    var glass = breakGlass;
    return policy.value().summary()
        + (glass.isOn(now) ? ", nothing is denied until " + glass.until() : "");
  }

  /** Until when nothing is denied. */
  public BreakGlass breakGlass() {
    return breakGlass;
  }

  /**
   * Takes a new policy. The same text again is nothing new.
   *
   * @return what is wrong with it: then the last good one stays in force; empty if it is taken
   */
  public List<String> reload(String newText) {
    return policy.reload(newText);
  }

  /**
   * Takes the value of {@link BreakGlass#ANNOTATION}. One that was refused stays so, although time
   * makes it a near one.
   *
   * @param newAnnotation empty: there is none, and it is over
   * @return what is wrong with it: then denials are in force; empty if it is taken
   */
  public synchronized List<String> breakGlass(String newAnnotation) {
    if (newAnnotation.equals(annotation)) {
      return annotationProblems;
    }
    annotation = newAnnotation;
    annotationProblems = List.of();
    var now = clock.instant();
    boolean wasOn = breakGlass.isOn(now);
    var next = BreakGlass.off();
    try {
      next = newAnnotation.isEmpty() ? next : BreakGlass.parse(newAnnotation, now);
    } catch (PolicyException e) {
      annotationProblems = e.problems();
      log.warn("break-glass refused: {}", e.getMessage());
    }
    breakGlass = next;
    if (next.isOn(now)) {
      log.warn("break-glass, nothing is denied: until={}", next.until());
    } else if (wasOn) {
      log.info("break-glass is over");
    }
    return annotationProblems;
  }
}
