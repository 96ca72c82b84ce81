package io.drover.e2e;

import java.time.Duration;
import java.util.Optional;

/** Waits for something that cannot be waited for by an event. */
final class Await {
  private static final Duration POLL = Duration.ofMillis(50);

  private Await() {}

  /** Something that is there, or not yet. */
  interface Source<T> {
    Optional<T> look() throws Exception;
  }

  /** Something that is true, or not yet. */
  interface Condition {
    boolean holds() throws Exception;
  }

  /**
   * Looks until something is there.
   *
   * @throws AssertionError naming {@code what} if it is not there in time; what the last look threw
   *     is its cause
   */
  static <T> T until(String what, Duration limit, Source<T> source) throws InterruptedException {
    long deadlineNanos = System.nanoTime() + limit.toNanos();
    while (true) {
      Exception failure = null;
      try {
        var found = source.look();
        if (found.isPresent()) {
          return found.get();
        }
      } catch (InterruptedException e) {
        throw e;
      } catch (Exception e) {
        failure = e;
      }
      if (System.nanoTime() - deadlineNanos >= 0) {
        throw new AssertionError("not within " + limit.toMillis() + " ms: " + what, failure);
      }
      Thread.sleep(POLL);
    }
  }

  /** Looks until {@code condition} holds. */
  static void that(String what, Duration limit, Condition condition) throws InterruptedException {
    until(what, limit, () -> condition.holds() ? Optional.of(true) : Optional.empty());
  }
}
