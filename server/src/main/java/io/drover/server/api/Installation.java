package io.drover.server.api;

import java.net.URI;
import java.util.Optional;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;

/**
 * What is the same in every answer.
 *
 * @param url how the server is reached from outside; taken from each request if empty
 * @param caPem the authority of the server's certificate, without a newline at the end
 * @param caChecksum see {@code ServerCertificate.checksum}
 * @param agentImage the image in import manifests
 * @param installId names this installation
 * @param version of this server
 */
public record Installation(
    Optional<URI> url,
    String caPem,
    String caChecksum,
    String agentImage,
    String installId,
    String version) {

  /** The server's URL without a slash at the end. */
  String urlFor(Request request) {
    return url.map(URI::toString)
        .orElseGet(() -> "https://" + request.getHeaders().get(HttpHeader.HOST))
        .replaceAll("/+$", "");
  }
}
