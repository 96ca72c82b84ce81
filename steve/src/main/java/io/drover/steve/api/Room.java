package io.drover.steve.api;

import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * How many requests are answered at one time: so many, and of one user not so many that he alone
 * could keep all others waiting, by bodies that do not come or answers that he does not read. Any
 * thread.
 */
final class Room {
  private final int places;
  private final int placesOfOne;
  private final ReentrantLock lock = new ReentrantLock(true);
  private final Condition left = lock.newCondition();

  // Guarded by lock. Users without a request are not in it.
  private final Map<String, Integer> byUser = new HashMap<>();
  private int taken;

  /** An empty one. */
  Room(int places, int placesOfOne) {
    this.places = places;
    this.placesOfOne = placesOfOne;
  }

  /** Waits for a place; false if there is none in time. */
  boolean enter(String user, Duration limit) throws InterruptedException {
    long nanos = limit.toNanos();
    lock.lockInterruptibly();
    try {
      while (taken == places || byUser.getOrDefault(user, 0) >= placesOfOne) {
        if (nanos <= 0) {
          return false;
        }
        nanos = left.awaitNanos(nanos);
      }
      taken++;
      byUser.merge(user, 1, Integer::sum);
      return true;
    } finally {
      lock.unlock();
    }
  }

  /** Gives a place back. */
  void leave(String user) {
    lock.lock();
    try {
      taken--;
      byUser.computeIfPresent(user, (_, count) -> count == 1 ? null : count - 1);
      left.signalAll();
    } finally {
      lock.unlock();
    }
  }
}
