package io.drover.steve.store;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Bytes by place. Guarded by whoever has it. */
final class Rows {
  private static final int FIRST_CHUNK_BYTES = 16 * 1024;
  private static final int MAX_CHUNK_BYTES = 1024 * 1024;

  private final Space.Part part;
  private final List<MemorySegment> chunks = new ArrayList<>();
  private long bytes;
  private int end;

  Rows(Space space) {
    this.part = space.part();
  }

  /** Gives everything back. It cannot be used any more. */
  void release() {
    part.release();
  }

  /** The place of these bytes. */
  long add(byte[] added) throws StoreFullException {
    if (chunks.isEmpty() || end + added.length > chunks.getLast().byteSize()) {
      // As much again as there is, so that small types take little.
      long size = Math.min(MAX_CHUNK_BYTES, Math.max(FIRST_CHUNK_BYTES, bytes));
      size = Math.max(size, added.length);
      chunks.add(part.chunk((int) size));
      bytes += size;
      end = 0;
    }
    MemorySegment.copy(added, 0, chunks.getLast(), ValueLayout.JAVA_BYTE, end, added.length);
    long place = (long) (chunks.size() - 1) << 32 | end;
    end += added.length;
    return place;
  }

  byte[] bytes(long place, int length) {
    var found = new byte[length];
    MemorySegment.copy(
        chunks.get((int) (place >> 32)),
        ValueLayout.JAVA_BYTE,
        place & 0xFFFFFFFFL,
        found,
        0,
        length);
    return found;
  }
}
