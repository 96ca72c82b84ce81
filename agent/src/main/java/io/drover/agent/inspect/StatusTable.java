package io.drover.agent.inspect;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.terminal.Binary;
import io.drover.agent.terminal.Page;
import io.drover.agent.terminal.Page.Mark;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;

/**
 * The state of a running agent for people at a terminal: both tunnels and why they are down, what
 * goes through them, the reports, and features that do not work. Times are ages, by the agent's own
 * clock.
 */
public final class StatusTable {
  private static final String UNKNOWN = "–";

  private final JsonNode state;
  private final Page page;

  private StatusTable(JsonNode state, Page page) {
    this.state = state;
    this.page = page;
  }

  /**
   * Renders a state.
   *
   * @param state what is not in it is not known
   * @param colour whether to use ANSI colours
   * @param width of a line, in characters
   * @return lines, each with its end
   */
  public static String render(AgentState state, boolean colour, int width) {
    var page = new Page(colour, width);
    var table = new StatusTable(state.json(), page);
    table.agent();
    table.tunnels();
    table.gateway();
    table.reports();
    table.degraded();
    return page.text();
  }

  private void agent() {
    page.heading("Agent");
    boolean ready = state.path("ready").asBoolean();
    page.line(ready ? Mark.YES : Mark.NO, "Ready", ready ? "yes" : "no", null);
    page.line(Mark.NONE, "Version", text(state, "version"), null);
    page.line(Mark.NONE, "Started", age(state, "started"), null);
  }

  private void tunnels() {
    page.heading("Tunnels");
    for (JsonNode tunnel : state.path("checks")) {
      tunnel(tunnel);
    }
    page.blank();
    page.grid(
        List.of(
            "",
            "open streams",
            "streams",
            "received",
            "sent",
            "queued",
            "dials failed",
            "sessions"),
        state.path("checks").valueStream().map(StatusTable::figures).toList());
  }

  private void tunnel(JsonNode tunnel) {
    String since = span(tunnel, "since");
    if (tunnel.path("reason").isMissingNode()) {
      page.line(Mark.YES, name(tunnel), "connected for " + since, null);
      past(tunnel.path("past"));
    } else if (tunnel.path("ready").asBoolean()) {
      page.line(Mark.WITHOUT, name(tunnel), text(tunnel, "message"), null);
    } else {
      page.line(Mark.NO, name(tunnel), "down for " + since + ": " + text(tunnel, "reason"), null);
      explain(tunnel);
    }
  }

  private void explain(JsonNode problem) {
    page.paragraph(text(problem, "meaning") + " (" + text(problem, "message") + ")");
    page.paragraph("next: " + text(problem, "nextStep"));
    page.paragraph("see: " + text(problem, "page"));
  }

  private void past(JsonNode past) {
    if (!past.isMissingNode()) {
      page.paragraph(
          "last trouble %s: %s (%s)"
              .formatted(age(past, "at"), text(past, "reason"), text(past, "message")));
    }
  }

  private static String name(JsonNode tunnel) {
    return tunnel.path("name").asText("").replaceFirst("-tunnel$", "");
  }

  private static List<String> figures(JsonNode tunnel) {
    return List.of(
        name(tunnel),
        number(tunnel, "streamsOpen"),
        number(tunnel, "streams"),
        bytes(tunnel, "receivedBytes"),
        bytes(tunnel, "sentBytes"),
        bytes(tunnel, "queuedBytes"),
        number(tunnel, "dialFailures"),
        number(tunnel, "sessions"));
  }

  private void gateway() {
    var gateway = state.path("gateway");
    if (gateway.isMissingNode()) {
      return;
    }
    page.heading("Gateway");
    page.line(Mark.NONE, "Policy", text(gateway, "policy"), null);
    page.line(
        Mark.NONE,
        "Requests",
        number(gateway, "requests") + ", " + number(gateway, "refused") + " of them refused here",
        null);
    var audit = gateway.path("audit");
    boolean isOff = text(audit, "to").equals("off");
    page.line(
        Mark.NONE,
        "Recorded",
        isOff ? "no" : number(audit, "events") + " events to " + text(audit, "to"),
        audit.path("lost").asLong() == 0 ? "" : number(audit, "lost") + " lost");
    var recent = gateway.path("lastHour");
    var others =
        recent.path("others").asLong() == 0
            ? Stream.<List<String>>of()
            : Stream.of(List.of("others", number(recent, "others")));
    users("who asked in the last hour", Stream.concat(users(recent), others).toList());
    users("who asked since the start", users(gateway).toList());
  }

  private static Stream<List<String>> users(JsonNode of) {
    return of.path("topUsers")
        .valueStream()
        .map(user -> List.of(text(user, "name"), number(user, "requests")));
  }

  private void users(String title, List<List<String>> rows) {
    if (!rows.isEmpty()) {
      page.blank();
      page.grid(List.of(title, "requests"), rows);
    }
  }

  private void reports() {
    var reports = state.path("reports");
    if (reports.isMissingNode()) {
      return;
    }
    page.heading("Reports");
    boolean leads = reports.path("leads").asBoolean();
    page.line(Mark.NONE, "Writes", leads ? "this replica" : "another replica, or none yet", null);
    page.line(
        Mark.NONE,
        "Newest",
        reports.path("sequence").isMissingNode()
            ? "none yet"
            : "number " + number(reports, "sequence") + ", " + age(reports, "observedAt"),
        null);
    for (JsonNode sink : reports.path("sinks")) {
      boolean hasTaken = !sink.path("lastSuccess").isMissingNode();
      page.line(
          hasTaken ? Mark.YES : Mark.UNKNOWN,
          "To " + text(sink, "name"),
          hasTaken ? "taken " + age(sink, "lastSuccess") : "none taken yet",
          sink.path("failures").asLong() == 0 ? "" : number(sink, "failures") + " not taken");
    }
  }

  private void degraded() {
    if (state.path("degraded").isEmpty()) {
      return;
    }
    page.heading("Does not work");
    for (JsonNode feature : state.path("degraded")) {
      page.line(Mark.NO, text(feature, "feature"), text(feature, "reason"), null);
      explain(feature);
    }
  }

  private static String text(JsonNode node, String field) {
    return node.path(field).asText(UNKNOWN);
  }

  private static String number(JsonNode node, String field) {
    return node.path(field).isNumber() ? node.path(field).asText() : UNKNOWN;
  }

  private static String bytes(JsonNode node, String field) {
    return node.path(field).isNumber()
        ? Binary.text(node.path(field).decimalValue()) + "B"
        : UNKNOWN;
  }

  private String age(JsonNode node, String field) {
    String span = span(node, field);
    return span.equals(UNKNOWN) ? span : span + " ago";
  }

  private String span(JsonNode node, String field) {
    try {
      return span(
          Duration.between(
              Instant.parse(node.path(field).asText()), Instant.parse(state.path("now").asText())));
    } catch (DateTimeException _) {
      return UNKNOWN;
    }
  }

  /** In its two largest units. */
  static String span(Duration span) {
    if (span.toDays() > 0) {
      return "%d d %d h".formatted(span.toDays(), span.toHoursPart());
    } else if (span.toHours() > 0) {
      return "%d h %d min".formatted(span.toHours(), span.toMinutesPart());
    } else if (span.toMinutes() > 0) {
      return "%d min %d s".formatted(span.toMinutes(), span.toSecondsPart());
    }
    return Math.max(0, span.toSeconds()) + " s";
  }
}
