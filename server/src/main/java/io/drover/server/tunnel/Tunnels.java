package io.drover.server.tunnel;

import java.util.Optional;
import java.util.function.Consumer;

/**
 * The tunnels that can be used: those whose sessions end here, and where several servers are one,
 * the others' too.
 */
public interface Tunnels {
  /** The session that a new stream is opened in. May wait where there are several servers. */
  Optional<? extends Session> newest(SessionKey key);

  /** Whether there is one. */
  boolean isConnected(SessionKey key);

  /** Tells {@code listener} whenever a session came here or went; it must not wait. */
  void onChange(Consumer<SessionKey> listener);

  /** Ends all sessions of a cluster, because it was deleted. */
  void end(String clusterId);
}
