package io.drover.agent.kube;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.CertificateRefused;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.util.Map;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether this cluster's API server takes what the server is to be told of it: asked with that
 * token, and trusted by that CA alone, as the server does it. Only what the API server itself
 * disproves is held back. One that is away disproves nothing, and what the server knows so far may
 * be no better.
 */
public final class AccessProof {
  /** For the whole question: the next look is not due before that is over. */
  static final Duration LIMIT = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(AccessProof.class);

  private AccessProof() {}

  /**
   * Asks for the API server's version. Blocks, for 5 s at most; any thread.
   *
   * @throws Failure if the API server refuses the token ({@link Reason#UNAUTHORIZED}), or the CA
   *     does not vouch for its certificate ({@link Reason#CLUSTER_CA_WRONG}, or what else is wrong
   *     with that)
   */
  public static void require(ClusterAccess access) throws Failure {
    require(access, LIMIT);
  }

  static void require(ClusterAccess access, Duration limit) throws Failure {
    var trust =
        ServerTrust.ofPem(access.caCert())
            .orElseThrow(
                () -> new Failure(Reason.CLUSTER_CA_WRONG, "there is no certificate in it"));
    int status;
    try {
      status = ask(access, trust, limit);
    } catch (IOException e) {
      if (!CertificateRefused.chain(e).isEmpty()) {
        throw refused(access, e);
      }
      log.debug("new access neither proven nor disproved: reason={}", e.toString());
      return;
    }
    if (status == HttpURLConnection.HTTP_UNAUTHORIZED) {
      throw new Failure(
          Reason.UNAUTHORIZED,
          "the API server at %s answers 401 to the token that the server would be told"
              .formatted(access.address()));
    }
  }

  private static int ask(ClusterAccess access, SSLContext trust, Duration limit)
      throws IOException {
    // Directly: HTTPS_PROXY is meant for the way to the server.
    return new ServerHttp(ServerDialer.direct())
        .send(
            "GET",
            URI.create("https://" + access.address() + "/version"),
            trust,
            limit,
            Map.of("Authorization", "Bearer " + access.token().value()),
            new byte[0])
        .status();
  }

  /** In words of its own where those of the way to the server would send people there. */
  private static Failure refused(ClusterAccess access, IOException e) {
    var reason = Problem.of(e).reason();
    return switch (reason) {
      case TLS_UNKNOWN_ISSUER, TLS_CA_REPLACED, TLS_INCOMPLETE_CHAIN ->
          new Failure(
              Reason.CLUSTER_CA_WRONG,
              "no CA in it vouches for the API server at %s, whose certificate was issued by %s"
                  .formatted(access.address(), CertificateRefused.chain(e).getLast().issuer()),
              e);
      default ->
          new Failure(reason, "the API server at " + access.address() + ": " + e.getMessage(), e);
    };
  }
}
