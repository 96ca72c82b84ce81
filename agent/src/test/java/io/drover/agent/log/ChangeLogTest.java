package io.drover.agent.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.log.ChangeLog.Limit;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Objects;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.slf4j.LoggerFactory;

class ChangeLogTest {
  private static final Limit LIMIT = new Limit(2, Duration.ofMinutes(8));
  private static final Duration HOUR = Duration.ofHours(1);

  @RegisterExtension private final Logged log = new Logged(ChangeLogTest.class);

  private long nanos = -5;
  private final Queue<Runnable> later = new ArrayDeque<>();
  private final ChangeLog changes = changes(LIMIT);

  private ChangeLog changes(Limit limit) {
    return new ChangeLog(
        LoggerFactory.getLogger(ChangeLogTest.class),
        limit,
        () -> nanos,
        (delay, task) -> {
          assertThat(delay).isEqualTo(limit.interval());
          later.add(task);
        });
  }

  private void pass(Duration time) {
    nanos += time.toNanos();
  }

  /** One that comes and goes. */
  private void flap() {
    changes.good("up", "it is up");
    changes.bad("Cut", "it is cut");
  }

  private int lines() {
    return log.at(Level.INFO).size() + log.at(Level.WARN).size();
  }

  @Test
  void aChangeIsToldOnceWhateverItsWords() {
    changes.bad("Cut", "cut at 1");
    changes.bad("Cut", "cut at 2");
    changes.bad("Refused", "refused");
    changes.good("up", "up");
    changes.good("up", "up");

    assertThat(log.at(Level.WARN)).containsExactly("cut at 1", "refused notLogged=Cut:1");
    assertThat(log.at(Level.INFO)).containsExactly("up");
  }

  @Test
  void whatIsLeftOutIsCountedAndTheLastOfItToldLater() {
    for (int i = 0; i < 10; i++) {
      flap();
    }
    assertThat(lines()).as("two of news, two of changes").isEqualTo(4);
    assertThat(later).hasSize(1);

    pass(LIMIT.interval());
    Objects.requireNonNull(later.poll()).run();

    assertThat(log.at(Level.WARN)).last().isEqualTo("it is cut notLogged=Cut:8,up:8");
    assertThat(later).isEmpty();
  }

  @Test
  void anotherReasonIsToldAtOnceAmongManyOld() {
    for (int i = 0; i < 100; i++) {
      flap();
      pass(Duration.ofSeconds(30));
    }

    changes.bad("Expired", "expired");

    assertThat(log.at(Level.WARN)).last().asString().startsWith("expired notLogged=");
  }

  @Test
  void aThousandReasonsAreNoMoreThanTheLimit() {
    for (int i = 0; i < 1_000; i++) {
      changes.bad("Reason" + i, "reason " + i);
    }
    assertThat(lines()).isEqualTo(2 * LIMIT.burst());
  }

  @Test
  void anHourOfChangesIsNoMoreThanTheLimit() {
    var tunnel = changes(Limit.TUNNEL);
    for (int second = 0; second < HOUR.toSeconds(); second++) {
      tunnel.good("up", "up");
      tunnel.bad("Reason" + second % 7, "down");
      pass(Duration.ofSeconds(1));
      while (second % 60 == 0 && !later.isEmpty()) {
        later.remove().run();
      }
    }
    assertThat(lines()).isBetween(15, 25);
  }

  @Test
  void aLoopTellsNothingAsLongAsAllIsWell() {
    var loop = ChangeLog.ofLoop(LoggerFactory.getLogger(ChangeLogTest.class), () -> nanos);
    loop.works("works again");
    loop.works("works again");
    assertThat(lines()).isZero();

    loop.bad("Cut", "cut");
    loop.works("works again");

    assertThat(log.at(Level.WARN)).containsExactly("cut");
    assertThat(log.at(Level.INFO)).containsExactly("works again");
  }

  @Test
  void aLoopCatchesUpByItself() {
    var loop = ChangeLog.ofLoop(LoggerFactory.getLogger(ChangeLogTest.class), () -> nanos);
    for (int i = 0; i < 10; i++) {
      loop.bad("Cut", "cut");
      loop.works("works again");
    }
    assertThat(lines()).isEqualTo(2 * Limit.FEATURE.burst());

    pass(Limit.FEATURE.interval());
    loop.works("works again");

    assertThat(log.at(Level.INFO)).last().isEqualTo("works again notLogged=Cut:8,works:8");
  }
}
