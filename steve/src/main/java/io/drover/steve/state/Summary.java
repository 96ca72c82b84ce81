package io.drover.steve.state;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What became of an object, in lower case, and why: what counts and relations say of it.
 *
 * @param messages without spaces around them, none empty, none twice
 */
public record Summary(String state, boolean error, boolean transitioning, List<String> messages) {
  public Summary {
    messages = List.copyOf(messages);
  }

  public static Summary of(ObjectNode object, Clock clock) {
    var steps = new Steps(object, Condition.allOf(object), clock.instant());
    steps.ownWords();
    steps.errors();
    steps.transitions();
    steps.active();
    steps.phase();
    steps.initializing();
    steps.removing();
    steps.standard();
    steps.loadBalancer();
    return steps.summary();
  }

  /** The same questions about one condition alone, as far as they make sense. */
  static Summary of(Condition condition, ObjectNode object, Clock clock) {
    var steps = new Steps(object, List.of(condition), clock.instant());
    steps.errors();
    steps.transitions();
    steps.removing();
    steps.notReady();
    return steps.summary();
  }

  /** Messages behind each other, as an object's own state has them. */
  public String message() {
    return String.join(":", messages);
  }

  /** What is known so far. Each step is one question; most leave alone a state that is there. */
  private static final class Steps {
    /** How long an object without conditions is new. */
    private static final Duration NEW = Duration.ofSeconds(5);

    /** How long finalizers may take. */
    private static final Duration FINALIZING = Duration.ofMinutes(5);

    /** How some controllers count their steps, which tells nobody anything. */
    private static final Pattern STEP_COUNT = Pattern.compile("\\d+ of \\d+ completed");

    private final ObjectNode object;
    private final List<Condition> conditions;
    private final Instant now;

    private String state = "";
    private boolean error;
    private boolean transitioning;
    private final List<String> messages = new ArrayList<>();

    Steps(ObjectNode object, List<Condition> conditions, Instant now) {
      this.object = object;
      this.conditions = conditions;
      this.now = now;
    }

    Summary summary() {
      var told = messages.stream().map(String::strip).filter(m -> !m.isEmpty()).distinct();
      var name = state.isEmpty() ? "active" : state.toLowerCase(Locale.ROOT);
      return new Summary(name, error, transitioning, told.toList());
    }

    /** Some objects say it themselves. */
    void ownWords() {
      var display = object.path("status").path("display");
      var words = display.isEmpty() ? object.path("status").path("summary") : display;
      state = words.path("state").asText("");
      transitioning = words.path("transitioning").asBoolean();
      error = words.path("error").asBoolean();
      var message = words.path("message");
      messages.add((message.isArray() ? message.path(0) : message).asText(""));
    }

    void errors() {
      var kind = object.path("apiVersion").asText("") + " " + object.path("kind").asText("");
      for (var condition : conditions) {
        if (Transitions.isError(kind, condition)) {
          error = true;
          messages.add(condition.message());
          if (state.isEmpty() || state.equals("active")) {
            state = "error";
          }
        }
      }
    }

    void transitions() {
      for (var condition : conditions) {
        var next = next(Transitions.UNKNOWN_IS_CHANGE, condition);
        if (next != null && condition.status().equals("False")) {
          error(next, condition.message());
        } else if (next != null && condition.status().equals("Unknown") && state.isEmpty()) {
          change(next, condition.message());
        }
      }
      for (var condition : conditions) {
        var next = next(Transitions.TRUE_IS_CHANGE, condition);
        if (next != null && condition.status().equals("True") && state.isEmpty()) {
          change(next, condition.message());
        }
      }
      for (var condition : conditions) {
        var next = next(Transitions.FALSE_IS_CHANGE, condition);
        if (next == null || !state.isEmpty() || condition.is("Ready", "False")) {
          continue;
        }
        if (condition.status().equals("False")) {
          change(next, condition.message());
        } else if (condition.status().equals("Unknown")) {
          error(next, condition.message());
        }
      }
      // Last, since most other conditions say more.
      for (var condition : conditions.reversed()) {
        if (condition.is("Ready", "False") && state.isEmpty()) {
          var counts = STEP_COUNT.matcher(condition.message()).matches();
          change("unavailable", counts ? "" : condition.message());
        }
      }
    }

    private static @Nullable String next(Map<String, String> table, Condition condition) {
      var next = table.get(condition.type());
      return Transitions.REASON.equals(next) ? condition.reason() : next;
    }

    private void error(String next, String message) {
      error = true;
      state = next;
      messages.add(message);
    }

    private void change(String next, String message) {
      transitioning = true;
      state = next;
      messages.add(message);
    }

    void active() {
      if (state.isEmpty()) {
        state =
            switch (object.path("spec").path("active").asText("")) {
              case "true" -> "active";
              case "false" -> "inactive";
              default -> "";
            };
      }
    }

    void phase() {
      var phase = object.path("status").path("phase").asText("");
      if (phase.equals("Succeeded") || phase.equals("Bound")) {
        state = phase;
        transitioning = false;
      } else if (state.isEmpty()) {
        state = phase;
      }
    }

    void initializing() {
      var ofRancher = object.path("apiVersion").asText("").contains("cattle.io");
      var given = object.path("status").has("conditions");
      if (state.isEmpty() && ofRancher && given && conditions.isEmpty()) {
        var created = instant(object.path("metadata").path("created"));
        if (created.plus(NEW).isAfter(now)) {
          change("initializing", "");
        }
      }
    }

    /** Objects of Rancher's older API have their own mark. */
    void removing() {
      var metadata = object.path("metadata");
      if (metadata.path("removed").asText("").isEmpty()) {
        return;
      }
      change("removing", "");
      for (var condition : conditions) {
        if (condition.is("Removed", "Unknown") || condition.is("Removed", "False")) {
          messages.add(condition.message());
        }
      }
      var own = metadata.path("finalizers");
      var finalizers = own.isEmpty() ? object.path("spec").path("finalizers") : own;
      if (!finalizers.isEmpty()) {
        var finalizer =
            finalizers.path(0).asText("").replaceFirst("^.*controller\\.cattle\\.io/", "");
        messages.add(
            "waiting on "
                + (finalizer.equals("foregroundDeletion") ? "object cleanup" : finalizer));
        error |= instant(metadata.path("removed")).plus(FINALIZING).isBefore(now);
      }
    }

    void standard() {
      if (state.isEmpty()) {
        var status = StandardStatus.of(object, conditions);
        state = status.state();
        error |= status.state().equals(StandardStatus.FAILED);
        transitioning |= status.isChange();
        messages.add(status.message());
      }
    }

    void loadBalancer() {
      var spec = object.path("spec");
      var balanced =
          object.path("kind").asText("").equals("Service")
              && spec.path("type").asText("").equals("LoadBalancer");
      if (balanced
          && (state.isEmpty() || state.equals("active"))
          && object.path("status").path("loadBalancer").path("ingress").isEmpty()) {
        change("pending", "Load balancer is being provisioned");
      }
    }

    void notReady() {
      if (object.path("apiVersion").asText("").contains("cattle.io/")) {
        for (var condition : conditions) {
          error |= condition.is("Ready", "False") && !condition.message().isEmpty();
        }
      }
    }

    /** A time that cannot be read is so far away that it changes nothing. */
    private static Instant instant(JsonNode time) {
      try {
        return Instant.parse(time.asText(""));
      } catch (DateTimeException e) {
        return Instant.EPOCH;
      }
    }
  }
}
