package io.drover.steve.store;

import io.drover.steve.query.Order;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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

  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  private final Space.Part part;

  private MemorySegment[] chunks = new MemorySegment[4];
  private int used;
  private int end;

  /** Where each text begins: chunk and place in it. */
  private final Ints starts;

  private int count = 1;

  /** Open addressing; 0 is free. At most half of it is in use. */
  private int[] table = new int[2 * FIRST_TEXTS];

  Texts(Space space) throws StoreFullException {
    part = space.part();
    try {
      part.take(4L * table.length);
      starts = new Ints(part, FIRST_TEXTS);
      chunks[used++] = part.chunk(FIRST_CHUNK_BYTES);
    } catch (StoreFullException e) {
      part.release();
      throw e;
    }
    end = LENGTH_BYTES;
  }

  /** Gives everything back. It cannot be used any more. */
  void release() {
    part.release();
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
    chunk.set(BYTE, at, (byte) (length >> 8));
    chunk.set(BYTE, at + 1, (byte) length);
    MemorySegment.copy(text, 0, chunk, BYTE, at + LENGTH_BYTES, length);
    end += LENGTH_BYTES + length;
    starts.set(count, start);
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
    int slot = hash(MemorySegment.ofArray(text), 0, length) & mask;
    while (table[slot] != 0 && !is(table[slot], text, length)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private boolean is(int number, byte[] text, int length) {
    return length(number) == length && begins(number, text, length);
  }

  /** Whether a text that is at least so long begins with these bytes. */
  private boolean begins(int number, byte[] beginning, int length) {
    int from = from(number);
    var wanted = MemorySegment.ofArray(beginning);
    return MemorySegment.mismatch(chunk(number), from, from + length, wanted, 0, length) < 0;
  }

  private static int hash(MemorySegment text, int from, int length) {
    int hash = 1;
    for (int i = from; i < from + length; i++) {
      hash = 31 * hash + text.get(BYTE, i);
    }
    return hash ^ (hash >>> 15);
  }

  /** Makes room for one more. All of it before anything changes. */
  private void grow(int length) throws StoreFullException {
    starts.grow(count + 1, part);
    if (2 * count >= table.length) {
      part.take(4L * table.length);
      rehash(2 * table.length);
    }
    int need = LENGTH_BYTES + length;
    int last = end >> CHUNK_SHIFT;
    // None, if the text before has filled the last one.
    var chunk = last == used ? null : chunks[last];
    int at = end & (CHUNK_BYTES - 1);
    long room = chunk == null ? 0 : chunk.byteSize() - at;
    if (chunk != null && room < need && chunk.byteSize() < CHUNK_BYTES) {
      int size = (int) chunk.byteSize();
      while (size < CHUNK_BYTES && size - at < need) {
        size *= 2;
      }
      var larger = part.chunk(size);
      MemorySegment.copy(chunk, 0, larger, 0, chunk.byteSize());
      part.forget(chunk);
      chunk = larger;
      chunks[last] = chunk;
      room = chunk.byteSize() - at;
    }
    if (chunk == null || room < need) {
      var next = part.chunk(CHUNK_BYTES);
      if (used == chunks.length) {
        chunks = Arrays.copyOf(chunks, 2 * used);
      }
      end = used << CHUNK_SHIFT;
      chunks[used++] = next;
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

  private MemorySegment chunk(int number) {
    return chunks[starts.get(number) >> CHUNK_SHIFT];
  }

  private int from(int number) {
    return (starts.get(number) & (CHUNK_BYTES - 1)) + LENGTH_BYTES;
  }

  private int length(int number) {
    int start = starts.get(number);
    int at = start & (CHUNK_BYTES - 1);
    var chunk = chunks[start >> CHUNK_SHIFT];
    return (chunk.get(BYTE, at) & 0xFF) << 8 | (chunk.get(BYTE, at + 1) & 0xFF);
  }

  byte[] bytes(int number) {
    var bytes = new byte[length(number)];
    MemorySegment.copy(chunk(number), BYTE, from(number), bytes, 0, bytes.length);
    return bytes;
  }

  boolean startsWith(int number, byte[] beginning) {
    return length(number) >= beginning.length && begins(number, beginning, beginning.length);
  }

  String text(int number) {
    return new String(bytes(number), StandardCharsets.UTF_8);
  }

  int compare(int a, int b, Order order) {
    return compare(a, b, 0, order);
  }

  /** Compares what comes behind so many bytes, which both have. */
  int compare(int a, int b, int behind, Order order) {
    if (a == b) {
      return 0;
    }
    int aFrom = from(a);
    int bFrom = from(b);
    return order.compare(
        chunk(a), aFrom + behind, aFrom + length(a), chunk(b), bFrom + behind, bFrom + length(b));
  }
}
