package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.gateway.recording.Shown.Kind;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.jspecify.annotations.Nullable;

/**
 * SPDY/3.1, of which each stream is one of the session's: the client opens them, and says in a
 * header which is which. Source: the SPDY protocol, draft 3.1, 2.6 to 2.7; apimachinery {@code
 * pkg/util/httpstream/spdy}. Keeps no more than a control frame of the client.
 */
final class SpdyFrames implements Frames, AutoCloseable {
  /** Of a control frame with headers, and of its headers once inflated. Usual: 100 bytes. */
  static final int MAX_HEADERS = 64 * 1024;

  /** Of one connection; a session has five. */
  static final int MAX_STREAMS = 16;

  private static final String STREAM_TYPE = "streamtype";
  private static final String DICTIONARY = "spdy-3.dictionary";
  private static final byte[] WORDS = words();

  private final Shown shown;
  private final Inflater inflater = new Inflater();
  private final Map<Integer, String> types = new HashMap<>();
  private final Direction client = new Direction(true);
  private final Direction server = new Direction(false);

  /** At the beginning of both directions. */
  SpdyFrames(Shown shown) {
    this.shown = shown;
  }

  /** That header blocks are compressed with. */
  static byte[] words() {
    try (InputStream in = SpdyFrames.class.getResourceAsStream(DICTIONARY)) {
      if (in == null) {
        throw new IllegalStateException(DICTIONARY + " is not packaged");
      }
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void fromClient(ByteBuffer bytes) throws UnreadableException {
    client.read(bytes);
  }

  @Override
  public void fromServer(ByteBuffer bytes) throws UnreadableException {
    server.read(bytes);
  }

  /** Frees what is not the heap's. */
  @Override
  public void close() {
    inflater.end();
  }

  /** One of both ways. */
  private final class Direction {
    private static final int HEAD_BYTES = 8;
    private static final int VERSION = 3;
    private static final int SYN_STREAM = 1;
    private static final int SYN_REPLY = 2;
    private static final int HEADERS = 8;

    /** Behind these bytes of a control frame are its headers. */
    private static final int BEFORE_SYN_STREAM = 10;

    private static final int BEFORE_OTHERS = 4;

    private final boolean isClient;
    private final ByteBuffer head = ByteBuffer.allocate(HEAD_BYTES);
    private boolean inFrame;
    private int left; // of the frame
    private @Nullable Kind kind; // of a data frame; null: not to be shown
    private @Nullable ByteBuffer kept; // of a frame with headers; null: of another

    Direction(boolean isClient) {
      this.isClient = isClient;
    }

    void read(ByteBuffer bytes) throws UnreadableException {
      while (bytes.hasRemaining()) {
        if (!inFrame) {
          head.put(bytes.get());
          if (head.hasRemaining()) {
            continue;
          }
          begin();
        } else {
          int count = Math.min(left, bytes.remaining());
          payload(bytes.slice(bytes.position(), count));
          bytes.position(bytes.position() + count);
          left -= count;
        }
        if (inFrame && left == 0) {
          inFrame = false;
          end();
        }
      }
    }

    private void begin() throws UnreadableException {
      int first = head.getInt(0);
      left = head.getInt(4) & 0xffffff;
      head.clear();
      inFrame = true;
      kept = null;
      kind = null;
      if (first >= 0) {
        kind = kind(first);
        return;
      }
      if ((first >> 16 & 0x7fff) != VERSION) {
        throw new UnreadableException("a SPDY frame of another version");
      }
      int type = first & 0xffff;
      if (isClient && (type == SYN_STREAM || type == SYN_REPLY || type == HEADERS)) {
        if (left > MAX_HEADERS) {
          throw new UnreadableException("a SPDY frame with too many headers");
        }
        kept = ByteBuffer.allocate(left + 2).putShort((short) type);
      }
    }

    /** Null: not to be shown. What the server says on a stream that we do not know is output. */
    private @Nullable Kind kind(int stream) {
      String type = types.getOrDefault(stream, "");
      if (isClient) {
        return switch (type) {
          case "stdin" -> Kind.TYPED;
          case "resize" -> Kind.SIZE;
          default -> null;
        };
      }
      return switch (type) {
        case "stderr" -> Kind.ERROR;
        case "error" -> null;
        default -> Kind.OUTPUT;
      };
    }

    private void payload(ByteBuffer bytes) throws UnreadableException {
      if (kept != null) {
        kept.put(bytes);
      } else if (kind != null) {
        shown.bytes(kind, bytes);
      }
    }

    private void end() throws UnreadableException {
      var frame = kept;
      kept = null;
      if (frame == null) {
        return;
      }
      frame.flip();
      int type = frame.getShort();
      int before = type == SYN_STREAM ? BEFORE_SYN_STREAM : BEFORE_OTHERS;
      if (frame.remaining() < before) {
        throw new UnreadableException("a SPDY frame is too short");
      }
      int stream = frame.getInt(frame.position()) & 0x7fffffff;
      frame.position(frame.position() + before);
      // Of each frame with headers, since they are all one compressed text.
      String streamType = streamType(inflate(frame));
      if (type == SYN_STREAM) {
        if (types.size() == MAX_STREAMS || types.putIfAbsent(stream, streamType) != null) {
          throw new UnreadableException("too many SPDY streams, or one of them twice");
        }
      }
    }
  }

  private ByteBuffer inflate(ByteBuffer compressed) throws UnreadableException {
    byte[] plain = new byte[MAX_HEADERS];
    int length = 0;
    inflater.setInput(compressed);
    try {
      while (true) {
        int count = inflater.inflate(plain, length, plain.length - length);
        length += count;
        if (inflater.needsDictionary()) {
          inflater.setDictionary(WORDS);
        } else if (length == plain.length || inflater.finished()) {
          throw new UnreadableException("SPDY headers are too long, or end");
        } else if (count == 0) {
          return ByteBuffer.wrap(plain, 0, length);
        }
      }
    } catch (DataFormatException | IllegalArgumentException _) {
      throw new UnreadableException("SPDY headers are not compressed as they are to be");
    }
  }

  /** As it stands in headers; empty: it does not. */
  private static String streamType(ByteBuffer headers) throws UnreadableException {
    var found = new HashMap<String, String>();
    if (headers.remaining() < Integer.BYTES) {
      throw new UnreadableException("SPDY headers are cut off");
    }
    int count = headers.getInt();
    for (int i = 0; i < count; i++) {
      String name = text(headers).toLowerCase(Locale.ROOT);
      if (found.put(name, text(headers)) != null) {
        throw new UnreadableException("a SPDY header is there twice");
      }
    }
    String type = found.getOrDefault(STREAM_TYPE, "");
    if (type.indexOf('\0') >= 0) {
      throw new UnreadableException("a SPDY header has two values");
    }
    return type;
  }

  private static String text(ByteBuffer headers) throws UnreadableException {
    int length = headers.remaining() < Integer.BYTES ? -1 : headers.getInt();
    if (length < 0 || length > headers.remaining()) {
      throw new UnreadableException("SPDY headers are cut off");
    }
    byte[] text = new byte[length];
    headers.get(text);
    return new String(text, UTF_8);
  }
}
