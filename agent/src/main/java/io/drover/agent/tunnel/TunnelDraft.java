package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.tunnel.FrameReader.FrameException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.java_websocket.drafts.Draft;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.enums.Opcode;
import org.java_websocket.exceptions.IncompleteHandshakeException;
import org.java_websocket.exceptions.InvalidDataException;
import org.java_websocket.exceptions.InvalidHandshakeException;
import org.java_websocket.framing.CloseFrame;
import org.java_websocket.framing.Framedata;
import org.java_websocket.handshake.Handshakedata;
import org.jspecify.annotations.Nullable;

/**
 * The library's protocol with its costly parts replaced: frames are read by {@link FrameReader} and
 * go straight to the session; frames to send come ready-made; and a refused handshake keeps its
 * status, body and {@code Retry-After}, of which the library would only keep a sentence.
 */
final class TunnelDraft extends Draft_6455 {
  /** The largest head of an answer, in bytes. */
  private static final int MAX_HEAD_BYTES = 32 * 1024;

  /** How much of a refusal's body is kept, in bytes. The Go agent's figure. */
  private static final int MAX_BODY_BYTES = 1024;

  /** The longest wait that a server may ask for. */
  static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(10);

  private static final Pattern STATUS_LINE = Pattern.compile("HTTP/1\\.[01] (\\d{3})( .*)?");

  /** Frames of ours, which bypass the library's own encoding. */
  record Prepared(ByteBuffer bytes) implements Framedata {
    @Override
    public boolean isFin() {
      return true;
    }

    @Override
    public boolean isRSV1() {
      return false;
    }

    @Override
    public boolean isRSV2() {
      return false;
    }

    @Override
    public boolean isRSV3() {
      return false;
    }

    @Override
    public boolean getTransfereMasked() {
      return true;
    }

    @Override
    public Opcode getOpcode() {
      return Opcode.BINARY;
    }

    @Override
    public ByteBuffer getPayloadData() {
      return bytes;
    }

    @Override
    public void append(Framedata next) {
      throw new IllegalStateException("a prepared frame is whole");
    }
  }

  /** Where frames and refusals go. */
  interface Listener {
    void piece(ByteBuffer bytes, boolean first, boolean last);

    void ping(ByteBuffer payload);

    void pong();

    void refused(HandshakeRefused refusal);
  }

  private final Listener listener;
  private final FrameReader reader;
  private @Nullable CloseFrame close;

  TunnelDraft(Listener listener) {
    this.listener = listener;
    this.reader =
        new FrameReader(
            new FrameReader.Sink() {
              @Override
              public void piece(ByteBuffer bytes, boolean first, boolean last) {
                listener.piece(bytes, first, last);
              }

              @Override
              public void ping(ByteBuffer payload) {
                listener.ping(payload);
              }

              @Override
              public void pong() {
                listener.pong();
              }

              @Override
              public void close(int code, String reason) {
                close = new CloseFrame();
                close.setCode(isEchoed(code) ? code : CloseFrame.NORMAL);
                close.setReason(reason);
              }
            });
  }

  /** The library works on a copy of what it is given. */
  @Override
  public Draft copyInstance() {
    return new TunnelDraft(listener);
  }

  @Override
  public ByteBuffer createBinaryFrame(Framedata frame) {
    return frame instanceof Prepared(var bytes) ? bytes : super.createBinaryFrame(frame);
  }

  @Override
  public List<Framedata> translateFrame(ByteBuffer in) throws InvalidDataException {
    try {
      reader.read(in);
    } catch (FrameException e) {
      throw new InvalidDataException(e.code(), e.getMessage());
    }
    // Only the close handshake is left to the library.
    return close == null ? List.of() : List.of(close);
  }

  @Override
  public Handshakedata translateHandshake(ByteBuffer in) throws InvalidHandshakeException {
    var answer = ISO_8859_1.decode(in.duplicate()).toString();
    int headEnd = answer.indexOf("\r\n\r\n");
    if (headEnd < 0) {
      if (answer.length() > MAX_HEAD_BYTES) {
        throw new InvalidHandshakeException("head over " + MAX_HEAD_BYTES + " bytes");
      }
      throw new IncompleteHandshakeException(in.capacity() + MAX_BODY_BYTES);
    }
    var lines = answer.substring(0, headEnd).split("\r\n");
    var status = STATUS_LINE.matcher(lines[0]);
    if (!status.matches()) {
      throw new InvalidHandshakeException("no HTTP status line");
    }
    int code = Integer.parseInt(status.group(1));
    if (code == 101) {
      return super.translateHandshake(in);
    }
    var body = answer.substring(headEnd + 4).getBytes(ISO_8859_1);
    listener.refused(refusal(code, lines, body));
    long announced = Math.min(number(lines, "content-length"), MAX_BODY_BYTES);
    if (body.length < announced) {
      throw new IncompleteHandshakeException(in.capacity() + MAX_BODY_BYTES);
    }
    throw new InvalidHandshakeException("status " + code);
  }

  private static HandshakeRefused refusal(int code, String[] lines, byte[] body) {
    var text = new String(body, 0, Math.min(body.length, MAX_BODY_BYTES), UTF_8);
    var location = header(lines, "location");
    if (!location.isEmpty()) {
      text = "redirect to " + location;
    }
    var retryAfter = Duration.ofSeconds(number(lines, "retry-after"));
    return new HandshakeRefused(
        code,
        WireTrace.printable(text.strip()),
        retryAfter.compareTo(MAX_RETRY_AFTER) < 0 ? retryAfter : MAX_RETRY_AFTER);
  }

  /** Whether the library agrees to send the code back: not those that stand for "none". */
  private static boolean isEchoed(int code) {
    return (code >= 1000 && code <= 1011 && code != 1004 && code != 1005 && code != 1006)
        || (code >= 3000 && code <= 4999);
  }

  private static long number(String[] lines, String name) {
    var value = header(lines, name);
    return value.matches("\\d{1,9}") ? Long.parseLong(value) : 0;
  }

  private static String header(String[] lines, String name) {
    var values = new ArrayList<String>();
    for (var line : lines) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).toLowerCase(Locale.ROOT).equals(name)) {
        values.add(line.substring(colon + 1).strip());
      }
    }
    return values.isEmpty() ? "" : values.getFirst();
  }
}
