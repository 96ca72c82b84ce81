package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.TestClock;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class TunnelEventsTest {
  private final TestClock clock = new TestClock();
  private final FakeWriter writer = new FakeWriter();
  private final Map<String, Optional<Problem>> tunnels = new TreeMap<>();
  private final SortedMap<String, Problem> degraded = new TreeMap<>();
  private final TunnelEvents events =
      new TunnelEvents("pod", () -> tunnels, () -> degraded, writer, clock);

  @Test
  void aChangeIsToldOnce() throws Exception {
    down("cluster", Reason.CONNECT_REFUSED, "10.0.0.1");
    events.pass();
    down("cluster", Reason.CONNECT_REFUSED, "10.0.0.2");
    events.pass();
    assertThat(writer.taken()).containsExactly("event cattle-system/pod ! ConnectRefused");

    down("cluster", Reason.TLS_EXPIRED, "");
    events.pass();
    up("cluster");
    events.pass();
    events.pass();
    assertThat(writer.taken())
        .containsExactly(
            "event cattle-system/pod ! TlsExpired", "event cattle-system/pod - TunnelConnected");
  }

  @Test
  void tunnelsAreToldOfOneByOne() throws Exception {
    down("cluster", Reason.TOKEN_UNKNOWN, "");
    up("steve");
    events.pass();
    assertThat(writer.taken())
        .containsExactly(
            "event cattle-system/pod ! TokenUnknown", "event cattle-system/pod - TunnelConnected");
  }

  @Test
  void aFeatureIsToldOfLikeATunnel() throws Exception {
    degraded.put("leader", new Problem(Reason.FORBIDDEN, "get leases"));
    events.pass();
    events.pass();
    degraded.put("leader", new Problem(Reason.API_SERVER_UNREACHABLE, ""));
    events.pass();
    degraded.clear();
    events.pass();
    events.pass();

    assertThat(writer.taken())
        .containsExactly(
            "event cattle-system/pod ! Forbidden",
            "event cattle-system/pod ! ApiServerUnreachable",
            "event cattle-system/pod - FeatureWorks");
  }

  @Test
  void featuresThatFlapTakeTheSameFewEvents() throws Exception {
    for (int i = 0; i < 100; i++) {
      degraded.put("leader", new Problem(Reason.FORBIDDEN, ""));
      events.pass();
      degraded.clear();
      events.pass();
    }

    assertThat(writer.taken()).hasSize(TunnelEvents.BURST);
  }

  @Test
  void whatIsAlwaysSoIsNoNews() throws Exception {
    down("cluster", Reason.NOT_CONNECTED_YET, "");
    down("steve", Reason.NOT_WANTED, "");
    events.pass();
    down("cluster", Reason.SHUTTING_DOWN, "");
    events.pass();
    assertThat(writer.taken()).isEmpty();
  }

  @Test
  void aTunnelThatFlapsIsToldOfTenTimesAndThenOnceAMinute() throws Exception {
    for (int i = 0; i < 2 * TunnelEvents.BURST; i++) {
      flap();
    }
    assertThat(writer.taken()).hasSize(TunnelEvents.BURST);

    clock.advance(TunnelEvents.ONE_MORE_AFTER.minusMillis(1));
    flap();
    assertThat(writer.taken()).isEmpty();
    clock.advance(TunnelEvents.ONE_MORE_AFTER.dividedBy(2));
    flap();
    flap();
    assertThat(writer.taken()).hasSize(1);

    clock.advance(TunnelEvents.ONE_MORE_AFTER.multipliedBy(100));
    for (int i = 0; i < 2 * TunnelEvents.BURST; i++) {
      flap();
    }
    assertThat(writer.taken()).hasSize(TunnelEvents.BURST);
  }

  @Test
  void whatCouldNotBeWrittenIsToldLater() throws Exception {
    writer.failing.add("event");
    down("cluster", Reason.SERVER_SILENT, "");
    assertThatThrownBy(events::pass).isInstanceOf(IOException.class);
    writer.taken();

    writer.failing.clear();
    events.pass();
    assertThat(writer.taken()).containsExactly("event cattle-system/pod ! ServerSilent");
  }

  @Test
  void anAgentThatIsNoPodIsSilent() throws Exception {
    down("cluster", Reason.SERVER_SILENT, "");
    new TunnelEvents("", () -> tunnels, () -> degraded, writer, clock).pass();
    assertThat(writer.taken()).isEmpty();
  }

  private void flap() throws IOException, InterruptedException {
    if (tunnels.getOrDefault("cluster", Optional.empty()).isPresent()) {
      up("cluster");
    } else {
      down("cluster", Reason.TUNNEL_CUT, "");
    }
    events.pass();
  }

  private void down(String tunnel, Reason reason, String message) {
    tunnels.put(tunnel, Optional.of(new Problem(reason, message)));
  }

  private void up(String tunnel) {
    tunnels.put(tunnel, Optional.empty());
  }
}
