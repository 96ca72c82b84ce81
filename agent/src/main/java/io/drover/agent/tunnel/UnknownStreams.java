package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Which data for unknown streams deserves an answer. The Go ends answer every message, so that
 * 20,000 stray messages cost 20,000 answers. Used by the reader thread.
 */
final class UnknownStreams {
  /** One stream is told this often that it is not known. */
  static final Duration AGAIN_AFTER = Duration.ofSeconds(1);

  /** All streams together are told this often a second. */
  static final int ANSWERS_A_SECOND = 100;

  /** Streams remembered. */
  private static final int REMEMBERED = 512;

  private final Map<Long, Long> answeredAtNanos =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Long> eldest) {
          return size() > REMEMBERED;
        }
      };
  private long secondStartNanos;
  private int answersThisSecond;

  /** Whether to answer now; if so, it counts as done. */
  boolean answers(long streamId, long nowNanos) {
    var last = answeredAtNanos.get(streamId);
    if (last != null && nowNanos - last < AGAIN_AFTER.toNanos()) {
      return false;
    }
    if (answersThisSecond == 0 || nowNanos - secondStartNanos >= AGAIN_AFTER.toNanos()) {
      secondStartNanos = nowNanos;
      answersThisSecond = 0;
    }
    if (answersThisSecond >= ANSWERS_A_SECOND) {
      return false;
    }
    answersThisSecond++;
    answeredAtNanos.put(streamId, nowNanos);
    return true;
  }
}
