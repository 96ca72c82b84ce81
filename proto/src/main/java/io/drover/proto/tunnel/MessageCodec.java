package io.drover.proto.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.tunnel.Message.AddClient;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Malformed;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.RemoveClient;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.Message.Unknown;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.function.BiFunction;

/**
 * {@link Message} to bytes and back. Stateless and free of side effects.
 *
 * <pre>
 *   ┌────────────┬───────────┬──────┬─────────────────────────────┬─────────────────┐
 *   │ message id │ stream id │ type │ deadline, of Data and       │ payload, to the │
 *   │            │           │      │ Connect only                │ end             │
 *   └────────────┴───────────┴──────┴─────────────────────────────┴─────────────────┘
 *     zig-zag varint each: 7 bits a byte, least significant first, at most 10 bytes
 * </pre>
 *
 * <p>The message id only ever served the Go library's logs: we send 0 and read past it. The
 * deadline has been without effect since 2020 but must be there. SyncConnections alone uses fixed
 * integers: 8 bytes little-endian each. Source: remotedialer {@code message.go}.
 */
public final class MessageCodec {
  private static final long MESSAGE_ID = 0;
  private static final long DEADLINE_MILLIS = 15_000;
  private static final int MAX_VARINT_BYTES = 10;

  /** Source: remotedialer {@code message.go}, as for {@link Close#MAX_REASON_BYTES}. */
  private static final int MAX_CLIENT_BYTES = 100;

  private static final long DATA = 1;
  static final long CONNECT = 2;
  private static final long ERROR = 3;
  private static final long ADD_CLIENT = 4;
  private static final long REMOVE_CLIENT = 5;
  private static final long PAUSE = 6;
  private static final long RESUME = 7;
  private static final long SYNC_CONNECTIONS = 8;

  private MessageCodec() {}

  /**
   * Reads one message, which takes all of {@code bytes}. The payload of {@link Data} is a view of
   * them, not a copy.
   *
   * @throws ProtocolException if the header is cut short or a number has more than 64 bits
   */
  public static Message decode(ByteBuffer bytes) throws ProtocolException {
    var in = bytes.slice();
    readVarint(in, "message id");
    long streamId = readVarint(in, "stream id");
    long type = readVarint(in, "type");
    if (type == DATA || type == CONNECT) {
      readVarint(in, "deadline");
    }
    // Compared as long: a cast to int would read type 2^32 + 1 as Data.
    if (type == DATA) {
      return new Data(streamId, in.slice());
    } else if (type == CONNECT) {
      return connect(streamId, in);
    } else if (type == ERROR) {
      return new Close(streamId, text(in, Close.MAX_REASON_BYTES));
    } else if (type == ADD_CLIENT) {
      return client(streamId, type, in, AddClient::new);
    } else if (type == REMOVE_CLIENT) {
      return client(streamId, type, in, RemoveClient::new);
    } else if (type == PAUSE) {
      return new Pause(streamId);
    } else if (type == RESUME) {
      return new Resume(streamId);
    } else if (type == SYNC_CONNECTIONS) {
      return syncConnections(streamId, in);
    }
    return new Unknown(type);
  }

  /** Whole message in a buffer of its own, ready to be read. */
  public static ByteBuffer encode(Message message) {
    var out = ByteBuffer.allocate(sizeBytes(message));
    encode(message, out);
    return out.flip();
  }

  /** What {@link #encode(Message, ByteBuffer)} writes, in bytes. */
  public static int sizeBytes(Message message) {
    return switch (message) {
      case Data(var streamId, var payload) ->
          headerBytes(streamId) + varintBytes(DEADLINE_MILLIS) + payload.remaining();
      case Connect connect ->
          headerBytes(connect.streamId()) + varintBytes(DEADLINE_MILLIS) + target(connect).length;
      case Close(var streamId, var reason) -> headerBytes(streamId) + reasonBytes(reason);
      case AddClient(var key, var session) -> headerBytes(0) + client(key, session).length;
      case RemoveClient(var key, var session) -> headerBytes(0) + client(key, session).length;
      case Pause(var streamId) -> headerBytes(streamId);
      case Resume(var streamId) -> headerBytes(streamId);
      case SyncConnections(var streamIds) -> headerBytes(0) + Long.BYTES * streamIds.size();
      case Unknown _, Malformed _ -> throw notToSend(message);
    };
  }

  /**
   * Writes the message at the position of {@code out}.
   *
   * @throws IllegalArgumentException if the message is one that must not be sent: a target over
   *     {@link Connect#MAX_TARGET_BYTES}, {@link Unknown}, {@link Malformed}
   */
  public static void encode(Message message, ByteBuffer out) {
    switch (message) {
      case Data(var streamId, var payload) -> {
        header(out, streamId, DATA);
        writeVarint(out, DEADLINE_MILLIS);
        out.put(payload.duplicate());
      }
      case Connect connect -> {
        byte[] target = target(connect);
        header(out, connect.streamId(), CONNECT);
        writeVarint(out, DEADLINE_MILLIS);
        out.put(target);
      }
      case Close(var streamId, var reason) -> {
        header(out, streamId, ERROR);
        byte[] text = reason.getBytes(UTF_8);
        out.put(text, 0, characterBoundary(text, Close.MAX_REASON_BYTES));
      }
      case AddClient(var key, var session) -> {
        header(out, 0, ADD_CLIENT);
        out.put(client(key, session));
      }
      case RemoveClient(var key, var session) -> {
        header(out, 0, REMOVE_CLIENT);
        out.put(client(key, session));
      }
      case Pause(var streamId) -> header(out, streamId, PAUSE);
      case Resume(var streamId) -> header(out, streamId, RESUME);
      case SyncConnections(var streamIds) -> {
        header(out, 0, SYNC_CONNECTIONS);
        var order = out.order();
        out.order(ByteOrder.LITTLE_ENDIAN);
        for (long streamId : streamIds) {
          out.putLong(streamId);
        }
        out.order(order);
      }
      case Unknown _, Malformed _ -> throw notToSend(message);
    }
  }

  private static IllegalArgumentException notToSend(Message message) {
    return new IllegalArgumentException("not a message to send: " + message);
  }

  private static byte[] target(Connect connect) {
    byte[] target = (connect.network() + "/" + connect.address()).getBytes(UTF_8);
    if (target.length > Connect.MAX_TARGET_BYTES) {
      throw new IllegalArgumentException(
          "target too long: bytes=%d limit=%d".formatted(target.length, Connect.MAX_TARGET_BYTES));
    }
    return target;
  }

  private static Message connect(long streamId, ByteBuffer in) {
    if (in.remaining() > Connect.MAX_TARGET_BYTES) {
      return new Malformed(streamId, CONNECT, "address too long");
    }
    String target = text(in, Connect.MAX_TARGET_BYTES);
    int slash = target.indexOf('/');
    if (slash < 0) {
      return new Malformed(streamId, CONNECT, "address without network");
    }
    return new Connect(streamId, target.substring(0, slash), target.substring(slash + 1));
  }

  private static Message client(
      long streamId, long type, ByteBuffer in, BiFunction<String, Long, Message> message) {
    String text = text(in, MAX_CLIENT_BYTES);
    int slash = text.indexOf('/');
    // parseLong would take the digits of any script; the Go library takes those of ASCII.
    if (slash >= 0 && text.chars().skip(slash).allMatch(c -> c < 0x80)) {
      try {
        return message.apply(
            text.substring(0, slash), Long.parseLong(text, slash + 1, text.length(), 10));
      } catch (NumberFormatException e) {
        // Said below, as for a missing slash.
      }
    }
    return new Malformed(streamId, type, "not clientKey/sessionKey");
  }

  private static Message syncConnections(long streamId, ByteBuffer in) {
    if (in.remaining() % Long.BYTES != 0) {
      return new Malformed(streamId, SYNC_CONNECTIONS, "length is not a multiple of 8");
    }
    in.order(ByteOrder.LITTLE_ENDIAN);
    var streamIds = new ArrayList<Long>(in.remaining() / Long.BYTES);
    while (in.hasRemaining()) {
      streamIds.add(in.getLong());
    }
    return new SyncConnections(streamIds);
  }

  private static byte[] client(String key, long session) {
    return (key + "/" + session).getBytes(UTF_8);
  }

  private static int reasonBytes(String reason) {
    return characterBoundary(reason.getBytes(UTF_8), Close.MAX_REASON_BYTES);
  }

  private static int headerBytes(long streamId) {
    return varintBytes(MESSAGE_ID) + varintBytes(streamId) + varintBytes(SYNC_CONNECTIONS);
  }

  private static void header(ByteBuffer out, long streamId, long type) {
    writeVarint(out, MESSAGE_ID);
    writeVarint(out, streamId);
    writeVarint(out, type);
  }

  /** At most {@code limitBytes} of what is left; bytes that are not UTF-8 become U+FFFD. */
  private static String text(ByteBuffer in, int limitBytes) {
    byte[] text = new byte[Math.min(in.remaining(), limitBytes)];
    in.get(text);
    return new String(text, UTF_8);
  }

  /** The longest length up to {@code limit} that does not cut a character in two. */
  private static int characterBoundary(byte[] text, int limit) {
    if (text.length <= limit) {
      return text.length;
    }
    int end = limit;
    while (end > 0 && (text[end] & 0xC0) == 0x80) {
      end--;
    }
    return end;
  }

  private static long readVarint(ByteBuffer in, String field) throws ProtocolException {
    long bits = 0;
    for (int i = 0; i < MAX_VARINT_BYTES; i++) {
      if (!in.hasRemaining()) {
        throw new ProtocolException("header cut short in " + field);
      }
      byte next = in.get();
      if (i == MAX_VARINT_BYTES - 1 && (next & 0xFE) != 0) {
        throw new ProtocolException("number over 64 bits in " + field);
      }
      bits |= (long) (next & 0x7F) << (7 * i);
      if (next >= 0) {
        return (bits >>> 1) ^ -(bits & 1);
      }
    }
    throw new ProtocolException("number over 64 bits in " + field);
  }

  private static int varintBytes(long value) {
    int significant = Long.SIZE - Long.numberOfLeadingZeros(zigZag(value) | 1);
    return (significant + 6) / 7;
  }

  private static long zigZag(long value) {
    return (value << 1) ^ (value >> 63);
  }

  private static void writeVarint(ByteBuffer out, long value) {
    long bits = zigZag(value);
    while ((bits & ~0x7FL) != 0) {
      out.put((byte) (bits | 0x80));
      bits >>>= 7;
    }
    out.put((byte) bits);
  }
}
