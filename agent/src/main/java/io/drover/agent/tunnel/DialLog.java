package io.drover.agent.tunnel;

import io.drover.agent.retry.Allowance;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One line in the log for each dial, under the logger {@code io.drover.audit}: who was dialled,
 * whether and by which rule that is allowed, and how it ended. Never what was carried.
 *
 * <p>A server that dials without end must not fill a node's disk. So the lines have a limit, and
 * those that are left out are counted and the count is logged.
 */
public final class DialLog implements DialAudit {
  /** Lines that may come at once. A Rancher that connects dials 34 times in its first 40 s. */
  static final int BURST = 1_000;

  /** After the burst there is one line in so long: 2.5 KB a second, and at most 6. */
  static final Duration LINE_EVERY = Duration.ofMillis(100);

  /** So long after the first line that is left out, the log says how many there were. */
  static final Duration COUNT_EVERY = Duration.ofSeconds(10);

  private static final Logger log = LoggerFactory.getLogger("io.drover.audit");

  private final String tunnel;
  private final Timer timer;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private final Allowance allowance;
  private long leftOut;

  /**
   * Makes one.
   *
   * @param tunnel its name, for the lines
   */
  public DialLog(String tunnel, Timer timer) {
    this.tunnel = tunnel;
    this.timer = timer;
    this.allowance = new Allowance(BURST, LINE_EVERY, timer.nanoTime());
  }

  @Override
  public void dialOver(Dialled dial) {
    boolean isLogged;
    boolean isFirstLeftOut;
    lock.lock();
    try {
      isLogged = allowance.take(timer.nanoTime());
      isFirstLeftOut = !isLogged && leftOut == 0;
      if (!isLogged) {
        leftOut++;
      }
    } finally {
      lock.unlock();
    }
    if (isFirstLeftOut) {
      timer.after(COUNT_EVERY, this::count);
    }
    if (isLogged) {
      log.info(
          "dial over: tunnel={} stream={} network={} address={} verdict={} rule={} sentBytes={}"
              + " receivedBytes={} millis={} endedBy={} reason={}",
          tunnel,
          dial.streamId(),
          word(dial.network()),
          word(dial.address()),
          dial.rule().isPresent() ? "allowed" : "refused",
          dial.rule().orElse("none"),
          dial.sentBytes(),
          dial.receivedBytes(),
          dial.duration().toMillis(),
          dial.ender().name().toLowerCase(Locale.ROOT),
          WireTrace.printable(dial.reason()));
    }
  }

  private void count() {
    long count;
    lock.lock();
    try {
      count = leftOut;
      leftOut = 0;
    } finally {
      lock.unlock();
    }
    log.warn("dials not logged, since there are too many: tunnel={} dials={}", tunnel, count);
  }

  /** The server's text, as one word: it must not be able to write a field of its own. */
  private static String word(String text) {
    return text.replaceAll("[^\\x21-\\x7e]", "?");
  }
}
