package io.drover.agent.gateway;

import io.drover.agent.gateway.ScriptedUpstream.Peer;
import io.drover.agent.tls.ServerTrust;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import javax.net.ssl.SSLSocket;

/** The server's end: the host by its name, and no CA but the one that it was told. */
final class GatewayClient {
  private GatewayClient() {}

  /** TLS on a stream to the gateway; shakes hands with the first byte. */
  static SSLSocket secured(SocketChannel far, GatewayIdentity.Told told) throws IOException {
    var trust = ServerTrust.ofPem(told.authorities()).orElseThrow();
    var socket =
        (SSLSocket)
            trust.getSocketFactory().createSocket(new ChannelSocket(far), Gateway.HOST, 443, true);
    var parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    return socket;
  }

  /** Whoever speaks on it. */
  static Peer peer(SSLSocket socket) throws IOException {
    return new Peer(new BufferedInputStream(socket.getInputStream()), socket.getOutputStream());
  }
}
