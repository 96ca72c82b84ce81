package io.drover.server.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which of a cluster's sessions is used: Rancher takes the oldest, we do not. */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // start() sets everything
class SessionsTest {
  /** A session is healthy for half a second after each frame. */
  private static final Timing SHORT_OF_BREATH =
      new Timing(
          Duration.ofMillis(500),
          TunnelHarness.FAST.silence(),
          TunnelHarness.FAST.stall(),
          TunnelHarness.FAST.syncGrace(),
          TunnelHarness.FAST.firstProbe(),
          TunnelHarness.FAST.lastProbe(),
          TunnelHarness.FAST.linger());

  private TunnelHarness harness;

  @BeforeEach
  void start() throws Exception {
    harness = TunnelHarness.start(SHORT_OF_BREATH);
  }

  @AfterEach
  void stop() {
    harness.close();
  }

  /** Waits until that session is the one that is used, while that agent shows life. */
  private void awaitUse(ServerSession session, RawAgent alive)
      throws IOException, InterruptedException {
    while (harness.session() != session) {
      alive.frame(RawAgent.PING, true);
      Thread.sleep(20);
    }
  }

  @Test
  void newSessionIsUsedAtOnceAlthoughTheOldOneIsHealthy() throws Exception {
    try (var old = harness.connect()) {
      old.frame(RawAgent.PING, true);
      var first = harness.session();
      try (var _ = harness.connect()) {
        assertThat(harness.session()).isNotSameAs(first);
        assertThat(first.isEnded()).isFalse();
      }
    }
  }

  @Test
  void sessionThatHasGoneSilentDoesNotHideANewOne() throws Exception {
    try (var _ = harness.connect()) {
      var silent = harness.session();
      while (silent.isHealthy()) {
        Thread.sleep(20);
      }
      assertThat(harness.session()).isSameAs(silent); // better than none

      try (var _ = harness.connect()) {
        assertThat(harness.session()).isNotSameAs(silent);
        assertThat(silent.isEnded()).isFalse();
      }
    }
  }

  @Test
  void newestThatIsSilentStandsBackUntilItShowsLife() throws Exception {
    try (var old = harness.connect()) {
      var first = harness.session();
      try (var next = harness.connect()) {
        var second = harness.session();

        awaitUse(first, old);
        awaitUse(second, next);
      }
    }
  }

  @Test
  void olderSessionIsUsedAgainWhenTheNewestIsOver() throws Exception {
    try (var _ = harness.connect()) {
      var first = harness.session();
      try (var _ = harness.connect()) {
        assertThat(harness.session()).isNotSameAs(first);
      }
      harness.awaitChange();

      assertThat(harness.session()).isSameAs(first);
    }
  }
}
