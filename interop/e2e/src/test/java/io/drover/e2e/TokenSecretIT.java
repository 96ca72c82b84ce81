package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.Base64;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The Secret with the token that the server asks the cluster with: deleted, which ends the token,
 * and made anew by the agent, for which the control plane's controllers make another token.
 */
@Tag("interop")
@Order(5)
@ExtendWith(WithControlPlane.class)
final class TokenSecretIT {
  /** Far below the 50 s after which the agent looks by itself. */
  private static final Duration AT_ONCE = Duration.ofSeconds(10);

  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);
  private static final Duration ACTIVE = Duration.ofSeconds(20);
  private static final String REFERENCE =
      "/metadata/annotations/rancher.io~1service-account.secret-ref";

  @Test
  void deletedSecretIsMadeAnewAndTheServerIsTold(ControlPlane plane) throws Exception {
    try (var installation =
            Installation.start(
                plane,
                "token-secret",
                Peer.VERSIONS.getFirst(),
                Installation.ALLOW_LOCAL,
                Installation.FREQUENT_CHECKS);
        var echo = Target.echo()) {
      var peer = installation.peer();
      var live = Echo.open(peer.forward(echo.address()), 1);
      live.awaitRound(ANSWER_LIMIT);
      peer.awaitActive(ACTIVE);
      var former = peer.cluster().path("tokenSha256").asText();
      assertThat(former).isEqualTo(tokenSha256(plane));

      plane.admin().run("-n", Import.NAMESPACE, "delete", "secret", secret(plane));
      long startNanos = System.nanoTime();
      Await.that(
          "the server has another token",
          AT_ONCE,
          () -> !peer.cluster().path("tokenSha256").asText().equals(former));
      System.out.printf(
          "token Secret: the server has another token after %d ms%n",
          (System.nanoTime() - startNanos) / 1_000_000);

      assertThat(peer.cluster().path("tokenSha256").asText()).isEqualTo(tokenSha256(plane));
      assertThat(peer.kubectl().run("get", "namespace", "default", "-o", "name"))
          .isEqualTo("namespace/default\n");
      live.awaitRound(ANSWER_LIMIT);
      assertThat(live.failure()).isEmpty();
      assertThat(installation.agent().sessions()).as("sessions that carry streams").isEqualTo(1);
      assertThat(installation.agent().degraded().keySet())
          .noneMatch(feature -> feature.endsWith("-news"));
      live.close();
    }
  }

  /** The one that the service account refers to. */
  private static String secret(ControlPlane plane) throws IOException, InterruptedException {
    var account = plane.admin().json("-n", Import.NAMESPACE, "get", "sa", "cattle", "-o", "json");
    return account.at(REFERENCE).asText().replaceFirst(".*/", "");
  }

  private static String tokenSha256(ControlPlane plane) throws IOException, InterruptedException {
    var secret =
        plane.admin().json("-n", Import.NAMESPACE, "get", "secret", secret(plane), "-o", "json");
    var token = Base64.getDecoder().decode(secret.at("/data/token").asText());
    assertThat(new String(token, UTF_8)).isNotEmpty();
    return Payload.sha256(token);
  }
}
