package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Websocket frames of a server, taken apart as the bytes arrive.
 *
 * <pre>
 *   ┌─────┬─────┬────────┬──────┬────────┬───────────────────┬─────────┐
 *   │ FIN │ RSV │ opcode │ MASK │ length │ 16 or 64 bits of  │ payload │
 *   │     │  0  │        │  0   │ 7 bits │ length, if 126/127│         │
 *   └─────┴─────┴────────┴──────┴────────┴───────────────────┴─────────┘
 * </pre>
 *
 * <p>A message is handed on in pieces of at most {@link #MAX_PIECE_BYTES}: a frame of any announced
 * length costs no more memory than that, and a huge one is on its way before its end has come.
 * Fragments are joined within a piece. Used by one thread. Source: RFC 6455, 5.2.
 */
final class FrameReader {
  /** The largest piece, and so the most that one message holds in memory here. */
  static final int MAX_PIECE_BYTES = 64 * 1024;

  /** The largest message, fragments included; past it the session ends with 1009. */
  static final long MAX_MESSAGE_BYTES = 64L * 1024 * 1024;

  /** Source: RFC 6455, 5.5. */
  static final int MAX_CONTROL_BYTES = 125;

  static final int PROTOCOL_ERROR = 1002;
  static final int NOT_BINARY = 1003;
  static final int TOO_BIG = 1009;

  private static final int CONTINUATION = 0;
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;
  private static final int MAX_HEADER_BYTES = 10;

  /** Takes what was read, on the thread that reads. */
  interface Sink {
    /** A part of a message: the first, the last, both or neither. Of no use after the call. */
    void piece(ByteBuffer bytes, boolean first, boolean last);

    void ping(ByteBuffer payload);

    void pong();

    void close(int code, String reason);
  }

  /** The peer breaks RFC 6455; {@code code} is what to close with. */
  static final class FrameException extends IOException {
    private static final long serialVersionUID = 1L;
    private final int code;

    FrameException(int code, String message) {
      super(message);
      this.code = code;
    }

    int code() {
      return code;
    }
  }

  private final Sink sink;
  private final byte[] header = new byte[MAX_HEADER_BYTES];
  private int headerBytes;

  // The frame whose payload is being read; opcode is -1 between frames.
  private int opcode = -1;
  private boolean fin;
  private long frameRemaining;

  // The message whose pieces are being read.
  private boolean inMessage;
  private boolean firstPiece;
  private long messageBytes;

  private byte[] piece = new byte[0];
  private int pieceBytes;

  private final byte[] control = new byte[MAX_CONTROL_BYTES];
  private int controlBytes;

  FrameReader(Sink sink) {
    this.sink = sink;
  }

  /** Reads all of {@code in}. After an exception the reader must not be used again. */
  void read(ByteBuffer in) throws FrameException {
    while (in.hasRemaining() || (opcode >= 0 && frameRemaining == 0)) {
      if (opcode < 0) {
        readHeader(in);
      } else if (opcode >= CLOSE) {
        readControl(in);
      } else {
        readData(in);
      }
    }
  }

  private void readHeader(ByteBuffer in) throws FrameException {
    header[headerBytes++] = in.get();
    if (headerBytes < 2) {
      return;
    }
    int shortLength = header[1] & 0x7F;
    int wanted = shortLength < 126 ? 2 : shortLength == 126 ? 4 : MAX_HEADER_BYTES;
    if (headerBytes == 2) {
      check(shortLength);
    }
    if (headerBytes < wanted) {
      return;
    }
    long length = shortLength;
    if (wanted > 2) {
      length = 0;
      for (int i = 2; i < wanted; i++) {
        length = (length << 8) | (header[i] & 0xFF);
      }
    }
    headerBytes = 0;
    begin(header[0] & 0x0F, (header[0] & 0x80) != 0, length);
  }

  private void check(int shortLength) throws FrameException {
    int code = header[0] & 0x0F;
    boolean isControl = code >= CLOSE;
    if ((header[0] & 0x70) != 0) {
      throw new FrameException(PROTOCOL_ERROR, "reserved bits set");
    }
    if ((header[1] & 0x80) != 0) {
      throw new FrameException(PROTOCOL_ERROR, "frame of a server is masked");
    }
    if (code > PONG || (code > BINARY && !isControl)) {
      throw new FrameException(PROTOCOL_ERROR, "unknown opcode");
    }
    if (code == TEXT) {
      throw new FrameException(NOT_BINARY, "text frame");
    }
    if (isControl && (shortLength > MAX_CONTROL_BYTES || (header[0] & 0x80) == 0)) {
      throw new FrameException(PROTOCOL_ERROR, "control frame too long or fragmented");
    }
    if (code == CONTINUATION && !inMessage) {
      throw new FrameException(PROTOCOL_ERROR, "continuation of nothing");
    }
    if (code == BINARY && inMessage) {
      throw new FrameException(PROTOCOL_ERROR, "message inside a message");
    }
  }

  private void begin(int code, boolean isFinal, long length) throws FrameException {
    opcode = code;
    frameRemaining = length;
    if (code >= CLOSE) {
      controlBytes = 0;
      return;
    }
    fin = isFinal;
    if (code == BINARY) {
      inMessage = true;
      firstPiece = true;
      messageBytes = 0;
    }
    // A length of 64 bits may be negative here: as large as any that is refused.
    if (length < 0 || length > MAX_MESSAGE_BYTES - messageBytes) {
      throw new FrameException(TOO_BIG, "message over " + MAX_MESSAGE_BYTES + " bytes");
    }
    messageBytes += length;
  }

  private void readControl(ByteBuffer in) {
    int length = (int) Math.min(frameRemaining, in.remaining());
    in.get(control, controlBytes, length);
    controlBytes += length;
    frameRemaining -= length;
    if (frameRemaining > 0) {
      return;
    }
    int code = opcode;
    opcode = -1;
    var payload = ByteBuffer.wrap(control, 0, controlBytes);
    switch (code) {
      case PING -> sink.ping(ByteBuffer.allocate(controlBytes).put(payload).flip());
      case PONG -> sink.pong();
      default -> {
        int closeCode = controlBytes >= 2 ? payload.getShort() & 0xFFFF : 1005;
        var reason = UTF_8.decode(payload).toString();
        sink.close(closeCode, reason);
      }
    }
  }

  private void readData(ByteBuffer in) {
    int length =
        (int) Math.min(Math.min(frameRemaining, in.remaining()), MAX_PIECE_BYTES - pieceBytes);
    if (length > 0) {
      ensureRoom(length);
      in.get(piece, pieceBytes, length);
      pieceBytes += length;
      frameRemaining -= length;
    }
    boolean last = fin && frameRemaining == 0;
    if (frameRemaining == 0) {
      opcode = -1;
    }
    if (last) {
      inMessage = false;
    }
    if (last || pieceBytes == MAX_PIECE_BYTES) {
      var bytes = ByteBuffer.wrap(piece, 0, pieceBytes);
      boolean first = firstPiece;
      pieceBytes = 0;
      firstPiece = false;
      sink.piece(bytes, first, last);
    }
  }

  private void ensureRoom(int length) {
    int wanted = pieceBytes + length;
    if (wanted <= piece.length) {
      return;
    }
    // As much as this frame will need; for many small fragments at least twice as much as before.
    long frame = pieceBytes + frameRemaining;
    int room = (int) Math.min(MAX_PIECE_BYTES, Math.max(frame, 2L * piece.length));
    piece = Arrays.copyOf(piece, room);
  }
}
