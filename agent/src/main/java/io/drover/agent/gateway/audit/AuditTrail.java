package io.drover.agent.gateway.audit;

import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Backoff;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way from the queue to where events go. What a sink does not take is tried again until it does
 * or the agent ends; meanwhile the queue fills up. Any thread.
 */
final class AuditTrail implements AutoCloseable {
  /** Events that are written together. Source: kube-apiserver's webhook backend. */
  static final int BATCH_EVENTS = 400;

  /** The same in bytes. */
  static final long BATCH_BYTES = 1024L * 1024;

  private static final Logger log = LoggerFactory.getLogger(AuditTrail.class);

  private final AuditQueue queue;
  private final Sink sink;
  private final RandomGenerator random;
  private final ChangeLog changes = ChangeLog.ofLoop(log, System::nanoTime);
  private final Duration closeLimit;
  private final AtomicLong written = new AtomicLong();
  private volatile @Nullable Problem problem;
  private @Nullable Thread thread;

  // Of its thread.
  private Backoff backoff;
  private long lostBefore;

  private AuditTrail(AuditQueue queue, Sink sink, RandomGenerator random, Duration closeLimit) {
    this.queue = queue;
    this.sink = sink;
    this.random = random;
    this.closeLimit = closeLimit;
    this.backoff = new Backoff(random);
  }

  static AuditTrail start(AuditQueue queue, Sink sink, RandomGenerator random) {
    return start(queue, sink, random, Recorder.CLOSE_LIMIT);
  }

  /** Writes until it is closed. */
  static AuditTrail start(
      AuditQueue queue, Sink sink, RandomGenerator random, Duration closeLimit) {
    var trail = new AuditTrail(queue, sink, random, closeLimit);
    trail.thread = Thread.ofVirtual().name("gateway-audit").start(trail::run);
    log.info("requests are recorded: to={}", sink.name());
    return trail;
  }

  private void run() {
    try (sink) {
      drain();
    }
  }

  private void drain() {
    try {
      for (var batch = next(); !batch.isEmpty(); batch = next()) {
        write(batch);
      }
    } catch (InterruptedException _) {
      log.warn("the last events are not written: to={}", sink.name());
    }
  }

  private List<byte[]> next() throws InterruptedException {
    return queue.take(BATCH_EVENTS, BATCH_BYTES, sink.linger());
  }

  private void write(List<byte[]> batch) throws InterruptedException {
    var left = batch;
    while (!left.isEmpty()) {
      try {
        int count = sink.write(left);
        left = left.subList(count, left.size());
        written.addAndGet(count);
        backoff = new Backoff(random);
        works();
      } catch (Sink.NotTakenException e) {
        queue.lost(left.size());
        trouble(Problem.of(e));
        return;
      } catch (IOException e) {
        trouble(Problem.of(e));
        if (queue.isClosed()) {
          queue.lost(left.size());
          return;
        }
        queue.pause(backoff.next(e));
      }
    }
  }

  private void works() {
    long lost = queue.lost();
    if (lost > lostBefore) {
      trouble(
          new Problem(
              Reason.AUDIT_NOT_WRITTEN,
              "%s: events were lost, %d since the agent began".formatted(sink.name(), lost)));
      lostBefore = lost;
    } else {
      problem = null;
      changes.works("requests are recorded again: to=%s lost=%d".formatted(sink.name(), lost));
    }
  }

  private void trouble(Problem now) {
    problem = now;
    changes.bad(now.reason().code(), "requests are not recorded: reason=" + now.text());
  }

  Optional<Problem> problem() {
    return Optional.ofNullable(problem);
  }

  long written() {
    return written.get();
  }

  String to() {
    return sink.name();
  }

  /** Waits for what is in the queue, for a limited time. */
  @Override
  public void close() {
    queue.close();
    var writer = thread;
    if (writer == null) {
      return;
    }
    try {
      if (!writer.join(closeLimit)) {
        writer.interrupt();
      }
    } catch (InterruptedException _) {
      writer.interrupt();
      Thread.currentThread().interrupt();
    }
  }
}
