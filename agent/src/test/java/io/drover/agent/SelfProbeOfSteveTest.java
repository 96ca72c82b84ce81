package io.drover.agent;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.steve.SteveServer;
import io.drover.agent.tunnel.SelfProbe;
import java.time.Duration;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SelfProbeOfSteveTest {
  private final LinkedBlockingQueue<Duration> naps = new LinkedBlockingQueue<>();
  private final SynchronousQueue<Boolean> over = new SynchronousQueue<>();

  private void sleep(Duration duration) throws InterruptedException {
    naps.add(duration);
    over.take();
  }

  private void probed() throws InterruptedException {
    over.put(true);
    naps.take();
  }

  @Test
  void whatAnswersBehindTheTunnelAnswersUntilItIsGone() throws Exception {
    var steve = SteveServer.start();
    try (var probe = SelfProbe.start(Tunnels.dialerTo(steve), this::sleep)) {
      naps.take();
      probed();
      assertThat(probe.problem()).isEmpty();

      steve.close();
      probed();
      assertThat(probe.problem()).map(Problem::reason).hasValue(Reason.PING_UNANSWERED);
      assertThat(probe.isFatal()).isFalse();
      probed();
      probed();
      assertThat(probe.isFatal()).isTrue();
    } finally {
      steve.close();
    }
  }
}
