package io.drover.agent.rotate;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class SignalTest {
  private static final Duration LONG = Duration.ofSeconds(20);

  private final SynchronousQueue<Boolean> files = new SynchronousQueue<>();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final Changes changes =
      new Changes() {
        @Override
        public boolean await(Duration limit) throws InterruptedException {
          return files.take();
        }

        @Override
        public void close() {
          closed.set(true);
        }
      };

  @Test
  void aFileThatChangesWakesUp() throws Exception {
    try (var signal = Signal.with(changes)) {
      files.put(true);
      assertThat(signal.await(LONG)).isTrue();
      files.put(false);
      assertThat(signal.await(Duration.ZERO)).isFalse();
    }
    assertThat(closed).isTrue();
  }

  @Test
  void whatComesWhileNobodyWaitsIsOneChange() throws Exception {
    try (var signal = Signal.with(changes)) {
      for (int i = 0; i < 100; i++) {
        signal.changed();
      }
      assertThat(signal.await(LONG)).isTrue();
      assertThat(signal.await(Duration.ZERO)).isFalse();
    }
  }
}
