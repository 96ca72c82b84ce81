package io.drover.agent;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.health.TunnelReading;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LastResortTest {
  private static final Duration MINUTE = Duration.ofMinutes(1);

  private long nowNanos;
  private boolean serverAnswers = true;
  private int pings;
  private final LastResort lastResort = new LastResort(() -> nowNanos, this::ping);

  private void ping() throws IOException {
    pings++;
    if (!serverAnswers) {
      throw new IOException("no answer");
    }
  }

  private static TunnelReading tunnel(boolean wanted, @Nullable Reason reason) {
    return tunnel("cluster", wanted, reason);
  }

  private static TunnelReading tunnel(String name, boolean wanted, @Nullable Reason reason) {
    var problem = reason == null ? null : new Problem(reason, "particulars");
    return new TunnelReading(
        name, wanted, problem == null, Instant.EPOCH, problem, null, 0, 0, 0, 0, 0, 0, 0);
  }

  /** Looks once a minute, as the agent does. */
  private void pass(Duration time, @Nullable Reason reason) throws Failure {
    for (var left = time; left.isPositive(); left = left.minus(MINUTE)) {
      nowNanos += MINUTE.toNanos();
      lastResort.look(List.of(tunnel("steve", true, null), tunnel(true, reason)));
    }
  }

  @Test
  void tunnelThatIsDownWhileTheServerAnswersEndsTheProcess() throws Exception {
    pass(LastResort.MIN_UPTIME, null);
    pass(LastResort.DOWN_LIMIT, Reason.CONNECT_TIMEOUT);
    assertThat(pings).isZero();

    assertThatThrownBy(() -> pass(MINUTE, Reason.DNS_FAILED))
        .isInstanceOfSatisfying(
            Failure.class, e -> assertThat(e.reason()).isEqualTo(Reason.STRANDED))
        .hasMessageContaining("tunnel cluster is down for more than 30 min");
  }

  @Test
  void twoTunnelsThatAreDownOneAfterTheOtherAreNotStranded() throws Exception {
    pass(LastResort.MIN_UPTIME, null);
    var reason = Reason.CONNECT_TIMEOUT;
    for (var left = LastResort.DOWN_LIMIT.multipliedBy(2);
        left.isPositive();
        left = left.minus(MINUTE)) {
      nowNanos += MINUTE.toNanos();
      boolean firstIsDown = left.compareTo(LastResort.DOWN_LIMIT) > 0;
      lastResort.look(
          List.of(
              tunnel("steve", true, firstIsDown ? reason : null),
              tunnel("cluster", true, firstIsDown ? null : reason)));
    }

    assertThat(pings).isZero();
  }

  @Test
  void notInTheFirstHourOfAProcess() throws Exception {
    pass(LastResort.MIN_UPTIME.minus(MINUTE), Reason.CONNECT_TIMEOUT);

    assertThatThrownBy(() -> pass(MINUTE, Reason.CONNECT_TIMEOUT)).isInstanceOf(Failure.class);
  }

  @Test
  void serverThatIsAwayNeverDoes() throws Exception {
    serverAnswers = false;
    pass(Duration.ofDays(2), Reason.CONNECT_TIMEOUT);
    assertThat(pings).isBetween(50, 100); // one each half hour

    serverAnswers = true;
    pass(LastResort.DOWN_LIMIT.minus(MINUTE.multipliedBy(2)), Reason.CONNECT_TIMEOUT);
  }

  @Test
  void aSessionInBetweenEndsTheCount() throws Exception {
    pass(LastResort.MIN_UPTIME, null);
    pass(LastResort.DOWN_LIMIT, Reason.OTHER);
    pass(MINUTE, null);
    pass(LastResort.DOWN_LIMIT, Reason.OTHER);

    assertThat(pings).isZero();
  }

  @ParameterizedTest
  @EnumSource(
      value = Reason.class,
      names = {
        "TOKEN_UNKNOWN",
        "SERVER_STARTING",
        "PROXY_STRIPS_UPGRADE",
        "PROXY_AUTH_REQUIRED",
        "TLS_UNKNOWN_ISSUER",
        "TLS_EXPIRED",
        "TUNNEL_CUT",
        "TUNNEL_CLOSED",
        "HANDSHAKE_FAILED",
        "HTTP_INSTEAD_OF_WEBSOCKET",
        "API_SERVER_UNREACHABLE",
        "FORBIDDEN",
        "CREDENTIALS_MISSING"
      })
  void whatOthersRefuseNeverDoes(Reason reason) {
    assertThatCode(() -> pass(Duration.ofDays(1), reason)).doesNotThrowAnyException();
    assertThat(pings).isZero();
  }

  @Test
  void tunnelThatIsNotWantedNeverDoes() throws Exception {
    for (int minute = 0; minute < 200; minute++) {
      nowNanos += MINUTE.toNanos();
      lastResort.look(List.of(tunnel(false, Reason.NOT_CONNECTED_YET)));
    }
    assertThat(pings).isZero();
  }
}
