package io.drover.steve.store;

import java.util.Arrays;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Deflates objects of one type. The first one serves as a dictionary: most of an object's bytes are
 * the same in all others.
 */
final class Packing {
  /** As far back as deflate looks. */
  private static final int MAX_DICTIONARY_BYTES = 32 * 1024;

  private final byte[] dictionary;

  Packing(byte[] first) {
    dictionary = Arrays.copyOf(first, Math.min(first.length, MAX_DICTIONARY_BYTES));
  }

  byte[] pack(byte[] bytes) {
    try (var deflater = new Deflater(Deflater.BEST_SPEED, true)) {
      deflater.setDictionary(dictionary);
      deflater.setInput(bytes);
      deflater.finish();
      // Deflate makes nothing longer than this.
      var packed = new byte[bytes.length + bytes.length / 1000 + 64];
      int length = 0;
      while (!deflater.finished()) {
        if (length == packed.length) {
          packed = Arrays.copyOf(packed, 2 * length);
        }
        length += deflater.deflate(packed, length, packed.length - length);
      }
      return Arrays.copyOf(packed, length);
    }
  }

  byte[] unpack(byte[] packed, int length) {
    try (var inflater = new Inflater(true)) {
      inflater.setDictionary(dictionary);
      inflater.setInput(packed);
      var bytes = new byte[length];
      int at = 0;
      while (at < length) {
        int count = inflater.inflate(bytes, at, length - at);
        if (count == 0) {
          throw new IllegalStateException("row ends at " + at + " of " + length);
        }
        at += count;
      }
      return bytes;
    } catch (DataFormatException e) {
      throw new IllegalStateException(e); // we have written it ourselves
    }
  }
}
