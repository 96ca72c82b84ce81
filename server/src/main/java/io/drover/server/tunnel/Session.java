package io.drover.server.tunnel;

import io.drover.proto.handshake.ConnectParams;
import java.io.IOException;
import java.util.Optional;

/** One websocket of an agent, by which streams are opened; wherever it ends. Any thread. */
public interface Session {
  /** Whose session this is. */
  SessionKey key();

  /** What the agent said about its API server; only on the cluster tunnel. */
  Optional<ConnectParams> params();

  /** Whether the session is over. */
  boolean isEnded();

  /**
   * Opens a stream; the agent dials in the background, so that a failed dial shows as an error of
   * the first read.
   *
   * @throws IOException if the session is over or has too many
   * @throws IllegalArgumentException if the target is longer than a message may have it
   */
  TunnelStream open(String network, String address) throws IOException;
}
