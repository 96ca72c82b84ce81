package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;

/**
 * A file of asciicast v2: a head, and a line for each event. Source: asciinema's {@code
 * doc/asciicast-v2.md}. Of one thread.
 */
final class Cast implements Shown, Closeable {
  /** That of a terminal which has not said its size yet. */
  static final int WIDTH = 80;

  static final int HEIGHT = 24;

  /** Of what says the window's size, in characters. */
  static final int MAX_SIZE_TEXT = 256;

  private static final int MAX_CARRIED = 4; // of a character that is cut in two
  private static final int MICROS = 6; // digits of a time
  private static final JsonFactory JSON = new JsonFactory();
  private static final Pattern COLUMNS = number("width");
  private static final Pattern ROWS = number("height");

  /** A file has as many bytes as it may have. */
  static final class FullException extends IOException {
    @java.io.Serial private static final long serialVersionUID = 1;

    FullException(long maxBytes) {
      super("the recording would have more than " + maxBytes + " bytes");
    }
  }

  /** Of one kind, and at one time. */
  private record Event(String code, StringBuilder text) {}

  @FunctionalInterface
  private interface Body {
    void write(JsonGenerator json) throws IOException;
  }

  private final OutputStream out;
  private final long maxBytes;
  private final boolean typed;
  private final Map<Kind, Utf8> texts = new EnumMap<>(Kind.class);
  private final StringBuilder size = new StringBuilder();
  private final List<Event> waiting = new ArrayList<>();
  private Duration time = Duration.ZERO;
  private long written;

  /**
   * Writes the head.
   *
   * @param out closed with this
   */
  Cast(OutputStream out, Session session, Instant start, long maxBytes) throws IOException {
    this.out = out;
    this.maxBytes = maxBytes;
    this.typed = session.typed();
    for (Kind kind : Kind.values()) {
      texts.put(kind, new Utf8());
    }
    line(
        json -> {
          json.writeStartObject();
          json.writeNumberField("version", 2);
          json.writeNumberField("width", WIDTH);
          json.writeNumberField("height", HEIGHT);
          json.writeNumberField("timestamp", start.getEpochSecond());
          json.writeStringField("title", session.title());
          if (!session.command().isEmpty()) {
            json.writeStringField("command", session.command());
          }
          json.writeEndObject();
        });
  }

  /** When what follows was said, since the start. */
  void at(Duration sinceStart) {
    time = sinceStart;
  }

  @Override
  public void bytes(Kind kind, ByteBuffer bytes) throws UnreadableException {
    if (kind == Kind.TYPED && !typed) {
      return;
    }
    String text = Objects.requireNonNull(texts.get(kind)).decode(bytes);
    switch (kind) {
      case TYPED -> add("i", text);
      case OUTPUT, ERROR -> add("o", text);
      case SIZE -> resize(text);
    }
  }

  private void resize(String text) throws UnreadableException {
    for (int i = 0; i < text.length(); i++) {
      size.append(text.charAt(i));
      if (text.charAt(i) == '}') {
        var columns = COLUMNS.matcher(size);
        var rows = ROWS.matcher(size);
        if (columns.find() && rows.find()) {
          waiting.add(new Event("r", new StringBuilder(columns.group(1) + "x" + rows.group(1))));
        }
        size.setLength(0);
      } else if (size.length() > MAX_SIZE_TEXT) {
        throw new UnreadableException("the window's size is none");
      }
    }
  }

  private void add(String code, String text) {
    if (text.isEmpty()) {
      return;
    }
    if (waiting.isEmpty() || !waiting.getLast().code().equals(code)) {
      waiting.add(new Event(code, new StringBuilder()));
    }
    waiting.getLast().text().append(text);
  }

  /**
   * Writes the events of that time.
   *
   * @throws FullException if there is no room for one
   */
  void write() throws IOException {
    var seconds = BigDecimal.valueOf(time.toNanos() / 1_000, MICROS);
    for (var event : waiting) {
      line(
          json -> {
            json.writeStartArray();
            json.writeNumber(seconds);
            json.writeString(event.code());
            json.writeString(event.text().toString());
            json.writeEndArray();
          });
    }
    waiting.clear();
  }

  /** What is written is the system's. */
  void flush() throws IOException {
    out.flush();
  }

  /** Whole, or not at all. */
  private void line(Body body) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var json = JSON.createGenerator(bytes)) {
      body.write(json);
    }
    bytes.write('\n');
    if (written + bytes.size() > maxBytes) {
      throw new FullException(maxBytes);
    }
    written += bytes.size();
    bytes.writeTo(out);
  }

  @Override
  public void close() throws IOException {
    out.close();
  }

  private static Pattern number(String name) {
    return Pattern.compile("\"" + name + "\"\\s*:\\s*(\\d{1,5})\\b", Pattern.CASE_INSENSITIVE);
  }

  /** Text of which a character may be cut in two. */
  private static final class Utf8 {
    private final CharsetDecoder decoder =
        UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private final ByteBuffer carried = ByteBuffer.allocate(MAX_CARRIED).flip();

    String decode(ByteBuffer bytes) {
      var all = ByteBuffer.allocate(carried.remaining() + bytes.remaining());
      all.put(carried).put(bytes).flip();
      var chars = CharBuffer.allocate(all.remaining() + 1);
      decoder.decode(all, chars, false);
      carried.clear();
      carried.put(all).flip(); // up to three bytes
      return chars.flip().toString();
    }
  }
}
