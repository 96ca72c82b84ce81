package io.drover.steve.query;

import java.util.List;
import java.util.Map;

/**
 * A part of a list.
 *
 * @param first the row it begins with, from 0
 * @param size rows in it; 0 for all there are
 */
public record Page(long first, int size) {
  static Page parse(Dialect dialect, int limit, Map<String, List<String>> parameters)
      throws QueryException {
    int size = Math.max(0, count(Query.first(parameters, "pagesize"), 0));
    int number = Math.max(1, count(Query.first(parameters, "page"), 1));
    long first = (long) size * (number - 1);
    if (!dialect.hasColumns() || !dialect.limited()) {
      return new Page(first, size);
    }
    // There a chunk is a page like any other, and goes on at a row.
    int smaller = size == 0 || (limit > 0 && limit < size) ? limit : size;
    return new Page(first + row(Query.first(parameters, "continue")), smaller);
  }

  private static int row(String resume) throws QueryException {
    try {
      return resume.isEmpty() ? 0 : Math.max(0, Integer.parseInt(resume));
    } catch (NumberFormatException e) {
      throw QueryException.syntax("strconv.Atoi: parsing \"" + resume + "\": invalid syntax");
    }
  }

  static int count(String text, int otherwise) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      return otherwise;
    }
  }

  /** Of so many rows, the first that belongs here; their number if none does. */
  public int from(int rows) {
    return (int) Math.min(rows, first);
  }

  /** Behind the last. */
  public int to(int rows) {
    return size == 0 ? rows : (int) Math.min(rows, first + size);
  }

  public int pages(int rows) {
    return size == 0 ? 0 : (int) (((long) rows + size - 1) / size);
  }

  /** What {@code continue} is in dialects with columns; empty if nothing comes behind. */
  public String next(int rows) {
    return to(rows) < rows ? Integer.toString(to(rows)) : "";
  }
}
