package io.drover.steve.store;

import io.drover.steve.query.SortKey;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All rows of a store in one order. What has changed waits until a page wants the order, or until
 * it is sorted in, a piece at a time; at first that is every row. Called while the store's lock is
 * held: {@link #changed} by whoever holds it alone, all else by any number of threads.
 */
final class SortedRows {
  /**
   * Rows that are sorted in at once: each is compared with some thirty others, and every row is
   * moved once, which takes a few milliseconds where there are 100,000.
   */
  static final int PIECE_ROWS = 1024;

  /** Of a row: its place, in the array before as well for a moment, and whether it waits. */
  private static final int ROW_BYTES = 2 * Integer.BYTES + 1;

  private final List<SortKey> sort;
  private final Space.Part part;

  // Guarded by this.
  private int[] sorted = new int[0];
  private final BitSet waiting = new BitSet();
  private int waitingCount;
  private long takenRows;
  private boolean released;

  /**
   * Nothing is sorted yet.
   *
   * @param end behind the last row
   * @throws StoreFullException if there is no room for them
   */
  SortedRows(List<SortKey> sort, int end, Space space) throws StoreFullException {
    this.sort = sort;
    part = space.part();
    take(end);
    waiting.set(0, end);
    waitingCount = end;
  }

  List<SortKey> sort() {
    return sort;
  }

  /** Gives everything back. It cannot be used any more. */
  synchronized void release() {
    part.release();
    released = true;
  }

  /** A row is new, gone, or another one. */
  synchronized void changed(int row) {
    if (!waiting.get(row)) {
      waiting.set(row);
      waitingCount++;
    }
  }

  /** The rows in order; null while too many wait. Not to be written to. */
  synchronized int @Nullable [] rows(Table table) throws StoreFullException {
    if (released || waitingCount > PIECE_ROWS) {
      return null;
    }
    if (waitingCount > 0) {
      sortIn(table);
    }
    return sorted;
  }

  /** Sorts a piece in; returns whether others wait. */
  synchronized boolean sortOn(Table table) throws StoreFullException {
    if (!released && waitingCount > 0) {
      sortIn(table);
    }
    return !released && waitingCount > 0;
  }

  // Guarded by this.
  private void sortIn(Table table) throws StoreFullException {
    // Wherever they stood, they may belong elsewhere.
    int kept = 0;
    var staying = new int[sorted.length];
    for (int row : sorted) {
      if (!waiting.get(row)) {
        staying[kept++] = row;
      }
    }
    var piece = new int[Math.min(waitingCount, PIECE_ROWS)];
    int count = 0;
    int row = -1;
    for (int i = 0; i < piece.length; i++) {
      row = waiting.nextSetBit(row + 1);
      waiting.clear(row);
      if (table.isLive(row)) {
        piece[count++] = row;
      }
    }
    waitingCount -= piece.length;
    take(kept + count);
    var order = RowOrder.by(sort, table);
    sorted = merged(staying, kept, order.sorted(piece, count), order);
  }

  /** Takes memory for so many rows, and some that are still to come. */
  // Guarded by this.
  private void take(int rows) throws StoreFullException {
    if (rows > takenRows) {
      long wanted = rows + rows / 4L;
      part.take((wanted - takenRows) * ROW_BYTES);
      takenRows = wanted;
    }
  }

  private static int[] merged(int[] staying, int kept, int[] added, RowOrder order) {
    var all = new int[kept + added.length];
    int from = 0;
    for (int i = 0; i < added.length; i++) {
      int to = place(staying, from, kept, added[i], order);
      System.arraycopy(staying, from, all, from + i, to - from);
      all[to + i] = added[i];
      from = to;
    }
    System.arraycopy(staying, from, all, from + added.length, kept - from);
    return all;
  }

  /** Where a row belongs among those that are sorted from one place up to another. */
  private static int place(int[] sorted, int from, int to, int row, RowOrder order) {
    int low = from;
    int high = to;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (order.compare(sorted[middle], row) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
