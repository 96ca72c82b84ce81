package io.drover.steve.counts;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What one client hears of the counts: the first change at once, later ones every five seconds at
 * most, and only the types whose counts are others than it knows. Safe for many threads.
 */
public final class CountsStream {
  /** Source: steve, {@code pkg/resources/counts}. */
  public static final Duration INTERVAL = Duration.ofSeconds(5);

  private final Clock clock;

  // Guarded by this.
  private final Map<String, Count> known;
  private final TreeSet<String> changed = new TreeSet<>();
  private Instant due = Instant.MIN;

  /**
   * For one client.
   *
   * @param known what it has been told already, by type
   */
  public CountsStream(Clock clock, Map<String, Count> known) {
    this.clock = clock;
    this.known = new HashMap<>(known);
  }

  /** The counts object's {@code counts}. */
  public static ObjectNode json(Map<String, Count> counts) {
    var json = JsonNodeFactory.instance.objectNode();
    new TreeMap<>(counts).forEach((type, count) -> json.set(type, count.json()));
    return json;
  }

  /** The client knows the count of a type. */
  public synchronized void knows(String type, Count count) {
    known.put(type, count);
  }

  /** Something has happened to objects of a type. */
  public synchronized void changed(String type) {
    changed.add(type);
  }

  /** How long until {@link #next} should be asked; empty if nothing has changed. */
  public synchronized Optional<Duration> untilNext() {
    var now = clock.instant();
    if (changed.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(due.isAfter(now) ? Duration.between(now, due) : Duration.ZERO);
  }

  /**
   * The {@code counts} to send now; empty if it is too early, or nothing is new.
   *
   * @param counts the client's count of a type, or null if it can no longer see the type
   */
  public synchronized Optional<ObjectNode> next(Function<String, @Nullable Count> counts) {
    var now = clock.instant();
    if (changed.isEmpty() || due.isAfter(now)) {
      return Optional.empty();
    }
    var told = new TreeMap<String, Count>();
    for (var type : changed) {
      var count = counts.apply(type);
      if (count != null && !count.equals(known.put(type, count))) {
        told.put(type, count);
      }
    }
    changed.clear();
    if (told.isEmpty()) {
      return Optional.empty();
    }
    due = now.plus(INTERVAL);
    return Optional.of(json(told));
  }
}
