package io.drover.steve.store;

import io.drover.steve.query.SortKey;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The orders that pages of one store are asked for: where there are many rows, a page is a range of
 * one of them, instead of a choice among all rows. Called while the store's lock is held: {@link
 * #changed} and {@link #letGo} by whoever holds it alone, all else by any number of threads.
 */
final class Orders {
  /** With fewer rows a page is found as quickly without. */
  static final int MIN_ROWS = 4096;

  /** Orders of one store. */
  static final int MAX_ORDERS = 4;

  /** An order that none of so many pages wanted makes room for another. */
  static final int UNWANTED_PAGES = 64;

  private static final class Used {
    private final SortedRows rows;
    private long lastPage;

    Used(SortedRows rows) {
      this.rows = rows;
    }
  }

  private final Space space;

  // Guarded by this.
  private final List<Used> all = new ArrayList<>();
  private long pages;
  private @Nullable SortedRows sorting;
  private boolean busy;

  Orders(Space space) {
    this.space = space;
  }

  /** A row is new, gone, or another one. */
  synchronized void changed(int row) {
    for (var used : all) {
      used.rows.changed(row);
    }
  }

  /** Forgets all orders, for their memory; returns whether there were any. */
  synchronized boolean letGo() {
    boolean any = !all.isEmpty();
    all.forEach(used -> used.rows.release());
    all.clear();
    sorting = null;
    return any;
  }

  /**
   * All rows in an order that a page wants, not to be written to; null if they are not sorted,
   * which they may be for a later page.
   *
   * @param end behind the last row
   */
  int @Nullable [] rows(List<SortKey> sort, Table table, int end) {
    var order = order(sort, end);
    if (order == null) {
      return null;
    }
    try {
      var rows = order.rows(table);
      if (rows == null) {
        sortSoon(order);
      }
      return rows;
    } catch (StoreFullException _) {
      forget(order); // pages are found without it
      return null;
    }
  }

  private synchronized @Nullable SortedRows order(List<SortKey> sort, int end) {
    pages++;
    for (var used : all) {
      if (used.rows.sort().equals(sort)) {
        used.lastPage = pages;
        return used.rows;
      }
    }
    if (all.size() == MAX_ORDERS) {
      var oldest = all.stream().min(Comparator.comparingLong(used -> used.lastPage)).orElseThrow();
      if (pages - oldest.lastPage <= UNWANTED_PAGES) {
        return null;
      }
      forget(oldest.rows);
    }
    try {
      var used = new Used(new SortedRows(sort, end, space));
      used.lastPage = pages;
      all.add(used);
      return used.rows;
    } catch (StoreFullException _) {
      return null;
    }
  }

  private synchronized void forget(SortedRows order) {
    order.release();
    all.removeIf(used -> used.rows == order);
    if (sorting == order) {
      sorting = null;
    }
  }

  /** One is sorted at a time; others when a page wants them next. */
  private synchronized void sortSoon(SortedRows order) {
    if (sorting == null) {
      sorting = order;
    }
  }

  /** Whether somebody is to call {@link #sortOn} from now on, until it returns false. */
  synchronized boolean begin() {
    boolean begins = sorting != null && !busy;
    busy |= begins;
    return begins;
  }

  /** Sorts a piece; returns whether to go on. */
  boolean sortOn(Table table) {
    SortedRows order;
    synchronized (this) {
      order = sorting;
      if (order == null) {
        busy = false;
        return false;
      }
    }
    try {
      if (!order.sortOn(table)) {
        sorted(order);
      }
    } catch (StoreFullException _) {
      forget(order);
    }
    return true;
  }

  private synchronized void sorted(SortedRows order) {
    if (sorting == order) {
      sorting = null;
    }
  }
}
