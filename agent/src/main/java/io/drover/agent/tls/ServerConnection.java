package io.drover.agent.tls;

import java.net.Socket;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;

/**
 * An open connection to the server. Whoever dialled it closes it.
 *
 * @param raw the TCP socket underneath. Closing it ends everything at once; closing {@code socket}
 *     may wait for a peer that does not read.
 * @param socket what is spoken over: TLS, or {@code raw} itself
 */
public record ServerConnection(Socket raw, Socket socket) {

  /** Such as {@code TLSv1.3}; empty without TLS. */
  public String tlsVersion() {
    return socket instanceof SSLSocket secured ? secured.getSession().getProtocol() : "";
  }

  /** What the server sent, its own certificate first; empty without TLS. */
  public List<ChainLink> chain() {
    try {
      return socket instanceof SSLSocket secured
          ? ChainLink.all(
              Arrays.stream(secured.getSession().getPeerCertificates())
                  .map(X509Certificate.class::cast)
                  .toList())
          : List.of();
    } catch (SSLPeerUnverifiedException e) {
      throw new IllegalStateException("a connection is not handed out before it is verified", e);
    }
  }
}
