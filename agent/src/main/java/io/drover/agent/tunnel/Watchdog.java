package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sees to it that the threads on which all else depends go on: those that read and write a tunnel,
 * and the timer's. None of them ever waits for anything of ours, so one that is at one and the same
 * piece of work for {@link #STALL_LIMIT} stands still, by a fault of ours or because what it writes
 * its log to takes nothing. A silent server is not meant: waiting for it is no work.
 *
 * <p>A reader or writer that stands still loses its connection at once, so that the server need not
 * find out by itself; if it is the timer, all connections are closed. As long as a thread stands
 * still {@link #stalled} names it, and the agent does not count as alive.
 */
public final class Watchdog implements AutoCloseable {
  /** A piece of work takes microseconds. */
  static final Duration STALL_LIMIT = Duration.ofSeconds(3);

  static final Duration LOOK_EVERY = Duration.ofSeconds(1);

  /** If a look comes so late, the whole process stood still, which is nobody's fault here. */
  static final Duration LATE = Duration.ofSeconds(2);

  /** Not at work. */
  private static final long IDLE = Long.MIN_VALUE;

  private static final int STACK_LINES = 8;

  private static final Logger log = LoggerFactory.getLogger(Watchdog.class);

  /** One thread's work, as it says itself. */
  final class Work {
    private final Runnable close;
    private final Runnable atStall;
    private final AtomicBoolean told = new AtomicBoolean();
    private volatile long sinceNanos = IDLE;
    private volatile @Nullable Thread thread;

    private Work(Runnable close, Runnable atStall) {
      this.close = close;
      this.atStall = atStall;
    }

    /** The calling thread is the one. */
    void start() {
      thread = Thread.currentThread();
      works.add(this);
      begin();
    }

    /** It begins a piece of work, or the next one. */
    void begin() {
      sinceNanos = clock.getAsLong();
    }

    /** It has nothing to do, or waits for somebody outside. */
    void pause() {
      sinceNanos = IDLE;
    }

    /** It will never work again. */
    void end() {
      works.remove(this);
    }

    private boolean standsStill(long nowNanos) {
      long since = sinceNanos;
      return since != IDLE && nowNanos - Math.max(since, excusedNanos) >= STALL_LIMIT.toNanos();
    }

    private void look(long nowNanos) {
      if (!standsStill(nowNanos)) {
        told.set(false);
      } else if (told.compareAndSet(false, true)) {
        atStall.run();
        // The log may be what everybody waits for.
        Thread.ofVirtual().name("watchdog-log").start(this::tell);
      }
    }

    private String name() {
      var working = thread;
      return working == null ? "" : working.getName();
    }

    private void tell() {
      var working = thread;
      var at = working == null ? List.of() : List.of(working.getStackTrace());
      log.error(
          "thread stands still: thread={} limit={} at={}",
          name(),
          STALL_LIMIT,
          at.subList(0, Math.min(STACK_LINES, at.size())));
    }
  }

  private final LongSupplier clock;
  private final Set<Work> works = ConcurrentHashMap.newKeySet();
  private volatile long lookedNanos;
  private volatile long excusedNanos;
  private volatile @Nullable Thread thread;

  /**
   * Makes one that does not look yet.
   *
   * @param clock in nanoseconds; as {@link System#nanoTime}
   */
  public Watchdog(LongSupplier clock) {
    this.clock = clock;
    this.lookedNanos = clock.getAsLong();
    this.excusedNanos = lookedNanos;
  }

  /** Begins to look, in a thread of its own. */
  public Watchdog start() {
    var looking = Thread.ofPlatform().daemon().name("watchdog").unstarted(this::run);
    thread = looking;
    looking.start();
    return this;
  }

  /**
   * What a thread is to say of its work, once it has started.
   *
   * @param close of its connection: called once each time when the thread stands still, and also if
   *     the timer does; must not wait
   */
  Work work(Runnable close) {
    return new Work(close, close);
  }

  /** The same for the timer, without which nobody sees whether a server is still there. */
  Work timerWork() {
    return new Work(() -> {}, () -> works.forEach(work -> work.close.run()));
  }

  /** The threads that stand still now. Any thread may ask; nothing waits here. */
  public List<String> stalled() {
    long now = clock.getAsLong();
    return works.stream().filter(work -> work.standsStill(now)).map(Work::name).sorted().toList();
  }

  /** One look at all of them. */
  void look() {
    long now = clock.getAsLong();
    if (now - lookedNanos >= LATE.toNanos()) {
      excusedNanos = now;
    }
    lookedNanos = now;
    works.forEach(work -> work.look(now));
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(LOOK_EVERY);
        look();
      }
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  @Override
  public void close() {
    var looking = thread;
    if (looking != null) {
      looking.interrupt();
    }
  }
}
