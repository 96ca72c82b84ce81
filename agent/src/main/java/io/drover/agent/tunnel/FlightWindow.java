package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.ArrayDeque;

/**
 * How much data may be on its way to the server at one time.
 *
 * <p>A server that reads more slowly than we write lets megabytes gather in the kernels between us,
 * and everything said later, however small and urgent, waits behind them. So pings go along with
 * the data, and the pongs tell how fast it arrives and how long the way is when it is empty. A
 * quarter more than fits on the way, and {@link #QUEUE} worth of it, is let go; the rest waits in
 * the {@link Outbox}, where it can be overtaken. The reckoning is that of BBR: the highest rate
 * seen lately times the shortest round trip seen lately, which is measured again now and then with
 * the way nearly empty.
 *
 * <p>Guarded by the outbox's lock.
 */
final class FlightWindow {
  /** The window before anything was measured, in bytes. */
  static final int FIRST_BYTES = 1024 * 1024;

  /** The smallest window, in bytes. */
  static final int MIN_BYTES = 256 * 1024;

  /** The largest window, in bytes: 160 MB/s at 100 ms. */
  static final int MAX_BYTES = 16 * 1024 * 1024;

  /** The window while the empty way is measured, and the least between two pings, in bytes. */
  static final int MEASURING_BYTES = 64 * 1024;

  /**
   * So many pings are on their way when a large window is used up. What arrived behind the last of
   * them is not known yet, so each keeps a part of the window out of use.
   */
  static final int MARKS = 8;

  /** How long data may wait on the way, beyond the time of the way itself. */
  static final Duration QUEUE = Duration.ofMillis(2);

  /** What is let go beyond what fits on the way, so that a higher rate can be found. */
  private static final double GAIN = 1.25;

  /** The way is measured by the shortest of so many round trips. */
  static final int MEASURED_ROUND_TRIPS = 4;

  /**
   * The shortest round trip is believed for so long. A way seldom changes while its connection
   * lives; a server that is busy makes it look longer at any time.
   */
  static final Duration ROUND_TRIP_VALID = Duration.ofSeconds(60);

  /**
   * The rate is reckoned over at least so long. A server reads in bursts, as it gets its turns on
   * the CPU; a shorter look may see nothing but one of them.
   */
  static final Duration RATE_INTERVAL = Duration.ofMillis(100);

  /** The highest rate is believed for one to two of these. */
  static final Duration RATE_VALID = Duration.ofSeconds(1);

  private static final double SECOND_NANOS = 1e9;

  /** A ping, and what had been sent when it left. */
  private record Mark(long ping, long sentBytes, long nanos, boolean measuring) {}

  private final ArrayDeque<Mark> marks = new ArrayDeque<>();
  private long sentBytes;
  private long ackedBytes;
  private long markedBytes;
  private long windowBytes = FIRST_BYTES;

  private long roundTripNanos = Long.MAX_VALUE;
  private long roundTripAtNanos;
  private boolean measuring;
  private long measuredNanos;
  private int measurements;

  // In bytes a second: the highest of the running period and of the one before.
  private double rate;
  private double previousRate;
  private long rateStartNanos;
  private boolean full;

  // What the rate is reckoned from, while data is on its way without a break.
  private boolean counting;
  private long countedFromNanos;
  private long countedFromBytes;

  /** Whether more data may go. */
  boolean hasRoom() {
    return bytesOnTheirWay() < (measuring ? MEASURING_BYTES : windowBytes);
  }

  /** Data goes; returns whether a ping has to go along. */
  boolean onData(int bytes) {
    sentBytes += bytes;
    full |= !hasRoom();
    boolean measured = roundTripNanos < Long.MAX_VALUE && !measuring;
    long mark = measured ? Math.max(windowBytes / MARKS, MEASURING_BYTES) : MEASURING_BYTES;
    return !hasRoom() || sentBytes - markedBytes >= mark;
  }

  /** A ping leaves, behind all data so far. */
  void onPing(long ping, long nowNanos) {
    markedBytes = sentBytes;
    boolean nearlyEmpty = bytesOnTheirWay() <= 2 * MEASURING_BYTES;
    marks.add(new Mark(ping, sentBytes, nowNanos, measuring && nearlyEmpty));
  }

  /** The pong for this ping, and so for all before it, has come. */
  void onPong(long ping, long nowNanos) {
    while (!marks.isEmpty() && marks.element().ping() <= ping) {
      arrived(marks.remove(), nowNanos);
    }
  }

  /**
   * Whether a ping has to go although no data can: the window has shrunk below what went since the
   * last one, and no pong on its way would make room.
   */
  boolean isStuck() {
    return !hasRoom() && sentBytes > markedBytes;
  }

  /** For how long the oldest ping without its pong has been on its way; zero if all have come. */
  Duration oldestPing(long nowNanos) {
    var oldest = marks.peek();
    return Duration.ofNanos(oldest == null ? 0 : nowNanos - oldest.nanos());
  }

  /** Data of which no pong has said that it arrived, in bytes. */
  long bytesOnTheirWay() {
    return sentBytes - ackedBytes;
  }

  /** The shortest round trip that is believed now, or zero if none was measured. */
  Duration roundTrip() {
    return Duration.ofNanos(roundTripNanos == Long.MAX_VALUE ? 0 : roundTripNanos);
  }

  /** The window now, in bytes. */
  long windowBytes() {
    return windowBytes;
  }

  private void arrived(Mark mark, long nowNanos) {
    long nanos = Math.max(1, nowNanos - mark.nanos());
    ackedBytes = mark.sentBytes();
    measureRoundTrip(mark, nanos, nowNanos);
    measureRate(nowNanos);
    double highest = Math.max(rate, previousRate);
    if (highest > 0) {
      double way = highest * roundTripNanos / SECOND_NANOS;
      double queue = highest * QUEUE.toNanos() / SECOND_NANOS;
      windowBytes = Math.clamp((long) (GAIN * way + queue), MIN_BYTES, MAX_BYTES);
    }
  }

  private void measureRoundTrip(Mark mark, long nanos, long nowNanos) {
    if (nanos <= roundTripNanos) {
      believe(nanos, nowNanos);
    } else if (measuring && mark.measuring()) {
      measuredNanos = measurements == 0 ? nanos : Math.min(measuredNanos, nanos);
      measurements++;
      if (measurements == MEASURED_ROUND_TRIPS) {
        believe(measuredNanos, nowNanos);
      }
    } else if (nowNanos - roundTripAtNanos > ROUND_TRIP_VALID.toNanos()) {
      // From the next ping on: what is on its way now would be measured with it.
      measuring = true;
    }
  }

  private void believe(long nanos, long nowNanos) {
    roundTripNanos = nanos;
    roundTripAtNanos = nowNanos;
    measuring = false;
    measurements = 0;
  }

  private void countFrom(long nowNanos) {
    countedFromNanos = nowNanos;
    countedFromBytes = ackedBytes;
  }

  private void measureRate(long nowNanos) {
    boolean counted = counting;
    counting = ackedBytes < sentBytes;
    if (!counted) {
      countFrom(nowNanos);
      return;
    }
    long nanos = nowNanos - countedFromNanos;
    if (nanos < RATE_INTERVAL.toNanos()) {
      return;
    }
    double sample = (ackedBytes - countedFromBytes) * SECOND_NANOS / nanos;
    countFrom(nowNanos);
    rate = Math.max(rate, sample);
    // A stream that has little to say says nothing about the way: it must not shrink the window.
    if (full && nowNanos - rateStartNanos > RATE_VALID.toNanos()) {
      previousRate = rate;
      rate = sample;
      rateStartNanos = nowNanos;
      full = false;
    }
  }
}
