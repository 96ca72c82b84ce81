package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayDeque;
import org.junit.jupiter.api.Test;

class FlightWindowTest {
  private static final int CHUNK_BYTES = 32 * 1024;
  private static final long MIB = 1024 * 1024;
  private static final long NO_BURSTS = 1;

  private final FlightWindow window = new FlightWindow();

  /** A way to a server that takes data at a rate, in turns on its CPU; time is reckoned. */
  private final class Way {
    private record Pong(long ping, long nanos) {}

    private final long bytesPerSecond;
    private final long turnNanos;
    private final ArrayDeque<Pong> pongs = new ArrayDeque<>();
    private long roundTripNanos;
    private long nowNanos = 1;
    private long servedNanos;
    private long pings;
    private long arrivedBytes;

    Way(long bytesPerSecond, Duration roundTrip, long turnNanos) {
      this.bytesPerSecond = bytesPerSecond;
      this.roundTripNanos = roundTrip.toNanos();
      this.turnNanos = turnNanos;
    }

    /**
     * As much as the window lets go, for so long. Returns the widest window meanwhile, in bytes.
     */
    long flood(Duration time) {
      long widest = 0;
      for (long end = nowNanos + time.toNanos(); nowNanos < end; ) {
        while (window.hasRoom()) {
          say(CHUNK_BYTES);
        }
        nextPong();
        widest = Math.max(widest, window.windowBytes());
      }
      return widest;
    }

    void say(int bytes) {
      boolean mark = window.onData(bytes);
      arrivedBytes += bytes;
      servedNanos =
          Math.max(servedNanos, nowNanos + roundTripNanos / 2)
              + bytes * 1_000_000_000L / bytesPerSecond;
      if (mark) {
        ping();
      }
    }

    void ping() {
      window.onPing(++pings, nowNanos);
      // The server works in turns: what it read in one is answered at its end.
      long inTurn = (Math.max(servedNanos, nowNanos) / turnNanos + 1) * turnNanos;
      pongs.add(new Pong(pings, inTurn + roundTripNanos / 2));
    }

    void nextPong() {
      var pong = pongs.remove();
      nowNanos = Math.max(nowNanos, pong.nanos());
      window.onPong(pong.ping(), nowNanos);
    }

    void quiet(Duration time) {
      while (!pongs.isEmpty()) {
        nextPong();
      }
      nowNanos += time.toNanos();
    }
  }

  @Test
  void letsSomeGoBeforeAnythingIsKnown() {
    long sent = 0;
    while (window.hasRoom()) {
      window.onData(CHUNK_BYTES);
      sent += CHUNK_BYTES;
    }

    assertThat(sent).isEqualTo(FlightWindow.FIRST_BYTES);
    assertThat(window.roundTrip()).isZero();
  }

  @Test
  void aPingGoesAlongEverySoOftenAndWithTheLastThatFits() {
    window.onPing(1, 1);
    window.onPong(1, 1_000);
    assertThat(window.onData(FlightWindow.FIRST_BYTES / FlightWindow.MARKS - 1)).isFalse();
    assertThat(window.onData(1)).isTrue();
    window.onPing(2, 1_000);
    assertThat(window.onData(1)).isFalse();

    assertThat(window.onData(FlightWindow.FIRST_BYTES)).isTrue();
    assertThat(window.hasRoom()).isFalse();

    window.onPing(3, 1_000);
    window.onPong(3, 1_000_000);
    assertThat(window.hasRoom()).isTrue();
  }

  @Test
  void pingsComeMoreOftenUntilTheWayIsKnown() {
    assertThat(window.onData(FlightWindow.MEASURING_BYTES)).isTrue();
  }

  @Test
  void aNearServerGetsASmallWindow() {
    var near = new Way(100 * MIB, Duration.ofNanos(300_000), NO_BURSTS);

    near.flood(Duration.ofSeconds(2));

    assertThat(window.windowBytes()).isBetween((long) FlightWindow.MIN_BYTES, MIB * 3 / 8);
    assertThat(window.roundTrip()).isLessThan(Duration.ofMillis(1));
  }

  @Test
  void aFarServerGetsAllItTakes() {
    var far = new Way(50 * MIB, Duration.ofMillis(100), NO_BURSTS);

    far.flood(Duration.ofSeconds(5));
    long before = far.arrivedBytes;
    far.flood(Duration.ofSeconds(5));

    assertThat((far.arrivedBytes - before) / 5).isGreaterThan(45 * MIB);
    assertThat(window.windowBytes()).isBetween(5 * MIB, 8 * MIB);
  }

  @Test
  void theWindowHasAnEnd() {
    var fast = new Way(4_000 * MIB, Duration.ofMillis(100), NO_BURSTS);

    assertThat(fast.flood(Duration.ofSeconds(10))).isEqualTo(FlightWindow.MAX_BYTES);
  }

  @Test
  void aServerThatReadsInBurstsIsNotTakenForAFasterOne() {
    var bursts = new Way(150 * MIB, Duration.ofNanos(300_000), Duration.ofMillis(8).toNanos());
    bursts.ping(); // as at the start of a session, when it has nothing else to do
    bursts.nowNanos = 300_000;
    window.onPong(1, 300_000);
    bursts.pongs.clear();

    bursts.flood(Duration.ofSeconds(1));

    assertThat(bursts.flood(Duration.ofSeconds(5))).isLessThan(MIB / 2);
  }

  @Test
  void smallTalkDoesNotNarrowTheWindow() {
    var far = new Way(50 * MIB, Duration.ofMillis(100), NO_BURSTS);
    far.flood(Duration.ofSeconds(5));
    long before = window.windowBytes();

    for (int i = 0; i < 50; i++) {
      far.say(100);
      far.ping();
      far.quiet(Duration.ofSeconds(1));
    }

    assertThat(window.windowBytes()).isGreaterThan(before * 9 / 10);
  }

  @Test
  void measuresTheWayAgainWithLittleOnIt() {
    var way = new Way(50 * MIB, Duration.ofMillis(20), NO_BURSTS);
    way.flood(Duration.ofSeconds(5));
    assertThat(window.roundTrip()).isLessThan(Duration.ofMillis(25));

    way.roundTripNanos = Duration.ofMillis(100).toNanos(); // another route
    way.flood(FlightWindow.ROUND_TRIP_VALID.plusSeconds(10));

    assertThat(window.roundTrip()).isBetween(Duration.ofMillis(100), Duration.ofMillis(110));
    long before = way.arrivedBytes;
    way.flood(Duration.ofSeconds(5));
    assertThat((way.arrivedBytes - before) / 5).isGreaterThan(45 * MIB);
  }
}
