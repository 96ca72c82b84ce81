package io.drover.steve.http2;

import java.io.ByteArrayOutputStream;
import java.io.IOException;

/** The code in which texts of fields may be shortened. It is canonical: its lengths say it all. */
final class Huffman {
  /** Of each byte's code, in bits. Source: RFC 7541, appendix B. */
  private static final byte[] LENGTHS = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26
  };

  private static final int MAX_BITS = 30;

  /** What is left of the last byte is fewer bits than that, all of them ones. */
  private static final int MAX_PADDING = 7;

  /** The bytes, by their codes. */
  private static final byte[] ORDERED = new byte[LENGTHS.length];

  /** How many codes have so many bits. */
  private static final int[] COUNTS = new int[MAX_BITS + 1];

  static {
    int place = 0;
    for (int bits = 1; bits <= MAX_BITS; bits++) {
      for (int symbol = 0; symbol < LENGTHS.length; symbol++) {
        if (LENGTHS[symbol] == bits) {
          ORDERED[place++] = (byte) symbol;
          COUNTS[bits]++;
        }
      }
    }
  }

  private Huffman() {}

  /**
   * What was meant.
   *
   * @throws IOException if it is no such code
   */
  static byte[] decode(byte[] coded, int offset, int length) throws IOException {
    var out = new ByteArrayOutputStream(length * 2);
    int code = 0;
    int bits = 0;
    int first = 0; // code of that many bits
    int place = 0; // of its byte
    boolean onlyOnes = true;
    for (int i = 0; i < length * Byte.SIZE; i++) {
      int bit = (coded[offset + i / Byte.SIZE] >> (Byte.SIZE - 1 - i % Byte.SIZE)) & 1;
      code = (code << 1) | bit;
      first <<= 1;
      bits++;
      onlyOnes &= bit == 1;
      if (bits > MAX_BITS) {
        throw new IOException("fields not understood: no such code");
      }
      if (code - first < COUNTS[bits]) {
        out.write(ORDERED[place + code - first]);
        code = 0;
        bits = 0;
        first = 0;
        place = 0;
        onlyOnes = true;
      } else {
        first += COUNTS[bits];
        place += COUNTS[bits];
      }
    }
    if (bits > MAX_PADDING || !onlyOnes) {
      throw new IOException("fields not understood: a code is cut off");
    }
    return out.toByteArray();
  }
}
