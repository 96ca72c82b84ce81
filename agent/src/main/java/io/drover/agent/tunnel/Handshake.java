package io.drover.agent.tunnel;

import java.net.URI;
import java.util.Map;
import javax.net.ssl.SSLContext;

/**
 * What is needed to open a tunnel once.
 *
 * @param url {@code wss} and the path of the endpoint
 * @param headers with credentials in them: never printed
 * @param trust whom to trust on this connection; the same object as long as that is the same
 * @param policy what the server may dial in the session
 */
public record Handshake(URI url, Map<String, String> headers, SSLContext trust, DialPolicy policy) {
  public Handshake {
    headers = Map.copyOf(headers);
  }

  /** Where the server at this URL has that path. */
  public static URI endpoint(URI server, String path) {
    // Always TLS, and at the root of the host, as the stock agent does it.
    return URI.create("wss://" + server.getRawAuthority() + path);
  }

  /** Host and port of the server. */
  String server() {
    return url.getRawAuthority();
  }

  /**
   * Whether the server would hear nothing new, and be trusted as before. The path does not count,
   * which only says whether it has heard it already, nor does the policy, which follows from the
   * rest.
   */
  public boolean carriesSame(Handshake other) {
    return server().equals(other.server())
        && headers.equals(other.headers)
        && trust.equals(other.trust);
  }

  /** Without the headers. */
  @Override
  public String toString() {
    return "Handshake[url=" + url + "]";
  }
}
