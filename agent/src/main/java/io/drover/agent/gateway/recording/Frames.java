package io.drover.agent.gateway.recording;

import java.nio.ByteBuffer;

/**
 * A copy of an upgraded connection, read as it passes by: pieces of any size, however they are cut.
 * Of one thread.
 */
interface Frames {
  /** What the client says. */
  void fromClient(ByteBuffer bytes) throws UnreadableException;

  /** What the API server says. */
  void fromServer(ByteBuffer bytes) throws UnreadableException;
}
