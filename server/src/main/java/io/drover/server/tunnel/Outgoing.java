package io.drover.server.tunnel;

import io.drover.proto.tunnel.Message;
import java.nio.ByteBuffer;

/** What the writer thread sends next. */
sealed interface Outgoing {
  /** One binary websocket message. */
  record Binary(Message message) implements Outgoing {}

  /** A ping, as a barrier: its pong comes after every answer to what was sent before. */
  record Ping() implements Outgoing {}

  /** The answer to a ping, with its payload. */
  record Pong(ByteBuffer payload) implements Outgoing {}
}
