package io.drover.steve.ws;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Optional;

/**
 * A websocket whose client is the peer. One thread reads; any may send, a message at a time. How
 * long a write may take, whoever made the streams says.
 */
public final class WebSocket {
  /** Of a message that comes in, with all of its parts. */
  public static final int MAX_MESSAGE_BYTES = 64 * 1024;

  /** Parts of one message: a peer could send empty ones for ever. */
  static final int MAX_PARTS = 1024;

  /** Source: RFC 6455, 5.5. */
  private static final int MAX_CONTROL_BYTES = 125;

  private static final int TWO_BYTES = 126;
  private static final int EIGHT_BYTES = 127;
  private static final int FIN = 0x80;
  private static final int RESERVED = 0x70;
  private static final int OPCODE = 0x0f;
  private static final int MASKED = 0x80;
  private static final int MASK_BYTES = 4;

  private static final int CONTINUATION = 0;
  private static final int TEXT = 1;
  private static final int BINARY = 2;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;

  /** Why a connection is closed. */
  public static final int NORMAL = 1000;

  public static final int TRY_AGAIN_LATER = 1013;
  static final int PROTOCOL_ERROR = 1002;
  static final int NOT_TEXT = 1007;
  static final int TOO_BIG = 1009;

  private static final int FIRST_OF_APPLICATIONS = 3000;
  private static final int LAST_CODE = 4999;

  /** The peer does not keep to the standard, or to our limits. */
  private static final class ViolationException extends IOException {
    private static final long serialVersionUID = 1;
    private final int code;

    ViolationException(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  @SuppressWarnings("ArrayRecordComponent") // compared with nothing
  private record Frame(boolean last, int opcode, byte[] payload) {
    boolean isControl() {
      return opcode >= CLOSE;
    }
  }

  private final DataInputStream in;
  private final OutputStream out;
  private final Object writing = new Object();
  private boolean closeSent; // guarded by writing

  /** A connection whose handshake is done. */
  public WebSocket(InputStream in, OutputStream out) {
    this.in = new DataInputStream(in);
    this.out = out;
  }

  /**
   * The next message, of text or bytes; pings before it are answered. Empty: the peer has closed,
   * and been answered.
   *
   * @throws IOException if the connection breaks, or the peer breaks the rules, and has been told
   */
  public Optional<byte[]> read() throws IOException {
    try {
      return next();
    } catch (ViolationException e) {
      close(e.code);
      throw e;
    }
  }

  private Optional<byte[]> next() throws IOException {
    var bytes = new ByteArrayOutputStream();
    boolean begun = false;
    boolean text = false;
    for (int parts = 0; parts < MAX_PARTS; ) {
      var frame = frame(MAX_MESSAGE_BYTES - bytes.size());
      parts += frame.isControl() ? 0 : 1; // a page that is silent may ping for days
      switch (frame.opcode()) {
        case TEXT, BINARY -> {
          if (begun) {
            throw violation("a message begins within another");
          }
          begun = true;
          text = frame.opcode() == TEXT;
          bytes.write(frame.payload());
        }
        case CONTINUATION -> {
          if (!begun) {
            throw violation("a part of no message");
          }
          bytes.write(frame.payload());
        }
        case CLOSE -> {
          closed(frame.payload());
          return Optional.empty();
        }
        case PING -> write(PONG, frame.payload());
        case PONG -> {} // nobody waits for one
        default -> throw violation("opcode " + frame.opcode());
      }
      if (begun && frame.last() && !frame.isControl()) {
        if (text) {
          requireText(bytes.toByteArray());
        }
        return Optional.of(bytes.toByteArray());
      }
    }
    throw new ViolationException(TOO_BIG, "more than " + MAX_PARTS + " parts without a message");
  }

  private static ViolationException violation(String what) {
    return new ViolationException(PROTOCOL_ERROR, "the websocket's peer sends " + what);
  }

  private Frame frame(int room) throws IOException {
    int first = in.readUnsignedByte();
    int second = in.readUnsignedByte();
    int opcode = first & OPCODE;
    boolean control = opcode >= CLOSE;
    if ((first & RESERVED) != 0) {
      throw violation("bits of an extension");
    }
    if ((second & MASKED) == 0) {
      throw violation("what is not masked");
    }
    int shortLength = second & ~MASKED;
    if (control && ((first & FIN) == 0 || shortLength > MAX_CONTROL_BYTES)) {
      throw violation("a control frame that is not short and whole");
    }
    long length =
        switch (shortLength) {
          case TWO_BYTES -> atLeast(in.readUnsignedShort(), TWO_BYTES);
          case EIGHT_BYTES -> atLeast(in.readLong(), 1 << Short.SIZE);
          default -> shortLength;
        };
    if (!control && length > room) {
      throw new ViolationException(
          TOO_BIG, "the websocket's peer sends a message of more than " + MAX_MESSAGE_BYTES);
    }
    byte[] mask = in.readNBytes(MASK_BYTES);
    byte[] payload = in.readNBytes((int) length);
    if (mask.length < MASK_BYTES || payload.length < length) {
      throw new EOFException("the websocket ends within a frame");
    }
    for (int i = 0; i < payload.length; i++) {
      payload[i] ^= mask[i % MASK_BYTES];
    }
    return new Frame((first & FIN) != 0, opcode, payload);
  }

  /** A length must be written in as few bytes as it needs; a negative one is no length. */
  private static long atLeast(long length, long least) throws ViolationException {
    if (length < least) {
      throw violation("a length in too many bytes");
    }
    return length;
  }

  private static void requireText(byte[] bytes) throws ViolationException {
    try {
      UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
    } catch (CharacterCodingException _) {
      throw new ViolationException(NOT_TEXT, "the websocket's peer sends text that is not UTF-8");
    }
  }

  private void closed(byte[] payload) throws IOException {
    if (payload.length == 0) {
      close(NORMAL);
      return;
    }
    if (payload.length == 1) {
      throw violation("half a code");
    }
    int code = ByteBuffer.wrap(payload).getShort() & 0xffff;
    if (!isCode(code)) {
      throw violation("the code " + code);
    }
    requireText(java.util.Arrays.copyOfRange(payload, 2, payload.length));
    close(code);
  }

  private static boolean isCode(int code) {
    return switch (code) {
      case 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014 -> true;
      default -> code >= FIRST_OF_APPLICATIONS && code <= LAST_CODE;
    };
  }

  /** Sends a whole message of text in UTF-8. Blocks as long as the peer does not read. */
  public void send(byte[] text) throws IOException {
    write(TEXT, text);
  }

  /** Says that nothing more will be sent; a second time does nothing. */
  public void close(int code) throws IOException {
    write(CLOSE, ByteBuffer.allocate(2).putShort((short) code).array());
  }

  private void write(int opcode, byte[] payload) throws IOException {
    synchronized (writing) {
      if (closeSent) {
        return;
      }
      closeSent = opcode == CLOSE;
      var frame = ByteBuffer.allocate(payload.length + 2 + Long.BYTES);
      frame.put((byte) (FIN | opcode));
      if (payload.length < TWO_BYTES) {
        frame.put((byte) payload.length);
      } else if (payload.length < 1 << Short.SIZE) {
        frame.put((byte) TWO_BYTES).putShort((short) payload.length);
      } else {
        frame.put((byte) EIGHT_BYTES).putLong(payload.length);
      }
      frame.put(payload).flip();
      out.write(frame.array(), 0, frame.limit());
      out.flush();
    }
  }
}
