package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SendWindowTest {
  private final SendWindow window = new SendWindow();
  private final ArrayBlockingQueue<String> outcome = new ArrayBlockingQueue<>(1);

  private void acquireElsewhere(int bytes) {
    Thread.ofVirtual()
        .start(
            () -> {
              try {
                window.acquire(bytes);
                outcome.add("acquired");
              } catch (IOException | InterruptedException e) {
                outcome.add(String.valueOf(e.getMessage()));
              }
            });
  }

  @Test
  void waitsWhenItIsFull() throws Exception {
    window.acquire(SendWindow.SIZE_BYTES);
    acquireElsewhere(1);
    assertThat(outcome).isEmpty();

    window.release(1);

    assertThat(outcome.poll(10, TimeUnit.SECONDS)).isEqualTo("acquired");
    assertThat(window.usedBytes()).isEqualTo(SendWindow.SIZE_BYTES);
  }

  @Test
  void takesAFrameThatIsLargerThanItselfAlone() throws Exception {
    window.acquire(10 * SendWindow.SIZE_BYTES);
    acquireElsewhere(1);

    window.release(10 * SendWindow.SIZE_BYTES);

    assertThat(outcome.poll(10, TimeUnit.SECONDS)).isEqualTo("acquired");
  }

  @Test
  void isNeverOwedMoreThanWasAsked() throws Exception {
    window.release(1_000); // the handshake
    window.acquire(10);

    assertThat(window.usedBytes()).isEqualTo(10);
  }

  @Test
  void closingWakesWhoeverWaits() throws Exception {
    window.acquire(SendWindow.SIZE_BYTES);
    acquireElsewhere(1);

    window.close();

    assertThat(outcome.poll(10, TimeUnit.SECONDS)).isEqualTo("websocket closed");
    assertThatThrownBy(() -> window.acquire(1)).isInstanceOf(IOException.class);
  }
}
