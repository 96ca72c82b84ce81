package io.drover.steve.store;

import io.drover.steve.query.Order;
import io.drover.steve.query.SortKey;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;

/** How rows compare: a comparator without boxes. */
@FunctionalInterface
interface RowOrder {
  int compare(int a, int b);

  /** The first so many of these rows, in this order. */
  default int[] sorted(int[] rows, int count) {
    var boxed = Arrays.stream(rows, 0, count).boxed().toArray(Integer[]::new);
    Arrays.sort(boxed, this::compare);
    return Arrays.stream(boxed).mapToInt(Integer::intValue).toArray();
  }

  /** By these keys, for as long as the table is what it is. One thread. */
  static RowOrder by(List<SortKey> sort, Table table) {
    var keys = sort.stream().map(key -> by(key, table)).toArray(RowOrder[]::new);
    var ids = table.ids();
    var byCodePoint = new Order(Order.Kind.TEXT, false);
    return (a, b) -> {
      for (var key : keys) {
        int difference = key.compare(a, b);
        if (difference != 0) {
          return difference;
        }
      }
      // What is the same in all keys has an order too, so that pages fit together.
      return table.texts().compare(ids.get(a), ids.get(b), byCodePoint);
    };
  }

  private static RowOrder by(SortKey key, Table table) {
    var order = key.order();
    var texts = table.texts();
    var column = table.column(key.field());
    if (!key.field().isLabel()) {
      return key.descending()
          ? (a, b) -> texts.compare(column.get(b), column.get(a), order)
          : (a, b) -> texts.compare(column.get(a), column.get(b), order);
    }
    // Sets of labels are few, and shared by many rows.
    var pairs = new HashMap<Integer, Integer>();
    var label = key.field().label();
    int valueAt = Labels.valueAt(label);
    return (a, b) -> {
      int left = pairs.computeIfAbsent(column.get(a), set -> Labels.pair(set, label, texts));
      int right = pairs.computeIfAbsent(column.get(b), set -> Labels.pair(set, label, texts));
      // Those without it come last.
      int difference =
          left == 0 || right == 0
              ? Boolean.compare(left == 0, right == 0)
              : texts.compare(left, right, valueAt, order);
      return key.descending() ? -difference : difference;
    };
  }
}
