package io.drover.server.tunnel;

import java.io.IOException;
import java.nio.ByteBuffer;

/** One websocket, as a session sees it. The methods that send are for one thread at a time. */
interface Link {
  /** Close code: the server goes away. Source: RFC 6455 7.4.1, as for the others. */
  int GOING_AWAY = 1001;

  /** Close code: the peer's frames or messages are wrong. */
  int PROTOCOL_ERROR = 1002;

  /** Close code: a text frame came. */
  int UNSUPPORTED = 1003;

  /** Close code: the peer does not keep up. */
  int POLICY = 1008;

  /** Close code: a message beyond the limits of {@link MessageAssembler}. */
  int TOO_BIG = 1009;

  /** Sends one binary message in one frame; blocks until the network has taken it. */
  void send(ByteBuffer message) throws IOException;

  /** Sends an empty ping; blocks as {@link #send}. */
  void ping() throws IOException;

  /** Sends a pong; blocks as {@link #send}. */
  void pong(ByteBuffer payload) throws IOException;

  /** Lets the next frame come, after one was answered with "wait". */
  void readOn();

  /** Sends a close frame, then closes TCP, whether the peer answers or not. Never blocks. */
  void close(int code, String reason);
}
