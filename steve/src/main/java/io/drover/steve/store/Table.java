package io.drover.steve.store;

import io.drover.steve.query.Field;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A store's columns as they are while its lock is held.
 *
 * @param columns a number of these texts by column and row
 * @param numbers of the columns, by name
 * @param namespaceColumn of objects that live in none one that is empty
 */
record Table(
    Texts texts,
    List<Ints> columns,
    Map<String, Integer> numbers,
    int idColumn,
    int nameColumn,
    int namespaceColumn,
    int labelsColumn) {
  Ints ids() {
    return columns.get(idColumn);
  }

  Ints names() {
    return columns.get(nameColumn);
  }

  Ints namespaces() {
    return columns.get(namespaceColumn);
  }

  /** Sets of {@link Labels}. */
  Ints labels() {
    return columns.get(labelsColumn);
  }

  Ints column(Field field) {
    return field.isLabel()
        ? labels()
        : columns.get(Objects.requireNonNull(numbers.get(field.column()), field.column()));
  }

  boolean isLive(int row) {
    return ids().get(row) != 0;
  }
}
