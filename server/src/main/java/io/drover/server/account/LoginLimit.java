package io.drover.server.account;

import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** How often somebody may guess: by the name that he gives, and by his address. Any thread. */
public final class LoginLimit {
  /** Attempts within {@link #WINDOW}. */
  static final int GUESSES = 10;

  /** From the first one, after which it begins anew. */
  static final Duration WINDOW = Duration.ofMinutes(5);

  /** Names and addresses that are remembered; the oldest goes. */
  static final int REMEMBERED = 10_000;

  private final InstantSource clock;

  // Guarded by this.
  private final Map<String, Guesses> wrong =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Guesses> eldest) {
          return size() > REMEMBERED;
        }
      };

  private record Guesses(Instant first, int count) {}

  /** Nobody has guessed yet. */
  public LoginLimit(InstantSource clock) {
    this.clock = clock;
  }

  /**
   * Counts an attempt, before it is known to be wrong: many at one time are many.
   *
   * @return for how long he has to wait; empty: he may try
   */
  public synchronized Optional<Duration> attempt(String username, String address) {
    var now = clock.instant();
    var wait =
        keys(username, address).stream()
            .map(wrong::get)
            .filter(guesses -> guesses != null && guesses.count() >= GUESSES)
            .map(guesses -> Duration.between(now, guesses.first().plus(WINDOW)))
            .filter(Duration::isPositive)
            .max(Duration::compareTo);
    if (wait.isPresent()) {
      return wait;
    }
    for (var key : keys(username, address)) {
      var before = wrong.get(key);
      boolean goesOn = before != null && now.isBefore(before.first().plus(WINDOW));
      wrong.put(
          key,
          before != null && goesOn
              ? new Guesses(before.first(), before.count() + 1)
              : new Guesses(now, 1));
    }
    return Optional.empty();
  }

  /** It was right: his name is free again; his address has one wrong attempt less. */
  public synchronized void right(String username, String address) {
    wrong.remove(name(username));
    wrong.computeIfPresent(
        from(address),
        (_, guesses) ->
            guesses.count() <= 1 ? null : new Guesses(guesses.first(), guesses.count() - 1));
  }

  /** Names and addresses that are remembered now. */
  synchronized int remembered() {
    return wrong.size();
  }

  private static List<String> keys(String username, String address) {
    return List.of(name(username), from(address));
  }

  private static String from(String address) {
    return "from " + address;
  }

  private static String name(String username) {
    return "as " + username.substring(0, Math.min(username.length(), Passwords.LONGEST));
  }
}
