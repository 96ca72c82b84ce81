package io.drover.server.peer;

import io.drover.proto.handshake.ConnectParams;
import io.drover.server.tunnel.Session;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.TunnelStream;
import java.io.IOException;
import java.util.Optional;

/** A session that ends at another server. */
final class PeerSession implements Session {
  private final String replicaId;
  private final String id;
  private final SessionKey key;
  private final Optional<ConnectParams> params;
  private final PeerClient client;
  private volatile boolean ended;

  PeerSession(
      String replicaId,
      String id,
      SessionKey key,
      Optional<ConnectParams> params,
      PeerClient client) {
    this.replicaId = replicaId;
    this.id = id;
    this.key = key;
    this.params = params;
    this.client = client;
  }

  @Override
  public SessionKey key() {
    return key;
  }

  @Override
  public Optional<ConnectParams> params() {
    return params;
  }

  @Override
  public boolean isEnded() {
    return ended;
  }

  /** Takes note that it is over. */
  void end() {
    ended = true;
  }

  @Override
  public TunnelStream open(String network, String address) throws IOException {
    try {
      return client.open(replicaId, id, network, address);
    } catch (PeerClient.UnknownSessionException e) {
      ended = true;
      throw e;
    }
  }
}
