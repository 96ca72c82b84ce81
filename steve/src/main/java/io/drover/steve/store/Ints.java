package io.drover.steve.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Numbers by index, as many as there is room for; new ones are 0. Guarded by whoever has it. */
final class Ints {
  /** Of a chunk of 64 KiB, which is what {@link Space} keeps outside of the heap. */
  private static final int CHUNK_SHIFT = 14;

  private static final int CHUNK_INTS = 1 << CHUNK_SHIFT;
  private static final int MASK = CHUNK_INTS - 1;

  /** On the heap a chunk is an array of bytes, which are aligned to nothing. */
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

  private MemorySegment[] chunks;
  private int size;

  /**
   * @param size a power of 2, at most a chunk
   */
  Ints(Space.Part part, int size) throws StoreFullException {
    this.size = size;
    chunks = new MemorySegment[] {part.chunk(size * Integer.BYTES)};
  }

  int size() {
    return size;
  }

  int get(int index) {
    return chunks[index >> CHUNK_SHIFT].getAtIndex(INT, index & MASK);
  }

  void set(int index, int value) {
    chunks[index >> CHUNK_SHIFT].setAtIndex(INT, index & MASK, value);
  }

  /** Makes room for at least so many. */
  void grow(int wanted, Space.Part part) throws StoreFullException {
    while (size < wanted) {
      if (size < CHUNK_INTS) {
        var larger = part.chunk(2 * size * Integer.BYTES);
        MemorySegment.copy(chunks[0], 0, larger, 0, (long) size * Integer.BYTES);
        part.forget(chunks[0]);
        chunks[0] = larger;
        size *= 2;
      } else {
        int next = size >> CHUNK_SHIFT;
        var chunk = part.chunk(CHUNK_INTS * Integer.BYTES);
        chunks = Arrays.copyOf(chunks, next + 1);
        chunks[next] = chunk;
        size += CHUNK_INTS;
      }
    }
  }

  /** As many, all 0. */
  void clear() {
    for (var chunk : chunks) {
      chunk.fill((byte) 0);
    }
  }
}
