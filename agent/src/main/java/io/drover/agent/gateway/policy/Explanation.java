package io.drover.agent.gateway.policy;

import io.drover.agent.terminal.Page;
import io.drover.agent.terminal.Page.Mark;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Collection;
import java.util.stream.Collectors;

/** How a decision comes about, step by step, for people. */
public final class Explanation {
  /** Of a list, before it is cut. */
  private static final int MAX_SHOWN = 6;

  private final Policy policy;
  private final BreakGlass breakGlass;
  private final Instant now;

  /** Of decisions of a policy at a moment. */
  public Explanation(Policy policy, BreakGlass breakGlass, Instant now) {
    this.policy = policy;
    this.breakGlass = breakGlass;
    this.now = now;
  }

  /**
   * Lines for a terminal.
   *
   * @param colour whether to use ANSI colours
   * @param width of a line, in characters
   */
  public String render(Requester requester, RequestInfo request, boolean colour, int width) {
    var page = new Page(colour, width);
    page.heading("Request");
    request(page, requester, request);
    var decision = policy.decide(requester, request, breakGlass, now);
    var decided = decision.request();
    page.heading(decided.equals(request) ? "Rules" : "Rules about create");
    rules(page, requester, decided, decision);
    page.heading("Decision");
    page.line(
        decision.allowed() ? Mark.YES : Mark.NO,
        decision.allowed() ? "allowed" : "denied",
        "by " + (decision.rule().isEmpty() ? "the resolution of the request" : decision.rule()),
        null);
    page.paragraph(decision.message());
    return page.text();
  }

  private void request(Page page, Requester requester, RequestInfo request) {
    page.line(Mark.NONE, "who", requester.title(), null);
    page.line(Mark.NONE, "groups", list(requester.groups()), null);
    switch (request) {
      case RequestInfo.Resource resource -> {
        page.line(Mark.NONE, "verb", resource.verb() + orMade(resource), null);
        page.line(Mark.NONE, "API group", orElse(resource.group(), "\"\" (core)"), null);
        page.line(Mark.NONE, "resource", resource.combined(), null);
        page.line(Mark.NONE, "namespace", orElse(resource.namespace(), "none, or all"), null);
        page.line(Mark.NONE, "name", orElse(resource.name(), "none given"), null);
      }
      case RequestInfo.NonResource url -> {
        page.line(Mark.NONE, "verb", url.verb(), null);
        page.line(Mark.NONE, "URL", url.path(), null);
      }
      case RequestInfo.Unresolved unresolved ->
          page.line(Mark.NO, "not understood", unresolved.reason(), null);
    }
    page.line(Mark.NONE, "time", now.truncatedTo(ChronoUnit.SECONDS) + hours(), null);
  }

  private static String orMade(RequestInfo.Resource resource) {
    return Creation.byUpdate(resource).isPresent() ? ", and create: it may make what is new" : "";
  }

  private String hours() {
    var hours = policy.hours();
    return hours == null
        ? ""
        : (hours.isWithin(now) ? ", inside " : ", outside ") + "of " + hours.text();
  }

  private void rules(Page page, Requester requester, RequestInfo request, Decision decision) {
    for (Rule rule : policy.rules()) {
      var mismatch = rule.mismatch(requester, request, policy.hours(), now);
      var origin = rule.origin();
      String label = (origin.preset().isEmpty() ? "rule" : origin.preset()) + " " + origin.index();
      if (mismatch == null) {
        page.line(
            rule.effect() == Effect.ALLOW ? Mark.YES : Mark.NO,
            label,
            rule.effect().verb() + " it: " + origin.text(),
            null);
        breakGlass(page, decision);
        return;
      }
      page.line(
          Mark.UNKNOWN, label, title(origin) + "not this one, by " + why(mismatch, rule), null);
    }
    if (request instanceof RequestInfo.Unresolved) {
      return;
    }
    page.line(
        policy.standard() == Effect.ALLOW ? Mark.YES : Mark.NO,
        "default",
        policy.standard().verb() + " what no rule covers",
        null);
    breakGlass(page, decision);
  }

  /** Short, so that there is room for the reason. */
  private static String title(Rule.Origin origin) {
    String line = origin.preset().isEmpty() ? "line " + origin.line() + ", " : "";
    return line + (origin.name().isEmpty() ? "" : origin.name() + ": ");
  }

  private void breakGlass(Page page, Decision decision) {
    if (decision.outcome() == Decision.Outcome.BREAK_GLASS) {
      page.line(Mark.YES, "break-glass", "nothing is denied until " + breakGlass.until(), null);
    }
  }

  private static String why(Aspect mismatch, Rule rule) {
    return switch (mismatch) {
      case SUBJECT ->
          mismatch.field() + " " + list(rule.subjects().stream().map(Subject::text).toList());
      case HOURS -> mismatch.field() + " " + rule.hours().name();
      case KIND -> rule.resources().isEmpty() ? Aspect.URL.field() : mismatch.field();
      case VERB -> mismatch.field() + " " + list(rule.verbs());
      case GROUP -> mismatch.field() + " " + list(rule.groups());
      case RESOURCE -> mismatch.field() + " " + list(rule.resources());
      case NAMESPACE -> mismatch.field() + " " + list(rule.namespaces());
      case NAME -> mismatch.field() + " " + list(rule.names());
      case URL -> mismatch.field() + " " + list(rule.urls());
    };
  }

  private static String list(Collection<String> all) {
    String shown =
        all.stream()
            .map(text -> text.isEmpty() ? "\"\"" : text)
            .sorted()
            .limit(MAX_SHOWN)
            .collect(Collectors.joining(", "));
    return all.size() > MAX_SHOWN ? shown + ", …" : shown;
  }

  private static String orElse(String text, String other) {
    return text.isEmpty() ? other : text;
  }
}
