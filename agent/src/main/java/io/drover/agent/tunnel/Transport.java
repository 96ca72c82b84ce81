package io.drover.agent.tunnel;

import io.drover.proto.tunnel.Message;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A websocket as the session sees it: frames out, one at a time, no faster than the network takes
 * them. The frames in go to the {@link Receiver}.
 */
interface Transport {

  /** Takes what arrives, on the transport's reading thread. No method may wait. */
  interface Receiver {
    void onMessage(Message message);

    /** The peer's bytes are not a message. */
    void onProtocolError(String problem);

    void onPing(ByteBuffer payload);

    void onPong();
  }

  /**
   * Sends a message. Waits until the network has taken enough of what was sent before; called by
   * one thread only.
   *
   * @throws IOException if the websocket is closed
   */
  void send(Message message) throws IOException, InterruptedException;

  /** As {@link #send}. */
  void ping() throws IOException, InterruptedException;

  /** As {@link #send}. */
  void pong(ByteBuffer payload) throws IOException, InterruptedException;

  /** When the last byte of any kind came, by {@link Timer#nanoTime}. */
  long lastReceivedNanos();

  /**
   * For how long in all no byte came, as far as it was for longer than {@link DialledSocket#REST}
   * at a time, in nanoseconds. What the peer has said by the end of a rest has arrived.
   */
  long restedNanos();

  /** Bytes handed over and not yet taken by the network. */
  long unsentBytes();

  /** How much the kernel may take in ahead of the reader, in bytes. Never waits. */
  void readAhead(int bytes);

  /**
   * Says goodbye, waits shortly for the peer's answer and closes the socket. Later calls do
   * nothing.
   */
  void close(int code, String reason);

  /** Closes the socket at once, whatever is going on. Never waits. */
  void abort();
}
