package io.drover.server.api;

import io.drover.server.cert.ServerCertificate;
import io.drover.server.store.ClusterSpec;
import java.net.URI;
import java.util.Optional;
import java.util.function.Supplier;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * What is the same in every answer.
 *
 * @param url how the server is reached from outside; taken from each request if empty
 * @param certificate the one that the server shows now
 * @param agentImage the image in import manifests
 * @param installId names this installation
 * @param version of this server
 */
public record Installation(
    Optional<URI> url,
    Supplier<ServerCertificate> certificate,
    String agentImage,
    String installId,
    String version) {

  /** See {@link ServerCertificate#authorityPem}. */
  String caPem() {
    return certificate.get().authorityPem();
  }

  /** See {@link ServerCertificate#checksum}. */
  String caChecksum() {
    return certificate.get().checksum();
  }

  /** The agent's image, as a cluster gets it: with its registry, or another one altogether. */
  public String agentImageFor(ClusterSpec spec) {
    return Manifest.image(agentImage, spec);
  }

  /** The server's URL without a slash at the end. */
  String urlFor(Request request) {
    return url.map(URI::toString)
        .orElseGet(() -> "https://" + request.getHeaders().get(HttpHeader.HOST))
        .replaceAll("/+$", "");
  }
}
