package io.drover.agent;

import io.drover.agent.config.ConfigException;
import io.drover.agent.gateway.policy.AuditPolicy;
import io.drover.agent.gateway.policy.BreakGlass;
import io.drover.agent.gateway.policy.Explanation;
import io.drover.agent.gateway.policy.InForce;
import io.drover.agent.gateway.policy.Policy;
import io.drover.agent.gateway.policy.PolicyException;
import io.drover.agent.gateway.policy.Preset;
import io.drover.agent.gateway.policy.Question;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.terminal.Page;
import io.drover.agent.terminal.Page.Mark;
import java.io.IOException;
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
      return by(Policy.parse(text), BreakGlass.off());
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
      return by(Policy.of(preset.get()), BreakGlass.off());
    } catch (PolicyException e) {
      throw new ConfigException(e.problems());
    }
  }

  /** By what an agent has in force, as it tells it; returns the exit code. */
  int byInForce(String told) throws ConfigException {
    try {
      request(); // before anything is printed
      var inForce = InForce.parse(told);
      return switch (inForce.state()) {
        case UNKNOWN ->
            throw new ConfigException(
                List.of(
                    "the agent does not know yet whether there is a policy, and answers 503: "
                        + (inForce.problems().isEmpty()
                            ? "try again"
                            : String.join("; ", inForce.problems()))));
        case NONE -> {
          var page = new Page(colour, width);
          page.heading("Policy");
          page.line(Mark.WITHOUT, "none", "there is none: everything is passed on", null);
          out.print(page.text());
          out.flush();
          yield Main.STOPPED;
        }
        case THERE -> {
          var policy = inForce.policy();
          out.print(origin(inForce));
          yield by(policy, inForce.breakGlass());
        }
      };
    } catch (PolicyException e) {
      throw new ConfigException(e.problems());
    } catch (IOException e) {
      throw new ConfigException(
          List.of("what the agent says is not understood: is it of this version? " + e));
    }
  }

  /** Where what is in force comes from. */
  private String origin(InForce inForce) {
    var page = new Page(colour, width);
    page.heading("Policy");
    boolean hasGood = !inForce.text().isEmpty();
    page.line(
        hasGood ? Mark.YES : Mark.NO,
        "in force",
        hasGood
            ? "revision " + inForce.goodRevision() + " of the ConfigMap"
            : "none has been good yet: nothing is passed on",
        null);
    if (inForce.isLastGood()) {
      String kept = hasGood ? ": the last good one stays in force" : "";
      page.line(Mark.NO, "newest", "revision " + inForce.revision() + " is none" + kept, null);
    }
    inForce.problems().forEach(page::paragraph);
    page.blank();
    return page.text();
  }

  private RequestInfo request() throws PolicyException {
    return Question.request(
        asked.verb(), asked.resource(), asked.subresource(), asked.namespace(), asked.name());
  }

  private int by(Policy policy, BreakGlass breakGlass) throws PolicyException {
    var request = request();
    var requester =
        asked.user().isEmpty() ? Requester.server() : Requester.user(asked.user(), asked.groups());
    var explanation = new Explanation(policy, breakGlass, asked.now());
    out.print(explanation.render(requester, request, colour, width));
    out.flush();
    boolean isAllowed = policy.decide(requester, request, breakGlass, asked.now()).allowed();
    return isAllowed ? Main.STOPPED : Main.FAILED;
  }
}
