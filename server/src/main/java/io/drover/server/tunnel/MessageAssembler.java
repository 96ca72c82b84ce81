package io.drover.server.tunnel;

import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.proto.tunnel.ProtocolException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.function.Consumer;

/**
 * Joins the frames of a message. Only what must be whole is kept: the payload of Data goes on piece
 * by piece, that of an unknown type is dropped. One thread.
 */
final class MessageAssembler {
  /** The longest Data message, in bytes; longer ones end the session. */
  static final int MAX_DATA_BYTES = 64 * 1024 * 1024;

  /** The longest other message, in bytes: a list of a million streams. */
  static final int MAX_OTHER_BYTES = 8 * 1024 * 1024;

  /** No header is longer: four numbers of ten bytes each. */
  private static final int HEADER_BYTES = 40;

  private enum Mode {
    /** Nothing known yet. */
    HEADER,
    /** The rest is payload of {@link #streamId}. */
    DATA,
    /** The rest is kept until the message is whole. */
    WHOLE,
    /** The rest is dropped. */
    DROP
  }

  private final Consumer<Message> sink;
  private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
  private Mode mode = Mode.HEADER;
  private long streamId;
  private long totalBytes;

  /**
   * Hands each message to {@code sink}, at once; the payload of Data is a view of the caller's
   * bytes.
   */
  MessageAssembler(Consumer<Message> sink) {
    this.sink = sink;
  }

  /**
   * Takes the next piece of a message.
   *
   * @throws ProtocolException if these bytes are no message
   * @throws MessageTooLongException if the message passes its limit
   */
  void accept(ByteBuffer piece, boolean last) throws ProtocolException, MessageTooLongException {
    totalBytes += piece.remaining();
    check(mode == Mode.WHOLE ? MAX_OTHER_BYTES : MAX_DATA_BYTES);
    switch (mode) {
      case HEADER -> {
        if (last && kept.size() == 0) {
          sink.accept(MessageCodec.decode(piece));
        } else {
          keep(piece);
          if (last) {
            sink.accept(MessageCodec.decode(ByteBuffer.wrap(kept.toByteArray())));
          } else if (kept.size() >= HEADER_BYTES) {
            classify();
          }
        }
      }
      case DATA -> sink.accept(new Message.Data(streamId, piece));
      case WHOLE -> {
        keep(piece);
        if (last) {
          sink.accept(MessageCodec.decode(ByteBuffer.wrap(kept.toByteArray())));
        }
      }
      case DROP -> {}
    }
    if (last) {
      mode = Mode.HEADER;
      totalBytes = 0;
      kept.reset();
    }
  }

  private void classify() throws ProtocolException, MessageTooLongException {
    switch (MessageCodec.decode(ByteBuffer.wrap(kept.toByteArray()))) {
      case Message.Data data -> {
        mode = Mode.DATA;
        streamId = data.streamId();
        kept.reset();
        sink.accept(data);
      }
      case Message.Unknown _ -> {
        mode = Mode.DROP;
        kept.reset();
      }
      case Message.Connect _,
          Message.Close _,
          Message.AddClient _,
          Message.RemoveClient _,
          Message.Pause _,
          Message.Resume _,
          Message.SyncConnections _,
          Message.Malformed _ -> {
        mode = Mode.WHOLE;
        check(MAX_OTHER_BYTES);
      }
    }
  }

  private void check(int limitBytes) throws MessageTooLongException {
    if (totalBytes > limitBytes) {
      throw new MessageTooLongException(limitBytes);
    }
  }

  private void keep(ByteBuffer piece) {
    byte[] bytes = new byte[piece.remaining()];
    piece.get(bytes);
    kept.writeBytes(bytes);
  }
}
