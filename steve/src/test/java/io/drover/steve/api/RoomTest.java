package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RoomTest {
  private static final Duration NO_WAIT = Duration.ZERO;

  private final Room room = new Room(3, 2);

  @Test
  void isFullForOneBeforeItIsFullForAll() throws Exception {
    assertThat(room.enter("a", NO_WAIT)).isTrue();
    assertThat(room.enter("a", NO_WAIT)).isTrue();
    assertThat(room.enter("a", NO_WAIT)).isFalse();
    assertThat(room.enter("b", NO_WAIT)).isTrue();
    assertThat(room.enter("c", NO_WAIT)).isFalse();

    room.leave("a");
    assertThat(room.enter("c", NO_WAIT)).isTrue();
  }

  @Test
  void lastsUntilSomebodyLeaves() throws Exception {
    room.enter("a", NO_WAIT);
    room.enter("a", NO_WAIT);
    var entered = new SynchronousQueue<Boolean>();
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                entered.put(room.enter("a", Duration.ofMinutes(1)));
              } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
              }
            });

    room.leave("a");
    assertThat(entered.take()).isTrue();
  }
}
