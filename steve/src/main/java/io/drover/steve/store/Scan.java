package io.drover.steve.store;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.query.Comparison;
import io.drover.steve.query.Condition;
import io.drover.steve.query.Field;
import io.drover.steve.query.Order;
import io.drover.steve.query.ProjectFilter;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Scope;
import io.drover.steve.query.SortKey;
import io.drover.steve.query.Tally;
import io.drover.steve.query.TallyCounts;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.IntPredicate;

/** One look through a store's rows: first all of them, then those that are kept. */
final class Scan {
  /** Conditions whose answers are remembered: a byte a text each. */
  private static final int MAX_REMEMBERED = 32;

  private static final Order BY_CODE_POINT = new Order(Order.Kind.TEXT, false);

  private final Texts texts;
  private final Ints[] columns;
  private final Map<String, Integer> columnNumbers;
  private final Ints ids;
  private final Ints names;
  private final Ints namespaces;
  private final Ints labels;
  private final int[] rows;
  private int count;
  private int remembered;

  Scan(
      Texts texts,
      Ints[] columns,
      Map<String, Integer> columnNumbers,
      int idColumn,
      int nameColumn,
      int namespaceColumn,
      int labelsColumn,
      int end) {
    this.texts = texts;
    this.columns = columns;
    this.columnNumbers = columnNumbers;
    ids = columns[idColumn];
    names = columns[nameColumn];
    namespaces = columns[namespaceColumn];
    labels = columns[labelsColumn];
    rows = new int[end];
    for (int row = 0; row < end; row++) {
      if (ids.get(row) != 0) {
        rows[count++] = row;
      }
    }
  }

  int count() {
    return count;
  }

  private void keep(IntPredicate wanted) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (wanted.test(rows[i])) {
        rows[kept++] = rows[i];
      }
    }
    count = kept;
  }

  void keepMatching(List<List<Condition>> filters) {
    for (var filter : filters) {
      var tests = filter.stream().map(this::test).toArray(IntPredicate[]::new);
      keep(
          row -> {
            for (var test : tests) {
              if (test.test(row)) {
                return true;
              }
            }
            return false;
          });
    }
  }

  /** A condition as a test of a row. */
  private IntPredicate test(Condition condition) {
    if (!(condition instanceof Comparison comparison)) {
      throw new IllegalArgumentException("not of columns: " + condition);
    }
    var field = comparison.field();
    var column = column(field);
    IntPredicate ofText =
        field.isLabel()
            ? set -> comparison.accepts(Labels.value(set, field.label(), texts))
            : number -> comparison.accepts(texts.text(number));
    var answers = remember(ofText);
    return row -> answers.test(column.get(row));
  }

  private Ints column(Field field) {
    return field.isLabel()
        ? labels
        : columns[Objects.requireNonNull(columnNumbers.get(field.column()), field.column())];
  }

  /** The same, asked once a text. */
  private IntPredicate remember(IntPredicate ofText) {
    if (remembered++ >= MAX_REMEMBERED) {
      return ofText;
    }
    var answers = new byte[texts.count()];
    return number -> {
      if (answers[number] == 0) {
        answers[number] = (byte) (ofText.test(number) ? 1 : -1);
      }
      return answers[number] > 0;
    };
  }

  void keepVisible(Scope scope) {
    if (scope.everywhere()) {
      return;
    }
    var all = remember(namespace -> scope.hasAll(texts.text(namespace)));
    var some = new HashMap<Integer, Set<String>>();
    keep(
        row ->
            all.test(namespaces.get(row))
                || some.computeIfAbsent(
                        namespaces.get(row), namespace -> scope.names(texts.text(namespace)))
                    .contains(texts.text(names.get(row))));
  }

  void keepInProjects(ProjectFilter filter, Projects projects, boolean areNamespaces) {
    if (areNamespaces) {
      keep(
          row -> {
            var project = Labels.value(labels.get(row), Projects.LABEL, texts);
            return filter.accepts(texts.text(names.get(row)), project == null ? "" : project);
          });
    } else {
      var inProject =
          remember(
              number -> {
                var namespace = texts.text(number);
                return number == 0
                    ? !filter.wanted()
                    : filter.accepts(namespace, projects.of(namespace));
              });
      keep(row -> inProject.test(namespaces.get(row)));
    }
  }

  /** The rows that would be there if all that are kept were sorted. */
  int[] page(int from, int to, List<SortKey> sort) {
    if (from == to) {
      return new int[0];
    }
    var order = order(sort, Selection.comparesMuch(count, to));
    var first = new Selection(order).smallest(rows, count, from, to);
    var boxed = Arrays.stream(first).boxed().toArray(Integer[]::new);
    Arrays.sort(boxed, order::compare);
    return Arrays.stream(boxed).mapToInt(Integer::intValue).toArray();
  }

  private Selection.RowOrder order(List<SortKey> sort, boolean comparesMuch) {
    var keys =
        sort.stream().map(key -> order(key, comparesMuch)).toArray(Selection.RowOrder[]::new);
    return (a, b) -> {
      for (var key : keys) {
        int difference = key.compare(a, b);
        if (difference != 0) {
          return difference;
        }
      }
      // What is the same in all keys has an order too, so that pages fit together.
      return texts.compare(ids.get(a), ids.get(b), BY_CODE_POINT);
    };
  }

  private Selection.RowOrder order(SortKey key, boolean comparesMuch) {
    int sign = key.descending() ? -1 : 1;
    var order = key.order();
    if (key.field().isLabel()) {
      var ranks = ranks(key.field().label(), order);
      return (a, b) -> sign * (ranks[labels.get(a)] - ranks[labels.get(b)]);
    }
    var column = column(key.field());
    if (order.kind() != Order.Kind.TEXT || !comparesMuch) {
      return (a, b) -> sign * texts.compare(column.get(a), column.get(b), order);
    }
    // So most comparisons are of two longs, which pays for pages far behind.
    var pieces = pieces(column, order.caseless());
    return (a, b) -> {
      int difference = Long.compare(pieces[a], pieces[b]);
      return sign
          * (difference != 0 ? difference : texts.compare(column.get(a), column.get(b), order));
    };
  }

  /** Of each row's text the part where they begin to differ. */
  private long[] pieces(Ints column, boolean caseless) {
    int first = column.get(rows[0]);
    int alike = Integer.MAX_VALUE;
    for (int i = 0; i < count && alike > 0; i++) {
      alike = texts.alike(first, column.get(rows[i]), alike);
    }
    var pieces = new long[rows.length];
    for (int i = 0; i < count; i++) {
      pieces[rows[i]] = texts.piece(column.get(rows[i]), alike, caseless);
    }
    return pieces;
  }

  /** Of each set of labels, the place of its value among all values; those without it come last. */
  private int[] ranks(String label, Order order) {
    var ranks = new int[texts.count()];
    var values = new HashMap<Integer, String>();
    for (int i = 0; i < count; i++) {
      int set = labels.get(rows[i]);
      if (ranks[set] == 0) {
        ranks[set] = Integer.MAX_VALUE / 2;
        var value = Labels.value(set, label, texts);
        if (value != null) {
          values.put(set, value);
        }
      }
    }
    Comparator<String> byValue = (a, b) -> order.compare(a, b);
    var sorted = values.values().stream().distinct().sorted(byValue).toList();
    var places = new HashMap<String, Integer>();
    int place = 1;
    for (int i = 0; i < sorted.size(); i++) {
      if (i > 0 && byValue.compare(sorted.get(i - 1), sorted.get(i)) != 0) {
        place++;
      }
      places.put(sorted.get(i), place);
    }
    values.forEach((set, value) -> ranks[set] = places.getOrDefault(value, 0));
    return ranks;
  }

  JsonNode tallied(int[] page, Tally tally) {
    var counts = new TallyCounts(tally);
    for (var property : tally.properties()) {
      var column = column(property);
      var alike = new HashMap<Long, Integer>();
      for (int row : page) {
        alike.merge((long) column.get(row) << 32 | namespaces.get(row), 1, Integer::sum);
      }
      alike.forEach(
          (pair, number) -> {
            int text = (int) (pair >> 32);
            var value =
                property.isLabel() ? Labels.value(text, property.label(), texts) : texts.text(text);
            counts.add(property, value == null ? "" : value, texts.text(pair.intValue()), number);
          });
    }
    return counts.json();
  }
}
