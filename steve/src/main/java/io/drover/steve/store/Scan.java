package io.drover.steve.store;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.query.Comparison;
import io.drover.steve.query.Condition;
import io.drover.steve.query.ProjectFilter;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Scope;
import io.drover.steve.query.SortKey;
import io.drover.steve.query.Tally;
import io.drover.steve.query.TallyCounts;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;

/** One look through a store's rows: first all of them, then those that are kept. */
final class Scan {
  /** Conditions whose answers are remembered: a byte a text each. */
  private static final int MAX_REMEMBERED = 32;

  private final Table table;
  private final Texts texts;
  private final boolean sorted;

  /** Those that are kept come first. */
  private int[] rows;

  private int count;

  /** Whether nobody else has {@link #rows}. */
  private boolean mine;

  private int remembered;

  private Scan(Table table, int[] rows, int count, boolean sorted) {
    this.table = table;
    texts = table.texts();
    this.rows = rows;
    this.count = count;
    this.sorted = sorted;
    mine = !sorted;
  }

  /** Of rows that are sorted already, all of them. */
  static Scan sorted(Table table, int[] rows) {
    return new Scan(table, rows, rows.length, true);
  }

  /** Of the rows before that one which have an object. */
  static Scan unsorted(Table table, int end) {
    var rows = new int[end];
    int count = 0;
    for (int row = 0; row < end; row++) {
      if (table.isLive(row)) {
        rows[count++] = row;
      }
    }
    return new Scan(table, rows, count, false);
  }

  int count() {
    return count;
  }

  private void keep(IntPredicate wanted) {
    var into = mine ? rows : new int[count];
    int kept = 0;
    for (int i = 0; i < count; i++) {
      if (wanted.test(rows[i])) {
        into[kept++] = rows[i];
      }
    }
    rows = into;
    mine = true;
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
    var column = table.column(field);
    var ofColumn = comparison.ofColumn();
    IntPredicate ofText =
        field.isLabel()
            ? set -> comparison.accepts(Labels.value(set, field.label(), texts))
            : number -> ofColumn.test(texts.bytes(number));
    var answers = remember(ofText);
    return row -> answers.test(column.get(row));
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
    var namespaces = table.namespaces();
    var names = table.names();
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
    var namespaces = table.namespaces();
    var names = table.names();
    var labels = table.labels();
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
    if (sorted || from == to) {
      return Arrays.copyOfRange(rows, from, to);
    }
    var order = RowOrder.by(sort, table);
    return order.sorted(new Selection(order).smallest(rows, count, from, to), to - from);
  }

  JsonNode tallied(int[] page, Tally tally) {
    var counts = new TallyCounts(tally);
    var namespaces = table.namespaces();
    for (var property : tally.properties()) {
      var column = table.column(property);
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
