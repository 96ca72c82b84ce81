package io.drover.steve.store;

import java.util.Arrays;

/** The rows of one page, found without sorting all the others. */
final class Selection {
  /** Up to how many times a page's end the rows are worth a look at each, one by one. */
  private static final int FEW = 8;

  /** A prime, by whose multiples rows are visited. */
  private static final long STRIDE = 15_485_863;

  private final RowOrder order;

  Selection(RowOrder order) {
    this.order = order;
  }

  /** Those that sorting would put from one place up to another, in any order. */
  int[] smallest(int[] rows, int count, int from, int to) {
    var candidates =
        (long) to * FEW >= count ? Arrays.copyOf(rows, count) : firstOf(rows, count, to);
    if (to < candidates.length) {
      partition(candidates, candidates.length, to);
    }
    if (from > 0) {
      partition(candidates, to, from);
    }
    return Arrays.copyOfRange(candidates, from, to);
  }

  /**
   * The smallest so many, in any order: whatever is larger than as many others is passed over. Rows
   * are visited all over the place, or else those that lie in the opposite order would all be kept
   * for a while: the newest pods are last in the store, and first on the page.
   */
  private int[] firstOf(int[] rows, int count, int wanted) {
    var kept = new int[2 * wanted];
    int length = 0;
    boolean full = false;
    long stride = count % STRIDE == 0 ? 1 : STRIDE;
    for (int i = 0; i < count; i++) {
      int row = rows[(int) (i * stride % count)];
      if (full && order.compare(row, kept[wanted - 1]) >= 0) {
        continue;
      }
      kept[length++] = row;
      if (length == kept.length) {
        partition(kept, length, wanted);
        largestLast(kept, wanted);
        length = wanted;
        full = true;
      }
    }
    return Arrays.copyOf(kept, length);
  }

  private void largestLast(int[] rows, int count) {
    for (int i = 0; i < count - 1; i++) {
      if (order.compare(rows[i], rows[count - 1]) > 0) {
        swap(rows, i, count - 1);
      }
    }
  }

  /** Puts the smallest so many in front. */
  private void partition(int[] rows, int count, int smallest) {
    int low = 0;
    int high = count - 1;
    while (low < high) {
      int pivot = rows[middle(rows, low, (low + high) >>> 1, high)];
      int i = low;
      int j = high;
      while (i <= j) {
        while (order.compare(rows[i], pivot) < 0) {
          i++;
        }
        while (order.compare(rows[j], pivot) > 0) {
          j--;
        }
        if (i <= j) {
          swap(rows, i++, j--);
        }
      }
      if (smallest - 1 <= j) {
        high = j;
      } else if (smallest - 1 >= i) {
        low = i;
      } else {
        return;
      }
    }
  }

  private int middle(int[] rows, int a, int b, int c) {
    boolean ab = order.compare(rows[a], rows[b]) < 0;
    boolean bc = order.compare(rows[b], rows[c]) < 0;
    boolean ac = order.compare(rows[a], rows[c]) < 0;
    return ab == bc ? b : ab == ac ? c : a;
  }

  private static void swap(int[] rows, int a, int b) {
    int row = rows[a];
    rows[a] = rows[b];
    rows[b] = row;
  }
}
