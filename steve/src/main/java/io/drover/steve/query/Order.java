package io.drover.steve.query;

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
  public enum Kind {
    /** By code points. */
    TEXT,
    /** Numbers by value, before all that is none. */
    NUMBER,
    /** IP addresses by value, behind all that is none. */
    ADDRESS
  }

  public int compare(byte[] a, int aFrom, int aTo, byte[] b, int bFrom, int bTo) {
    return switch (kind) {
      case TEXT -> compareTexts(a, aFrom, aTo, b, bFrom, bTo);
      case NUMBER -> compareNumbers(a, aFrom, aTo, b, bFrom, bTo);
      case ADDRESS -> Arrays.compareUnsigned(address(a, aFrom, aTo), address(b, bFrom, bTo));
    };
  }

  public int compare(String a, String b) {
    var left = a.getBytes(StandardCharsets.UTF_8);
    var right = b.getBytes(StandardCharsets.UTF_8);
    return compare(left, 0, left.length, right, 0, right.length);
  }

  private int compareTexts(byte[] a, int aFrom, int aTo, byte[] b, int bFrom, int bTo) {
    if (!caseless) {
      return Arrays.compareUnsigned(a, aFrom, aTo, b, bFrom, bTo);
    }
    int length = Math.min(aTo - aFrom, bTo - bFrom);
    for (int i = 0; i < length; i++) {
      int difference = folded(a[aFrom + i]) - folded(b[bFrom + i]);
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

  private int compareNumbers(byte[] a, int aFrom, int aTo, byte[] b, int bFrom, int bTo) {
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
  static double number(byte[] text, int from, int to) {
    int at = from < to && text[from] == '-' ? from + 1 : from;
    double value = 0;
    double unit = 1;
    boolean fraction = false;
    boolean digits = false;
    for (; at < to; at++) {
      int c = text[at];
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
    return digits ? (text[from] == '-' ? -value : value) / unit : Double.NaN;
  }

  static double number(String text) {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    return number(bytes, 0, bytes.length);
  }

  private static byte[] address(byte[] text, int from, int to) {
    try {
      var address =
          InetAddress.ofLiteral(new String(text, from, to - from, StandardCharsets.UTF_8))
              .getAddress();
      var wide = new byte[16];
      System.arraycopy(address, 0, wide, 16 - address.length, address.length);
      return wide;
    } catch (IllegalArgumentException e) {
      return new byte[0];
    }
  }
}
