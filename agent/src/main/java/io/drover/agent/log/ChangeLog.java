package io.drover.agent.log;

import io.drover.agent.retry.Allowance;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;

/**
 * Tells the log how one thing is: a change, and once. What changes all the time must not fill the
 * log, so the lines have a limit; those that are left out are counted by the name of what they
 * would have said, and the next line ends with the count: {@code notLogged=TunnelClosed:57,up:57}.
 *
 * <p>What was not told for a while is told at once even when lines for the usual changes are used
 * up, so that no new reason hides among old ones. What is told last is true, or older than {@link
 * Limit#interval} at most. Any thread.
 */
public final class ChangeLog {
  /** A state that was told within this time is no news. */
  static final Duration NEWS_AFTER = Duration.ofMinutes(10);

  private static final String WORKS = "works";

  /**
   * How many lines there are, of news and of other changes each.
   *
   * @param burst so many at once
   * @param interval and one more after each of these
   */
  public record Limit(int burst, Duration interval) {
    /** Of what people look at first: 25 lines in the first hour of a trouble, then 15. */
    public static final Limit TUNNEL = new Limit(5, Duration.ofMinutes(8));

    /** Of anything else, which `/readyz` tells, too: 8 in the first hour, then 4. */
    public static final Limit FEATURE = new Limit(2, Duration.ofMinutes(30));

    private Allowance start(long nowNanos) {
      return new Allowance(burst, interval, nowNanos);
    }
  }

  /** How something is done after a while. */
  @FunctionalInterface
  public interface Later {
    void after(Duration delay, Runnable task);
  }

  private record State(String name, boolean isGood, String line) {}

  private record Told(State state, String line) {}

  private final Logger log;
  private final Limit limit;
  private final LongSupplier nanoTime;
  private final Later later;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private final Allowance news;
  private final Allowance changes;
  private final Map<String, Long> toldNanos = new HashMap<>();
  private final SortedMap<String, Long> leftOut = new TreeMap<>();
  private @Nullable State current; // null: not known yet
  private boolean isBehind; // changes have been left out, and the last of them is to be told
  private long dueNanos; // when that may be told; counts only while behind

  /**
   * Makes one that is called when something changes, and at no other time.
   *
   * @param log where the lines go
   * @param nanoTime a clock that does not go back
   * @param later how the last of the changes that are left out comes to be told
   */
  public ChangeLog(Logger log, Limit limit, LongSupplier nanoTime, Later later) {
    this.log = log;
    this.limit = limit;
    this.nanoTime = nanoTime;
    this.later = later;
    this.news = limit.start(nanoTime.getAsLong());
    this.changes = limit.start(nanoTime.getAsLong());
  }

  /**
   * Makes one that is called again and again, also when nothing has changed. That it works is what
   * everybody takes for granted, and told only after trouble.
   */
  public static ChangeLog ofLoop(Logger log, LongSupplier nanoTime) {
    var changes = new ChangeLog(log, Limit.FEATURE, nanoTime, (_, _) -> {});
    changes.current = new State(WORKS, true, "");
    return changes;
  }

  /** It works; {@code line} says so, after trouble. */
  public void works(String line) {
    good(WORKS, line);
  }

  /**
   * It is as it should be, which is told at INFO.
   *
   * @param name of the state, for the count
   */
  public void good(String name, String line) {
    is(new State(name, true, line));
  }

  /**
   * It is not as it should be, which is told at WARN. Another line of the same name is no change.
   *
   * @param name of the state, such as a reason's code
   */
  public void bad(String name, String line) {
    is(new State(name, false, line));
  }

  private void is(State now) {
    @Nullable Told told;
    boolean fallsBehind;
    lock.lock();
    try {
      boolean wasBehind = isBehind;
      told = decide(now, nanoTime.getAsLong());
      fallsBehind = isBehind && !wasBehind;
    } finally {
      lock.unlock();
    }
    if (fallsBehind) {
      later.after(limit.interval(), this::catchUp);
    }
    if (told != null) {
      write(told);
    } else if (!now.isGood()) {
      log.debug("left out: {}", now.line());
    }
  }

  private void catchUp() {
    @Nullable Told told;
    lock.lock();
    try {
      var now = current;
      told = now == null ? null : ifDue(now, nanoTime.getAsLong());
    } finally {
      lock.unlock();
    }
    if (told != null) {
      write(told);
    }
  }

  /** Needs the lock. */
  private @Nullable Told decide(State now, long nowNanos) {
    var before = current;
    boolean isSame = before != null && before.name().equals(now.name());
    current = now;
    if (!isSame) {
      if (isNews(now, nowNanos) && news.take(nowNanos)) {
        return tell(now, nowNanos);
      }
      if (!isBehind && changes.take(nowNanos)) {
        return tell(now, nowNanos);
      }
    }
    var told = ifDue(now, nowNanos);
    if (told != null) {
      return told;
    }
    if (!isSame || !now.isGood()) {
      leftOut.merge(now.name(), 1L, Long::sum);
    }
    if (!isSame && !isBehind) {
      isBehind = true;
      dueNanos = nowNanos + limit.interval().toNanos();
    }
    return null;
  }

  /** Needs the lock. */
  private @Nullable Told ifDue(State now, long nowNanos) {
    return isBehind && nowNanos - dueNanos >= 0 && changes.take(nowNanos)
        ? tell(now, nowNanos)
        : null;
  }

  /** Needs the lock. */
  private boolean isNews(State now, long nowNanos) {
    Long told = toldNanos.get(now.name());
    return told == null || nowNanos - told >= NEWS_AFTER.toNanos();
  }

  /** Needs the lock. */
  private Told tell(State now, long nowNanos) {
    String line = leftOut.isEmpty() ? now.line() : now.line() + " notLogged=" + counts();
    leftOut.clear();
    toldNanos.put(now.name(), nowNanos);
    isBehind = false;
    return new Told(now, line);
  }

  /** Needs the lock. */
  private String counts() {
    return leftOut.entrySet().stream()
        .map(left -> left.getKey() + ":" + left.getValue())
        .collect(Collectors.joining(","));
  }

  private void write(Told told) {
    if (told.state().isGood()) {
      log.info("{}", told.line());
    } else {
      log.warn("{}", told.line());
    }
  }
}
