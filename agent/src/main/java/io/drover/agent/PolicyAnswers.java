package io.drover.agent;

import io.drover.agent.config.ConfigException;
import io.drover.agent.gateway.policy.AuditPolicy;
import io.drover.agent.gateway.policy.BreakGlass;
import io.drover.agent.gateway.policy.Explanation;
import io.drover.agent.gateway.policy.Policy;
import io.drover.agent.gateway.policy.PolicyException;
import io.drover.agent.gateway.policy.Preset;
import io.drover.agent.gateway.policy.Question;
import io.drover.agent.gateway.policy.Requester;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.List;

/**
 * What {@link PolicyCommand} prints. Apart from it, since its classes are loaded whenever the agent
 * is given an option, and those of policies only here.
 */
final class PolicyAnswers {
  /**
   * A request, as it was named on the command line.
   *
   * @param user empty: the server itself
   */
  record Asked(
      String user,
      List<String> groups,
      String verb,
      String resource,
      String subresource,
      String namespace,
      String name,
      Instant now) {
    Asked {
      groups = List.copyOf(groups);
    }
  }

  private final Asked asked;
  private final PrintWriter out;
  private final boolean colour;
  private final int width;

  PolicyAnswers(Asked asked, PrintWriter out, boolean colour, int width) {
    this.asked = asked;
    this.out = out;
    this.colour = colour;
    this.width = width;
  }

  /**
   * Says what is wrong with a policy, be it of the audit, or what is in it; returns the exit code.
   */
  static int check(String text, PrintWriter out, PrintWriter err) {
    try {
      if (AuditPolicy.isMeant(text)) {
        out.println("audit policy: " + AuditPolicy.parse(text).summary());
        out.flush();
        return Main.STOPPED;
      }
      var policy = Policy.parse(text);
      out.println("policy: " + policy.summary());
      policy.notes().forEach(note -> out.println("note: " + note));
      out.flush();
      return Main.STOPPED;
    } catch (PolicyException e) {
      e.problems().forEach(problem -> err.println("drover-agent: " + problem));
      err.flush();
      return Main.FAILED;
    }
  }

  /** By the policy in a text; returns the exit code. */
  int by(String text) throws ConfigException {
    try {
      return by(Policy.parse(text));
    } catch (PolicyException e) {
      throw new ConfigException(e.problems());
    }
  }

  /** By a preset alone; returns the exit code. */
  int byPreset(String name) throws ConfigException {
    var preset = Preset.of(name);
    if (preset.isEmpty()) {
      throw new ConfigException(
          List.of("--preset is not known: use one of " + String.join(", ", Preset.names())));
    }
    try {
      return by(Policy.of(preset.get()));
    } catch (PolicyException e) {
      throw new ConfigException(e.problems());
    }
  }

  private int by(Policy policy) throws PolicyException {
    var request =
        Question.request(
            asked.verb(), asked.resource(), asked.subresource(), asked.namespace(), asked.name());
    var requester =
        asked.user().isEmpty() ? Requester.server() : Requester.user(asked.user(), asked.groups());
    var explanation = new Explanation(policy, BreakGlass.off(), asked.now());
    out.print(explanation.render(requester, request, colour, width));
    out.flush();
    boolean isAllowed = policy.decide(requester, request, BreakGlass.off(), asked.now()).allowed();
    return isAllowed ? Main.STOPPED : Main.FAILED;
  }
}
