package io.drover.server.tunnel;

import io.drover.proto.handshake.TunnelHeaders;

/** Which tunnel of which cluster. */
public record SessionKey(Tunnel tunnel, String clusterId) {
  /** The two tunnels of an agent. */
  public enum Tunnel {
    /** Raw TCP, to the API server. */
    CLUSTER,
    /** Plain HTTP that the agent answers itself. */
    STEVE
  }

  /** As Rancher writes it: {@code c-…} or {@code stv-cluster-c-…}. */
  @Override
  public String toString() {
    return switch (tunnel) {
      case CLUSTER -> clusterId;
      case STEVE -> TunnelHeaders.STEVE_TOKEN_PREFIX + clusterId;
    };
  }
}
