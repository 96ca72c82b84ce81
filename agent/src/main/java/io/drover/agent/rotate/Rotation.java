package io.drover.agent.rotate;

import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Allowance;
import io.drover.agent.retry.Backoff;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks whether something new has come: when a file changes, and now and then for all that nobody
 * tells of. What cannot be taken is said, once for each reason, and tried again; what was there
 * before works on. One thread.
 */
public final class Rotation implements AutoCloseable {
  /**
   * Between looks at what nobody tells of, so that it is in use within a minute, with what it takes
   * to tell the server. Each takes 4 KB of the server, and some CPU.
   */
  static final Duration EVERY = Duration.ofSeconds(50);

  /** Looks that changes bring forward: at once, and one more each interval; others wait. */
  static final int BURST = 10;

  static final Duration INTERVAL = Duration.ofSeconds(5);

  /** A look that does not end when it is interrupted is not waited for. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(Rotation.class);

  /** Looks at one thing, and takes what is new. */
  @FunctionalInterface
  public interface Look {
    /**
     * Blocks, within limits.
     *
     * @throws IOException if what is new cannot be taken, or nobody can say whether there is
     *     something new; all is as it was then
     */
    void look() throws IOException, InterruptedException;
  }

  /**
   * Something that rotates.
   *
   * @param name for logs and {@code /readyz}
   */
  public record Part(String name, Look look) {}

  /** A part, and how it went the last time. Of the thread, but for the problem. */
  private static final class Task {
    private final Part part;
    private final RandomGenerator random;
    private Backoff backoff;
    private long dueNanos;
    private final ChangeLog changes;
    private volatile @Nullable Problem problem; // null: the last look went well

    Task(Part part, RandomGenerator random, LongSupplier nanoTime) {
      this.part = part;
      this.random = random;
      this.backoff = new Backoff(random);
      this.changes = ChangeLog.ofLoop(log, nanoTime);
      this.dueNanos = nanoTime.getAsLong() + EVERY.toNanos();
    }

    void look(LongSupplier nanoTime) throws InterruptedException {
      try {
        part.look().look();
        changes.works("new material taken after all: part=" + part.name());
        problem = null;
        backoff = new Backoff(random);
        dueNanos = nanoTime.getAsLong() + EVERY.toNanos();
      } catch (IOException e) {
        failed(Problem.of(e));
        dueNanos = nanoTime.getAsLong() + backoff.next(e).toNanos();
      } catch (RuntimeException e) {
        var bug = new Problem(Reason.OTHER, "a bug: " + e);
        if (!bug.equals(problem)) {
          log.error("a look for new material fails, which is a bug: part={}", part.name(), e);
        }
        problem = bug;
        dueNanos = nanoTime.getAsLong() + Backoff.CAP.toNanos();
      }
    }

    private void failed(Problem now) {
      problem = now;
      changes.bad(
          now.reason().code(),
          "new material not taken: part=%s reason=%s".formatted(part.name(), now.text()));
    }
  }

  private final List<Task> tasks;
  private final Changes changes;
  private final LongSupplier nanoTime;
  private final Thread thread;

  private Rotation(
      List<Part> parts, Changes changes, LongSupplier nanoTime, RandomGenerator random) {
    this.tasks = parts.stream().map(part -> new Task(part, random, nanoTime)).toList();
    this.changes = changes;
    this.nanoTime = nanoTime;
    this.thread = Thread.ofVirtual().name("rotation").unstarted(this::run);
  }

  /**
   * Starts to look, for the first time after {@link #EVERY}.
   *
   * @param parts are looked at in this order
   * @param changes bring every look forward; closed with this
   * @param nanoTime a clock that does not go back
   */
  public static Rotation start(
      List<Part> parts, Changes changes, LongSupplier nanoTime, RandomGenerator random) {
    var rotation = new Rotation(parts, changes, nanoTime, random);
    rotation.thread.start();
    return rotation;
  }

  /** By the part's name, why what is new was not taken. Any thread; never blocks. */
  public SortedMap<String, Problem> problems() {
    var problems = new TreeMap<String, Problem>();
    for (Task task : tasks) {
      var problem = task.problem;
      if (problem != null) {
        problems.put(task.part.name(), problem);
      }
    }
    return problems;
  }

  private void run() {
    var allowance = new Allowance(BURST, INTERVAL, nanoTime.getAsLong());
    try {
      while (true) {
        boolean changed = changes.await(untilDue()) && allowance.take(nanoTime.getAsLong());
        for (Task task : tasks) {
          if (changed || nanoTime.getAsLong() - task.dueNanos >= 0) {
            task.look(nanoTime);
          }
        }
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  private Duration untilDue() {
    long now = nanoTime.getAsLong();
    long leftNanos =
        tasks.stream().mapToLong(task -> task.dueNanos - now).min().orElse(EVERY.toNanos());
    // A millisecond more, so that it is not asked again for a part of one.
    return Duration.ofMillis(Duration.ofNanos(Math.max(0, leftNanos)).toMillis() + 1);
  }

  /** Ends it; what is being taken may be taken or not. */
  @Override
  public void close() {
    thread.interrupt();
    try {
      if (!thread.join(CLOSE_LIMIT)) {
        log.debug("rotation does not end: limit={}", CLOSE_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    changes.close();
  }
}
