package io.drover.steve.store;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Bytes by place, outside of the heap. In memory of our own rather than in a mapped file: the
 * agent's file system is read only, or a volume in memory at best; and an {@link Arena} is given
 * back the moment it is closed, which a direct buffer is not. Guarded by whoever has it.
 */
final class Rows {
  private static final int FIRST_CHUNK_BYTES = 16 * 1024;
  private static final int MAX_CHUNK_BYTES = 1024 * 1024;

  private final Budget budget;
  private final Arena arena = Arena.ofShared();
  private final List<MemorySegment> chunks = new ArrayList<>();
  private long takenBytes;
  private int end;

  Rows(Budget budget) {
    this.budget = budget;
  }

  /** Gives everything back. It cannot be used any more. */
  void release() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
    budget.give(takenBytes);
    takenBytes = 0;
  }

  /** The place of these bytes. */
  long add(byte[] bytes) throws StoreFullException {
    if (chunks.isEmpty() || end + bytes.length > chunks.getLast().byteSize()) {
      // As much again as there is, so that small types take little.
      long size = Math.min(MAX_CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, takenBytes));
      size = Math.max(size, bytes.length);
      budget.take(size);
      takenBytes += size;
      chunks.add(arena.allocate(size));
      end = 0;
    }
    MemorySegment.copy(bytes, 0, chunks.getLast(), ValueLayout.JAVA_BYTE, end, bytes.length);
    long place = (long) (chunks.size() - 1) << 32 | end;
    end += bytes.length;
    return place;
  }

  byte[] bytes(long place, int length) {
    var bytes = new byte[length];
    MemorySegment.copy(
        chunks.get((int) (place >> 32)),
        ValueLayout.JAVA_BYTE,
        place & 0xFFFFFFFFL,
        bytes,
        0,
        length);
    return bytes;
  }
}
