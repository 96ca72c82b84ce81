package io.drover.steve.query;

import static java.nio.charset.StandardCharsets.UTF_8;

/** A text that others are searched for, in any case of ASCII letters. */
final class Part {
  private final byte[] folded;

  Part(String text) {
    folded = text.getBytes(UTF_8);
    for (int i = 0; i < folded.length; i++) {
      folded[i] = (byte) Order.folded(folded[i]);
    }
  }

  /** Whether it is a part of this text, in UTF-8. */
  boolean isIn(byte[] text) {
    if (folded.length == 0) {
      return true;
    }
    byte first = folded[0];
    for (int from = 0; from <= text.length - folded.length; from++) {
      if ((byte) Order.folded(text[from]) == first && isAt(text, from)) {
        return true;
      }
    }
    return false;
  }

  private boolean isAt(byte[] text, int from) {
    for (int i = 1; i < folded.length; i++) {
      if ((byte) Order.folded(text[from + i]) != folded[i]) {
        return false;
      }
    }
    return true;
  }
}
