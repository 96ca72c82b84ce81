package io.drover.server;

import io.drover.server.health.Refusals;
import java.net.InetSocketAddress;
import org.eclipse.jetty.io.ssl.SslHandshakeListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells of clients that do not get through TLS, such as agents that do not trust our authority. */
final class FailedHandshakes implements SslHandshakeListener {
  private static final Logger log = LoggerFactory.getLogger(FailedHandshakes.class);

  private final Refusals refusals;

  FailedHandshakes(Refusals refusals) {
    this.refusals = refusals;
  }

  @Override
  public void handshakeFailed(Event event, Throwable failure) {
    var endPoint = event.getEndPoint();
    log.debug("handshake failed: from={} reason={}", endPoint, failure.toString());
    if (endPoint != null
        && endPoint.getRemoteSocketAddress() instanceof InetSocketAddress address
        && address.getAddress() != null) {
      refusals.handshakeFailed(
          address.getAddress().getHostAddress(), String.valueOf(first(failure).getMessage()));
    }
  }

  /** Jetty and the JDK put theirs around it. */
  private static Throwable first(Throwable failure) {
    var cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return cause;
  }
}
