package io.drover.agent.tunnel;

import java.net.URI;
import java.util.Map;
import javax.net.ssl.SSLContext;

/**
 * What is needed to open a tunnel once.
 *
 * @param url {@code wss} and the path of the endpoint
 * @param headers with credentials in them: never printed
 * @param trust whom to trust on this connection
 * @param policy what the server may dial in the session
 */
public record Handshake(URI url, Map<String, String> headers, SSLContext trust, DialPolicy policy) {
  public Handshake {
    headers = Map.copyOf(headers);
  }

  /** Without the headers. */
  @Override
  public String toString() {
    return "Handshake[url=" + url + "]";
  }
}
