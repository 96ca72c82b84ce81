package io.drover.proto.tunnel;

import java.nio.ByteBuffer;
import java.util.List;

/**
 * One message of a tunnel.
 *
 * <p>Stream ids are chosen by the end that opens a stream: the server, counting up from 2. A
 * message for a stream that the receiver does not know is normal, since both ends may close at the
 * same time.
 */
public sealed interface Message {

  /** Asks the receiver to dial {@code address} and to join that connection to the stream. */
  record Connect(long streamId, String network, String address) implements Message {
    /**
     * The longest target ({@code network/address}) in bytes. Longer ones were cut by the peer, so
     * that another host or port would be dialled. Source: remotedialer {@code message.go} since
     * v0.5.0; older releases cut at 100.
     */
    public static final int MAX_TARGET_BYTES = 266;
  }

  /** Bytes of one stream, in order. The payload is read-only; readers {@code duplicate} it. */
  record Data(long streamId, ByteBuffer payload) implements Message {
    public Data {
      payload = payload.isReadOnly() ? payload : payload.asReadOnlyBuffer();
    }
  }

  /**
   * The stream has ended, in both directions: there is no half-close. The wire calls this Error.
   */
  record Close(long streamId, String reason) implements Message {
    /** The reason of a clean end. Any other text is an error. */
    public static final String END_OF_FILE = "EOF";

    /** How much of a reason the peer reads, in bytes. Source: remotedialer {@code message.go}. */
    public static final int MAX_REASON_BYTES = 100;

    /** Whether the stream simply came to its end. */
    public boolean isClean() {
      return reason.equals(END_OF_FILE);
    }
  }

  /** Announces a client of one server replica to another. Never meant for an agent. */
  record AddClient(String clientKey, long sessionKey) implements Message {}

  /** Takes an {@link AddClient} back. */
  record RemoveClient(String clientKey, long sessionKey) implements Message {}

  /** Asks the receiver to hold back its data of one stream. Advice: data in flight still comes. */
  record Pause(long streamId) implements Message {}

  /** Takes a {@link Pause} back. May come without one. */
  record Resume(long streamId) implements Message {}

  /**
   * All streams that the sender still knows, ascending: the receiver drops every other one.
   *
   * @param streamIds sorted ascending; the Go server compares as if they were, and drops live
   *     streams if they are not
   */
  record SyncConnections(List<Long> streamIds) implements Message {
    public SyncConnections {
      streamIds = List.copyOf(streamIds);
    }
  }

  /** A type from the future; to be ignored. */
  record Unknown(long type) implements Message {}

  /**
   * The header was sound, the payload is not what the type demands. The stream is refused, the
   * session goes on (the Go peers end it here).
   *
   * @param problem one phrase to send back, without the peer's bytes
   */
  record Malformed(long streamId, long type, String problem) implements Message {
    /** Whether a stream was to be opened, so that somebody waits for it at the other end. */
    public boolean isConnect() {
      return type == MessageCodec.CONNECT;
    }
  }
}
