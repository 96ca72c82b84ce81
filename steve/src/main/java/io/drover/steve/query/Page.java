package io.drover.steve.query;

/**
 * A part of a list.
 *
 * @param number from 1
 * @param size rows in a page; 0 for all there are
 */
public record Page(int number, int size) {
  static Page parse(String number, String size) {
    return new Page(Math.max(1, count(number, 1)), Math.max(0, count(size, 0)));
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
    return size == 0 ? 0 : (int) Math.min(rows, (long) size * (number - 1));
  }

  /** Behind the last. */
  public int to(int rows) {
    return size == 0 ? rows : (int) Math.min(rows, (long) size * number);
  }

  public int pages(int rows) {
    return size == 0 ? 0 : (int) (((long) rows + size - 1) / size);
  }
}
