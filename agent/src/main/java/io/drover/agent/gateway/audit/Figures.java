package io.drover.agent.gateway.audit;

import io.drover.agent.gateway.policy.Verbs;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.DoubleAdder;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Counts requests. What there is to count by comes from closed sets. Any thread. */
final class Figures {
  /** Upper bounds of durations. */
  static final List<Double> BOUNDS_SECONDS = List.of(0.005, 0.025, 0.1, 0.5, 2.5, 10.0);

  /** Who asks most, so many of them. */
  static final int TOP = 5;

  /** What the API server, and we, answer with. */
  private static final Set<Integer> CODES =
      Set.of(
          101, 200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 417, 422,
          429, 500, 502, 503, 504);

  private final Map<Reading.Series, LongAdder> requests = new ConcurrentHashMap<>();
  private final Map<Refusal, LongAdder> refused = new ConcurrentHashMap<>();
  private final AtomicLongArray durations = new AtomicLongArray(BOUNDS_SECONDS.size() + 1);
  private final DoubleAdder durationSeconds = new DoubleAdder();
  private final TopUsers users = new TopUsers();
  private final LastHour lastHour;

  /** Nothing is counted yet. */
  Figures(InstantSource clock) {
    this.lastHour = new LastHour(clock);
  }

  /** A request has been answered. */
  void count(String verb, int code, Who who) {
    var series = new Reading.Series(known(verb), known(code), who.kind().text());
    requests.computeIfAbsent(series, _ -> new LongAdder()).increment();
    users.count(who.title());
    lastHour.count(who.title());
  }

  private static String known(String verb) {
    return Verbs.RESOURCE.contains(verb) || Verbs.NON_RESOURCE.contains(verb) ? verb : "other";
  }

  private static String known(int code) {
    return CODES.contains(code) ? Integer.toString(code) : code / 100 + "xx";
  }

  /** It was short, or should have been. */
  void took(Duration duration) {
    double seconds = duration.toNanos() / 1e9;
    int place = 0;
    while (place < BOUNDS_SECONDS.size() && seconds > BOUNDS_SECONDS.get(place)) {
      place++;
    }
    durations.incrementAndGet(place);
    durationSeconds.add(seconds);
  }

  /** We have refused it ourselves. */
  void refused(Refusal by) {
    refused.computeIfAbsent(by, _ -> new LongAdder()).increment();
  }

  Reading reading(String to, boolean block, long written, long lost) {
    return new Reading(
        requests.entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, entry -> entry.getValue().sum())),
        refused.entrySet().stream()
            .collect(
                Collectors.toMap(entry -> entry.getKey().text(), entry -> entry.getValue().sum())),
        BOUNDS_SECONDS,
        IntStream.range(0, durations.length()).mapToObj(durations::get).toList(),
        durationSeconds.sum(),
        to,
        block,
        written,
        lost,
        users.top(TOP),
        lastHour.top(TOP));
  }
}
