package io.drover.agent.rotate;

import java.time.Duration;

/** Something that may change at any time. */
@FunctionalInterface
public interface Changes extends AutoCloseable {
  /**
   * Waits until something has changed, at most for {@code limit}; changes since the last call
   * count.
   *
   * @return whether something has changed
   */
  boolean await(Duration limit) throws InterruptedException;

  @Override
  default void close() {}

  /** Nobody tells of any. */
  static Changes unknown() {
    return limit -> {
      Thread.sleep(limit);
      return false;
    };
  }
}
