package io.drover.steve.query;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * How the texts of a column compare. Texts are ranges of UTF-8, so that a store need not make
 * strings of them; an empty one is missing, and comes before all others.
 *
 * @param caseless whether ASCII letters compare without their case
 */
public record Order(Kind kind, boolean caseless) {
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  public enum Kind {
    /** By code points. */
    TEXT,
    /** Numbers by value, before all that is none. */
    NUMBER,
    /** IP addresses by value, behind all that is none. */
    ADDRESS
  }

  public int compare(MemorySegment a, int aFrom, int aTo, MemorySegment b, int bFrom, int bTo) {
    return switch (kind) {
      case TEXT -> compareTexts(a, aFrom, aTo, b, bFrom, bTo);
      case NUMBER -> compareNumbers(a, aFrom, aTo, b, bFrom, bTo);
      case ADDRESS -> Arrays.compareUnsigned(address(a, aFrom, aTo), address(b, bFrom, bTo));
    };
  }

  public int compare(String a, String b) {
    var left = a.getBytes(StandardCharsets.UTF_8);
    var right = b.getBytes(StandardCharsets.UTF_8);
    return compare(
        MemorySegment.ofArray(left), 0, left.length, MemorySegment.ofArray(right), 0, right.length);
  }

  private int compareTexts(
      MemorySegment a, int aFrom, int aTo, MemorySegment b, int bFrom, int bTo) {
    int length = Math.min(aTo - aFrom, bTo - bFrom);
    if (!caseless) {
      int at = (int) MemorySegment.mismatch(a, aFrom, aFrom + length, b, bFrom, bFrom + length);
      return at < 0
          ? (aTo - aFrom) - (bTo - bFrom)
          : (a.get(BYTE, aFrom + at) & 0xFF) - (b.get(BYTE, bFrom + at) & 0xFF);
    }
    for (int i = 0; i < length; i++) {
      int difference = folded(a.get(BYTE, aFrom + i)) - folded(b.get(BYTE, bFrom + i));
      if (difference != 0) {
        return difference;
      }
    }
    return (aTo - aFrom) - (bTo - bFrom);
  }

  /** No other letters than ASCII's, so that the order is the same everywhere. */
  static int folded(byte letter) {
    return letter >= 'A' && letter <= 'Z' ? letter + 32 : letter & 0xFF;
  }

  private int compareNumbers(
      MemorySegment a, int aFrom, int aTo, MemorySegment b, int bFrom, int bTo) {
    double left = number(a, aFrom, aTo);
    double right = number(b, bFrom, bTo);
    boolean isNumber = !Double.isNaN(left);
    if (isNumber && !Double.isNaN(right)) {
      return Double.compare(left, right);
    }
    if (isNumber != !Double.isNaN(right) && aFrom < aTo && bFrom < bTo) {
      return isNumber ? -1 : 1;
    }
    return compareTexts(a, aFrom, aTo, b, bFrom, bTo);
  }

  /** A decimal number's value, not a number of anything else. */
  static double number(MemorySegment text, int from, int to) {
    boolean negative = from < to && text.get(BYTE, from) == '-';
    int at = negative ? from + 1 : from;
    double value = 0;
    double unit = 1;
    boolean fraction = false;
    boolean digits = false;
    for (; at < to; at++) {
      int c = text.get(BYTE, at);
      if (c == '.' && !fraction) {
        fraction = true;
      } else if (c >= '0' && c <= '9') {
        digits = true;
        value = value * 10 + (c - '0');
        unit = fraction ? unit * 10 : 1;
      } else {
        return Double.NaN;
      }
    }
    return digits ? (negative ? -value : value) / unit : Double.NaN;
  }

  static double number(String text) {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    return number(MemorySegment.ofArray(bytes), 0, bytes.length);
  }

  private static byte[] address(MemorySegment text, int from, int to) {
    var bytes = text.asSlice(from, to - from).toArray(BYTE);
    try {
      var address = InetAddress.ofLiteral(new String(bytes, StandardCharsets.UTF_8)).getAddress();
      var wide = new byte[16];
      System.arraycopy(address, 0, wide, 16 - address.length, address.length);
      return wide;
    } catch (IllegalArgumentException e) {
      return new byte[0];
    }
  }
}
