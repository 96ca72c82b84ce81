package io.drover.agent.gateway.recording;

import io.drover.agent.gateway.recording.Shown.Kind;
import java.nio.ByteBuffer;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/**
 * Websocket (RFC 6455) with channels, as the API server has it: the first byte of a message says
 * what the rest is. Source: apimachinery {@code pkg/util/remotecommand/constants.go}, apiserver
 * {@code pkg/util/proxy/websocket.go}. Keeps no more than a frame's head.
 */
final class WebsocketFrames implements Frames {
  private static final int STDIN = 0;
  private static final int STDERR = 2;
  private static final int ERROR = 3;
  private static final int RESIZE = 4;

  private final Direction client;
  private final Direction server;

  /**
   * At the beginning of both directions.
   *
   * @param base64 whether channels are digits, and what follows is text
   */
  WebsocketFrames(boolean base64, Shown shown) {
    this.client = new Direction(true, base64, shown);
    this.server = new Direction(false, base64, shown);
  }

  /** Whether we know that subprotocol; an empty one is the oldest. */
  static boolean knows(String protocol) {
    return switch (protocol) {
      case "",
          "channel.k8s.io",
          "base64.channel.k8s.io",
          "v4.channel.k8s.io",
          "v4.base64.channel.k8s.io",
          "v5.channel.k8s.io" ->
          true;
      default -> false;
    };
  }

  /** Whether channels are digits, and what follows is text. */
  static boolean isBase64(String protocol) {
    return protocol.contains("base64.");
  }

  @Override
  public void fromClient(ByteBuffer bytes) throws UnreadableException {
    client.read(bytes);
  }

  @Override
  public void fromServer(ByteBuffer bytes) throws UnreadableException {
    server.read(bytes);
  }

  /** One of both ways. */
  private static final class Direction {
    private static final int MAX_HEAD = 14;
    private static final int CONTINUATION = 0;
    private static final int TEXT = 1;
    private static final int BINARY = 2;
    private static final int FIRST_CONTROL = 8;
    private static final int LAST_KNOWN = 10;
    private static final int MAX_CONTROL = 125;
    private static final int TWO_BYTES = 126;
    private static final int EIGHT_BYTES = 127;
    private static final int MASK_BYTES = 4;
    private static final int CUT = 1024; // of what is unmasked at a time
    private static final int BASE64_GROUP = 4;

    private final boolean isClient;
    private final boolean base64;
    private final Shown shown;
    private final ByteBuffer head = ByteBuffer.allocate(MAX_HEAD);
    private final byte[] mask = new byte[MASK_BYTES];
    private final byte[] group = new byte[BASE64_GROUP];
    private int grouped;
    private boolean inFrame;
    private long left; // of the frame
    private int maskAt;
    private boolean isControl;
    private boolean isLast;
    private boolean inMessage;
    private boolean channelKnown;
    private @Nullable Kind kind; // of the message; null: not to be shown

    Direction(boolean isClient, boolean base64, Shown shown) {
      this.isClient = isClient;
      this.base64 = base64;
      this.shown = shown;
    }

    void read(ByteBuffer bytes) throws UnreadableException {
      while (bytes.hasRemaining()) {
        if (!inFrame) {
          readHead(bytes);
        } else {
          int count = (int) Math.min(Math.min(left, bytes.remaining()), CUT);
          payload(bytes, count);
          left -= count;
        }
        if (inFrame && left == 0) {
          inFrame = false;
          endFrame();
        }
      }
    }

    private void readHead(ByteBuffer bytes) throws UnreadableException {
      head.put(bytes.get());
      if (head.position() < 2 || head.position() < headLength()) {
        return;
      }
      int first = head.get(0) & 0xff;
      int size = head.get(1) & 0x7f;
      begin((first & 0x80) != 0, first & 0x70, first & 0x0f, size);
      left =
          switch (size) {
            case TWO_BYTES -> head.getShort(2) & 0xffff;
            case EIGHT_BYTES -> head.getLong(2);
            default -> size;
          };
      if (left < 0) {
        throw new UnreadableException("a websocket frame has a length below 0");
      }
      boolean masked = (head.get(1) & 0x80) != 0;
      if (masked != isClient) {
        throw new UnreadableException(
            "a websocket frame is masked by the wrong end, or not at all");
      }
      if (masked) {
        head.get(head.position() - MASK_BYTES, mask);
      }
      maskAt = 0;
      head.clear();
      inFrame = true;
    }

    private int headLength() {
      int size = head.get(1) & 0x7f;
      int more = size == TWO_BYTES ? Short.BYTES : size == EIGHT_BYTES ? Long.BYTES : 0;
      return 2 + more + ((head.get(1) & 0x80) != 0 ? MASK_BYTES : 0);
    }

    private void begin(boolean fin, int reserved, int opcode, int size) throws UnreadableException {
      isControl = opcode >= FIRST_CONTROL;
      boolean isKnown =
          opcode == CONTINUATION
              || opcode == TEXT
              || opcode == BINARY
              || (isControl && opcode <= LAST_KNOWN && fin && size <= MAX_CONTROL);
      if (reserved != 0 || !isKnown) {
        throw new UnreadableException("a websocket frame of an unknown kind");
      }
      if (isControl) {
        return;
      }
      if ((opcode == CONTINUATION) != inMessage) {
        throw new UnreadableException("a websocket message begins in the middle of another");
      }
      if (!inMessage) {
        inMessage = true;
        channelKnown = false;
        kind = null;
        grouped = 0;
      }
      isLast = fin;
    }

    private void endFrame() throws UnreadableException {
      if (isControl || !isLast) {
        return;
      }
      inMessage = false;
      if (base64 && grouped != 0) {
        throw new UnreadableException("a websocket message is no whole base64");
      }
    }

    private void payload(ByteBuffer bytes, int count) throws UnreadableException {
      if (isControl) {
        bytes.position(bytes.position() + count);
        return;
      }
      byte[] plain = new byte[count];
      bytes.get(plain);
      if (isClient) {
        for (int i = 0; i < count; i++) {
          plain[i] ^= mask[maskAt];
          maskAt = (maskAt + 1) % MASK_BYTES;
        }
      }
      var said = ByteBuffer.wrap(plain);
      if (!channelKnown) {
        kind = kind(said.get() & 0xff);
        channelKnown = true;
      }
      if (kind != null && said.hasRemaining()) {
        if (base64) {
          decode(kind, said);
        } else {
          shown.bytes(kind, said);
        }
      }
    }

    /** Null: not to be shown. What the server says and we do not know is output. */
    private @Nullable Kind kind(int channel) {
      int number = base64 ? channel - '0' : channel;
      if (isClient) {
        return switch (number) {
          case STDIN -> Kind.TYPED;
          case RESIZE -> Kind.SIZE;
          default -> null;
        };
      }
      return switch (number) {
        case STDERR -> Kind.ERROR;
        case ERROR -> null;
        default -> Kind.OUTPUT;
      };
    }

    private void decode(Kind of, ByteBuffer text) throws UnreadableException {
      while (text.hasRemaining()) {
        group[grouped++] = text.get();
        if (grouped == BASE64_GROUP) {
          grouped = 0;
          try {
            shown.bytes(of, ByteBuffer.wrap(Base64.getDecoder().decode(group)));
          } catch (IllegalArgumentException _) {
            throw new UnreadableException("a websocket message is no base64");
          }
        }
      }
    }
  }
}
