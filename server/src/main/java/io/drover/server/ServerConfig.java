package io.drover.server;

import io.drover.server.cert.CertificateFiles;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How a server runs.
 *
 * @param directory where everything that must last is kept
 * @param listenHost name or address to listen at, without brackets
 * @param listenPort 0 for any that is free
 * @param url how clients and agents reach the server, if not at the address it listens at
 * @param hosts more names for the certificate
 * @param certificate one from elsewhere, if not one under an authority of our own
 * @param agentImage the image in import manifests
 * @param databaseUrl as {@code Database.open} takes it, if not a file in the directory
 * @param peerUrl where other servers on the same database reach this one; without a port, at that
 *     of {@code listenPort}; empty: it is alone
 * @param oidc who else knows people
 * @param checkInterval how often clusters are checked
 */
record ServerConfig(
    Path directory,
    String listenHost,
    int listenPort,
    Optional<URI> url,
    List<String> hosts,
    Optional<CertificateFiles> certificate,
    String agentImage,
    Optional<String> databaseUrl,
    Optional<URI> peerUrl,
    Optional<Oidc> oidc,
    Duration checkInterval) {
  ServerConfig {
    hosts = List.copyOf(hosts);
  }

  /**
   * A provider of OpenID Connect.
   *
   * @param issuer its URL
   * @param clientId how it knows us
   * @param secretFile with what shows it that it is us
   * @param authorities whom to trust for its certificate, as PEM; empty: whom everybody trusts
   */
  record Oidc(URI issuer, String clientId, Path secretFile, Optional<Path> authorities) {}
}
