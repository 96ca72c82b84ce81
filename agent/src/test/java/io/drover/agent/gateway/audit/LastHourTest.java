package io.drover.agent.gateway.audit;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.TestClock;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class LastHourTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private final TestClock clock = new TestClock(); // at the start of a minute
  private final LastHour hour = new LastHour(clock);

  private static Reading.Recent recent(long others, Reading.User... users) {
    return new Reading.Recent(List.of(users), others);
  }

  private static Reading.User user(String name, long requests) {
    return new Reading.User(name, requests);
  }

  @Test
  void minutesAreAddedUp() {
    hour.count("a");
    hour.count("b");
    clock.advance(MINUTE);
    hour.count("b");
    hour.count("c");

    assertThat(hour.top(5)).isEqualTo(recent(0, user("b", 2), user("a", 1), user("c", 1)));
    assertThat(hour.top(1)).isEqualTo(recent(2, user("b", 2)));
  }

  @Test
  void whatIsAnHourAgoIsForgotten() {
    hour.count("a");
    clock.advance(Duration.ofMinutes(LastHour.MINUTES).minusMillis(1));
    hour.count("b");
    assertThat(hour.top(5)).isEqualTo(recent(0, user("a", 1), user("b", 1)));

    clock.advance(Duration.ofMillis(1));
    assertThat(hour.top(5)).isEqualTo(recent(0, user("b", 1)));
    hour.count("c"); // takes that minute's place
    assertThat(hour.top(5)).isEqualTo(recent(0, user("b", 1), user("c", 1)));

    clock.advance(Duration.ofDays(3));
    assertThat(hour.top(5)).isEqualTo(recent(0));
  }

  @Test
  void usersBeyondThePlacesOfAMinuteAreOthers() {
    hour.count("much");
    for (int i = 0; i < LastHour.PLACES + 9; i++) {
      hour.count("user-" + i);
    }
    hour.count("much");
    hour.count("user-" + LastHour.PLACES);

    var top = hour.top(LastHour.PLACES + 20);
    assertThat(top.users()).hasSize(LastHour.PLACES).startsWith(user("much", 2));
    assertThat(top.others()).isEqualTo(11);

    clock.advance(MINUTE);
    hour.count("user-" + LastHour.PLACES);
    assertThat(hour.top(LastHour.PLACES + 20).users()).contains(user("user-" + LastHour.PLACES, 1));
  }

  @Test
  void aClockThatGoesBackCountsOn() {
    hour.count("a");
    clock.advance(MINUTE.negated());
    hour.count("b");
    assertThat(hour.top(5)).isEqualTo(recent(0, user("b", 1)));

    clock.advance(MINUTE);
    assertThat(hour.top(5)).isEqualTo(recent(0, user("a", 1), user("b", 1)));
  }

  @Test
  void longNamesAreCut() {
    hour.count("x".repeat(TopUsers.MAX_NAME + 1));

    assertThat(hour.top(1).users().getFirst().name()).hasSize(TopUsers.MAX_NAME + 1).endsWith("…");
  }
}
