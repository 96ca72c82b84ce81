package io.drover.steve.store;

import io.drover.steve.query.Order;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Texts by number, each once. Number 0 is the empty text. Nothing is taken out: a store makes a new
 * one when too much is no longer in use. Guarded by whoever has it.
 */
final class Texts {
  /** What a column keeps of a text. Nobody filters by what comes behind. */
  static final int MAX_TEXT_BYTES = 4096;

  private static final int CHUNK_SHIFT = 16;
  private static final int CHUNK_BYTES = 1 << CHUNK_SHIFT;

  /** Until there is more, since most types have few objects. */
  private static final int FIRST_CHUNK_BYTES = 2048;

  private static final int FIRST_TEXTS = 64;

  /** Before each text: its length in bytes. */
  private static final int LENGTH_BYTES = 2;

  private final Budget budget;
  private long takenBytes;

  private byte[][] chunks = new byte[4][];
  private int end;

  /** Where each text begins: chunk and place in it. */
  private int[] starts = new int[FIRST_TEXTS];

  private int count = 1;

  /** Open addressing; 0 is free. At most half of it is in use. */
  private int[] table = new int[2 * FIRST_TEXTS];

  Texts(Budget budget) throws StoreFullException {
    this.budget = budget;
    take(FIRST_CHUNK_BYTES + 4L * (starts.length + table.length));
    chunks[0] = new byte[FIRST_CHUNK_BYTES];
    end = LENGTH_BYTES;
  }

  private void take(long bytes) throws StoreFullException {
    budget.take(bytes);
    takenBytes += bytes;
  }

  /** Gives back to the budget. It cannot be used any more. */
  void release() {
    budget.give(takenBytes);
    takenBytes = 0;
  }

  /** How many there are: all numbers are smaller. */
  int count() {
    return count;
  }

  int number(String text) throws StoreFullException {
    return number(text.getBytes(StandardCharsets.UTF_8));
  }

  int number(byte[] text) throws StoreFullException {
    int length = Math.min(text.length, MAX_TEXT_BYTES);
    if (length == 0) {
      return 0;
    }
    int slot = slot(text, length);
    if (table[slot] != 0) {
      return table[slot];
    }
    grow(length);
    int start = end;
    var chunk = chunks[start >> CHUNK_SHIFT];
    int at = start & (CHUNK_BYTES - 1);
    chunk[at] = (byte) (length >> 8);
    chunk[at + 1] = (byte) length;
    System.arraycopy(text, 0, chunk, at + LENGTH_BYTES, length);
    end += LENGTH_BYTES + length;
    starts[count] = start;
    table[slot(text, length)] = count;
    return count++;
  }

  /** The text's number, or -1 if it is not here. */
  int find(String text) {
    var bytes = text.getBytes(StandardCharsets.UTF_8);
    int length = Math.min(bytes.length, MAX_TEXT_BYTES);
    int number = length == 0 ? 0 : table[slot(bytes, length)];
    return number == 0 && length > 0 ? -1 : number;
  }

  /** The text's slot, or the free one where it belongs. */
  private int slot(byte[] text, int length) {
    int mask = table.length - 1;
    int slot = hash(text, 0, length) & mask;
    while (table[slot] != 0 && !is(table[slot], text, length)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private boolean is(int number, byte[] text, int length) {
    int from = from(number);
    return length(number) == length
        && Arrays.equals(chunk(number), from, from + length, text, 0, length);
  }

  private static int hash(byte[] text, int from, int length) {
    int hash = 1;
    for (int i = from; i < from + length; i++) {
      hash = 31 * hash + text[i];
    }
    return hash ^ (hash >>> 15);
  }

  /** Makes room for one more. All of it before anything changes. */
  private void grow(int length) throws StoreFullException {
    if (count == starts.length) {
      take(4L * starts.length);
      starts = Arrays.copyOf(starts, 2 * starts.length);
    }
    if (2 * count >= table.length) {
      take(4L * table.length);
      rehash(2 * table.length);
    }
    int need = LENGTH_BYTES + length;
    int last = end >> CHUNK_SHIFT;
    // None, if the text before has filled the last one.
    var chunk = last == chunks.length ? null : chunks[last];
    int at = end & (CHUNK_BYTES - 1);
    int room = chunk == null ? 0 : chunk.length - at;
    if (chunk != null && room < need && chunk.length < CHUNK_BYTES) {
      int size = chunk.length;
      while (size < CHUNK_BYTES && size - at < need) {
        size *= 2;
      }
      take(size - chunk.length);
      chunk = Arrays.copyOf(chunk, size);
      chunks[last] = chunk;
      room = size - at;
    }
    if (chunk == null || room < need) {
      int next = chunk == null ? last : last + 1;
      take(CHUNK_BYTES);
      if (next == chunks.length) {
        chunks = Arrays.copyOf(chunks, 2 * next);
      }
      chunks[next] = new byte[CHUNK_BYTES];
      end = next << CHUNK_SHIFT;
    }
  }

  private void rehash(int size) {
    table = new int[size];
    for (int number = 1; number < count; number++) {
      int slot = hash(chunk(number), from(number), length(number)) & (size - 1);
      while (table[slot] != 0) {
        slot = (slot + 1) & (size - 1);
      }
      table[slot] = number;
    }
  }

  private byte[] chunk(int number) {
    return chunks[starts[number] >> CHUNK_SHIFT];
  }

  private int from(int number) {
    return (starts[number] & (CHUNK_BYTES - 1)) + LENGTH_BYTES;
  }

  private int length(int number) {
    int at = starts[number] & (CHUNK_BYTES - 1);
    var chunk = chunk(number);
    return (chunk[at] & 0xFF) << 8 | (chunk[at + 1] & 0xFF);
  }

  byte[] bytes(int number) {
    int from = from(number);
    return Arrays.copyOfRange(chunk(number), from, from + length(number));
  }

  boolean startsWith(int number, byte[] beginning) {
    int from = from(number);
    return length(number) >= beginning.length
        && Arrays.equals(
            chunk(number), from, from + beginning.length, beginning, 0, beginning.length);
  }

  String text(int number) {
    return new String(chunk(number), from(number), length(number), StandardCharsets.UTF_8);
  }

  int compare(int a, int b, Order order) {
    if (a == b) {
      return 0;
    }
    int aFrom = from(a);
    int bFrom = from(b);
    return order.compare(chunk(a), aFrom, aFrom + length(a), chunk(b), bFrom, bFrom + length(b));
  }
}
