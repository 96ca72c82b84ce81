package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * A pod goes when the next one is ready, as a rolling update does it, while users work: the server
 * dials by the oldest session as long as that is there.
 */
@Tag("interop")
@Order(5)
@ExtendWith(WithControlPlane.class)
final class RollingUpdateIT {
  private static final int USERS = 8;
  private static final Duration LIMIT = Duration.ofSeconds(30);

  /** Versions of the tunnel library, and whether the server is told of the gateway alone. */
  @SuppressWarnings("unused") // by name, in the annotations
  static final List<Arguments> MODES =
      List.of(
          arguments(Peer.VERSIONS.getFirst(), "off"),
          arguments(Peer.VERSIONS.getLast(), "off"),
          arguments(Peer.VERSIONS.getFirst(), "on"));

  /**
   * As people and controllers work. All requests are answered: the old session ends when nothing is
   * on its way.
   */
  @ParameterizedTest
  @FieldSource("MODES")
  void noRequestFailsWhileOnePodTakesOverFromAnother(
      String remotedialer, String gateway, ControlPlane plane) throws Exception {
    assertThat(takeOver(plane, remotedialer, gateway, 2, Duration.ofMillis(1_500), 4)).isEmpty();
  }

  /**
   * There is no such moment if somebody asks all the time. Then what is on its way when the grace
   * time is over is lost, and nothing else: one request a user, and the one behind it if the server
   * sends that on a kept connection whose end it has not noticed yet.
   */
  @ParameterizedTest
  @FieldSource("MODES")
  void underFullLoadOnlyWhatIsOnItsWayAtTheEndIsLost(
      String remotedialer, String gateway, ControlPlane plane) throws Exception {
    assertThat(takeOver(plane, remotedialer, gateway, USERS, Duration.ZERO, 200))
        .hasSizeLessThanOrEqualTo(2 * USERS);
  }

  /** The requests that failed meanwhile. */
  private static List<String> takeOver(
      ControlPlane plane,
      String remotedialer,
      String gateway,
      int count,
      Duration pause,
      int answers)
      throws Exception {
    var quiet = Map.of("DROVER_REPORTS", "off", "DROVER_DUTIES", "none", "DROVER_GATEWAY", gateway);
    try (var installation = Installation.start(plane, "rolling-update", remotedialer, quiet);
        var users = new Users(installation.peer(), count, pause)) {
      var old = installation.agent();
      var told = installation.peer().cluster();
      users.awaitAnswers(answers);
      try (var next =
          Agent.start("next", installation.directory(), plane, installation.imported(), quiet)) {
        next.awaitReady(Agent.READY_LIMIT);
        users.awaitAnswers(answers);
        assertThat(next.metric("streams_total", "cluster")).as("of the newer session").isZero();
        for (String field : List.of("address", "caCert", "tokenSha256")) {
          assertThat(installation.peer().cluster().path(field))
              .as(field)
              .isEqualTo(told.path(field));
        }

        old.process().terminate();
        assertThat(old.process().awaitExit(LIMIT)).isZero();

        users.awaitAnswers(answers);
        assertThat(next.metric("streams_total", "cluster")).isPositive();
        System.out.printf(
            "rolling update: %s, gateway=%s users=%d answered=%d failed=%d%n",
            installation, gateway, count, users.answered(), users.failures().size());
        return users.failures();
      }
    } finally {
      plane
          .admin()
          .run(
              "-n",
              Import.NAMESPACE,
              "delete",
              "secret",
              AgentGateway.SECRET,
              "--ignore-not-found");
    }
  }
}
