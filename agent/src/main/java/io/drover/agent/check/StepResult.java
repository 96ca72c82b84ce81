package io.drover.agent.check;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.drover.agent.reason.Problem;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A step that is over.
 *
 * @param detail one line; never a secret
 * @param more further lines, such as an address each, or the chain of certificates
 * @param problem what is wrong; null if nothing is, or it has no code
 */
public record StepResult(
    String step,
    Status status,
    Duration took,
    String detail,
    List<String> more,
    @Nullable Problem problem) {
  private static final String RESET = "\u001b[0m";
  private static final int MILLIS_PER_SECOND = 1000;

  public StepResult {
    more = List.copyOf(more);
  }

  /** For people, without a newline at the end. */
  public String text(boolean colour) {
    String mark = colour ? colour(status) + status.mark() + RESET : status.mark();
    var lines = new ArrayList<String>();
    lines.add("%s %-15s %7s  %s".formatted(mark, step, time(), detail));
    more.forEach(line -> lines.add("    " + line));
    if (problem != null) {
      lines.add("    " + problem.reason().code() + ": " + problem.reason().sentence());
      lines.add("    next: " + problem.reason().nextStep());
      lines.add("    see:  " + problem.reason().page());
    }
    return String.join("\n", lines);
  }

  private static String colour(Status status) {
    return switch (status) {
      case PASSED -> "\u001b[32m";
      case WARNING -> "\u001b[33m";
      case FAILED -> "\u001b[31m";
      case SKIPPED -> "\u001b[2m";
    };
  }

  private String time() {
    if (status == Status.SKIPPED) {
      return "";
    }
    long millis = took.toMillis();
    return millis < 10 * MILLIS_PER_SECOND ? millis + " ms" : millis / MILLIS_PER_SECOND + " s";
  }

  /** One line. See {@code docs/check.md}. */
  public String json() {
    var json = JsonNodeFactory.instance.objectNode();
    json.put("step", step);
    json.put("status", status.text());
    json.put("millis", took.toMillis());
    json.put("detail", detail);
    var lines = json.putArray("more");
    more.forEach(lines::add);
    if (problem != null) {
      json.put("reason", problem.reason().code());
      json.put("sentence", problem.reason().sentence());
      json.put("nextStep", problem.reason().nextStep());
      json.put("page", problem.reason().page());
    }
    return json.toString();
  }
}
