package io.drover.agent.gateway.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.io.JsonStringEncoder;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Passes JSON on as it comes, byte for byte, but for the texts that a rule replaces. One document
 * or many, as a watch has them. Of all that passes it holds back one text at most, and that only if
 * the rule looks at it. What is no JSON is an {@link IOException}. One thread.
 */
final class MemberTexts extends OutputStream {
  /** Objects and lists in each other; those of Kubernetes have ten. */
  static final int MAX_DEPTH = 200;

  /** Of a key, in bytes: a longer one is none of those that a rule looks for. */
  static final int MAX_KEY_BYTES = 512;

  /**
   * Of a text that is held back, in bytes as it comes. An object's annotations come to 256 KiB at
   * most, and Base64 of a token to 22 KiB.
   */
  static final int MAX_HELD_BYTES = 512 * 1024;

  /** What is kept for the next text. */
  private static final int SMALL_BYTES = 4 * 1024;

  private static final JsonFactory JSON = new JsonFactory();

  private enum Text {
    /** None is being read. */
    NONE,
    /** Passed on, and of no interest. */
    PASSED,
    /** Passed on, and read. */
    KEY,
    /** The same. */
    NOTED,
    /** Not passed on yet. */
    HELD
  }

  private final OutputStream out;
  private final TextRule rule;
  private @Nullable Place place;
  private int depth;
  private Text text = Text.NONE;
  private boolean escaped;
  private ByteArrayOutputStream read = new ByteArrayOutputStream();
  private boolean tooLong;

  MemberTexts(OutputStream out, TextRule rule) {
    this.out = out;
    this.rule = rule;
  }

  @Override
  public void write(int b) throws IOException {
    write(new byte[] {(byte) b}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int offset, int length) throws IOException {
    int end = offset + length;
    int passed = offset; // all before it has been passed on, or is held back
    int i = offset;
    while (i < end) {
      if (text == Text.NONE) {
        byte b = bytes[i];
        if (b == '"') {
          begin();
          if (text == Text.HELD) {
            out.write(bytes, passed, i - passed);
            passed = end; // unless it ends in here
          }
        } else {
          structure(b);
        }
        i++;
        continue;
      }
      int stop = endOfText(bytes, i, end);
      keep(bytes, i, stop);
      i = stop;
      if (i < end) {
        if (text == Text.HELD) {
          replace();
          passed = i + 1;
        } else {
          understand();
        }
        text = Text.NONE;
        i++;
      }
    }
    if (text != Text.HELD) {
      out.write(bytes, passed, end - passed);
    }
  }

  private void begin() {
    var at = place;
    if (at == null || !at.isObject()) {
      text = Text.PASSED;
    } else if (at.awaitsKey()) {
      text = Text.KEY;
    } else if (rule.looksAt(at)) {
      text = Text.HELD;
    } else {
      text = at.isNoted() ? Text.NOTED : Text.PASSED;
    }
    tooLong = false;
    if (read.size() > SMALL_BYTES) {
      read = new ByteArrayOutputStream();
    }
    read.reset();
  }

  /** Of the quote that ends the text, or of the end. */
  private int endOfText(byte[] bytes, int from, int end) {
    int i = from;
    if (escaped) {
      escaped = false;
      i++;
    }
    while (i < end && bytes[i] != '"') {
      i += bytes[i] == '\\' ? 2 : 1;
    }
    if (i > end) { // what is escaped is still to come
      escaped = true;
      return end;
    }
    return i;
  }

  private void keep(byte[] bytes, int from, int to) {
    if (text == Text.PASSED || tooLong) {
      return;
    }
    if (read.size() + to - from > (text == Text.HELD ? MAX_HELD_BYTES : MAX_KEY_BYTES)) {
      tooLong = true;
      read = new ByteArrayOutputStream();
    } else {
      read.write(bytes, from, to - from);
    }
  }

  /** A key, or what is noted. */
  private void understand() throws IOException {
    var at = place;
    if (at == null || text == Text.PASSED) {
      return;
    }
    var said = tooLong ? "" : unescaped();
    if (text == Text.KEY) {
      at.key(said);
    } else {
      at.note(said);
    }
  }

  private void replace() throws IOException {
    var at = place;
    if (at == null) {
      throw new IllegalStateException("a text that is held back is a member");
    }
    out.write('"');
    if (tooLong) {
      out.write(JsonStringEncoder.getInstance().quoteAsUTF8(rule.insteadOfLong(at)));
    } else {
      var said = unescaped();
      var instead = rule.instead(at, said);
      if (instead.equals(said)) {
        read.writeTo(out);
      } else {
        out.write(JsonStringEncoder.getInstance().quoteAsUTF8(instead));
      }
    }
    out.write('"');
  }

  private String unescaped() throws IOException {
    byte[] bytes = read.toByteArray();
    var plain = new String(bytes, UTF_8);
    if (plain.indexOf('\\') < 0) {
      return plain;
    }
    byte[] quoted = new byte[bytes.length + 2];
    quoted[0] = '"';
    System.arraycopy(bytes, 0, quoted, 1, bytes.length);
    quoted[quoted.length - 1] = '"';
    try (var parser = JSON.createParser(quoted)) {
      parser.nextToken();
      return parser.getText();
    }
  }

  private void structure(byte b) throws IOException {
    switch (b) {
      case '{', '[' -> {
        if (++depth > MAX_DEPTH) {
          throw new IOException("JSON is deeper than " + MAX_DEPTH);
        }
        place = new Place(place, b == '{');
      }
      case '}', ']' -> {
        var ended = place;
        if (ended == null || ended.isObject() != (b == '}')) {
          throw new IOException("what should be JSON is none");
        }
        ended.end();
        place = ended.parent();
        depth--;
      }
      case ',' -> within().comma();
      case ':' -> within().colon();
      default -> {} // numbers, true, false, null, white space
    }
  }

  private Place within() throws IOException {
    var at = place;
    if (at == null) {
      throw new IOException("what should be JSON is none");
    }
    return at;
  }

  @Override
  public void flush() throws IOException {
    out.flush();
  }

  /** Fails if a document is not at its end: nobody is to take it for the whole. */
  @Override
  public void close() throws IOException {
    if (place != null || text != Text.NONE) {
      throw new EOFException("JSON is cut off");
    }
    out.close();
  }
}
