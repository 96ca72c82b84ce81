package io.drover.agent.terminal;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Lines for a terminal. None is longer than the width: what does not fit is cut. Texts lose their
 * control characters, so that none of them can drive the terminal.
 */
public final class Page {
  /** Narrower than this, columns would have no room: lines are then longer than asked. */
  public static final int MIN_WIDTH = 60;

  /** Of a terminal that does not say how wide it is. */
  static final int STANDARD_WIDTH = 100;

  private static final int LABEL_WIDTH = 18;
  private static final int MARK_WIDTH = 4;
  private static final String MARGIN = "  ";

  private enum Style {
    HEADING("\u001b[1m"),
    DIM("\u001b[2m"),
    GOOD("\u001b[32m"),
    BAD("\u001b[31m"),
    NONE("");

    private final String start;

    Style(String start) {
      this.start = start;
    }
  }

  /** What begins a line. */
  public enum Mark {
    YES("✓", Style.GOOD),
    NO("✗", Style.BAD),
    /** Something that is not there; nobody has to worry. */
    WITHOUT("✗", Style.NONE),
    UNKNOWN("–", Style.DIM),
    NONE(" ", Style.NONE);

    private final String sign;
    private final Style style;

    Mark(String sign, Style style) {
      this.sign = sign;
      this.style = style;
    }
  }

  private final boolean colour;
  private final int width;
  private final int valueWidth;
  private final StringBuilder out = new StringBuilder();

  /**
   * An empty page.
   *
   * @param colour whether to use ANSI colours
   * @param width of a line, in characters; at least {@link #MIN_WIDTH}
   */
  public Page(boolean colour, int width) {
    this.colour = colour;
    this.width = Math.max(MIN_WIDTH, width);
    // Two columns share what is left of the line, the value has the larger part.
    this.valueWidth = (this.width - MARK_WIDTH - LABEL_WIDTH) * 3 / 5;
  }

  /**
   * The width of this terminal.
   *
   * @param columns as the shell says, in {@code COLUMNS}; empty if it does not
   */
  public static int width(String columns) {
    try {
      return columns.isEmpty() ? STANDARD_WIDTH : Math.max(MIN_WIDTH, Integer.parseInt(columns));
    } catch (NumberFormatException _) {
      return STANDARD_WIDTH;
    }
  }

  /** All lines, each with its end. */
  public String text() {
    return out.toString();
  }

  /** Begins a section. */
  public void heading(String title) {
    if (!out.isEmpty()) {
      blank();
    }
    styled(Style.HEADING, title.toUpperCase(Locale.ROOT));
    out.append('\n');
  }

  /** An empty line. */
  public void blank() {
    out.append('\n');
  }

  /**
   * One line.
   *
   * @param aside in the last column; null: the text has the rest of the line
   */
  public void line(Mark mark, String label, String text, @Nullable String aside) {
    out.append(MARGIN);
    styled(mark.style, mark.sign);
    out.append(' ').append(padded(printable(label), LABEL_WIDTH));
    int rest = width - MARK_WIDTH - LABEL_WIDTH;
    Style style = mark == Mark.UNKNOWN ? Style.DIM : Style.NONE;
    if (aside == null || aside.isEmpty()) {
      styled(style, cut(printable(text), rest));
    } else {
      String shown = padded(printable(text), valueWidth);
      styled(style, shown);
      styled(Style.DIM, cut(printable(aside), rest - valueWidth));
    }
    end();
  }

  /** Below the line that counts it. */
  public void trouble(String what, String why) {
    out.append(MARGIN).append(MARGIN);
    int whatWidth = (width - MARK_WIDTH) / 2;
    out.append(padded(printable(what), whatWidth));
    styled(Style.BAD, cut(printable(why), width - MARK_WIDTH - whatWidth));
    end();
  }

  /** Says that some are left out; nothing if none is. */
  public void more(int omitted, String what) {
    if (omitted > 0) {
      out.append(MARGIN).append(MARGIN);
      styled(Style.DIM, "and " + omitted + " more " + what);
      end();
    }
  }

  /** A text that is not cut, but broken between words; below the line that it belongs to. */
  public void paragraph(String text) {
    int room = width - MARK_WIDTH;
    var line = new StringBuilder();
    for (String word : printable(text).split(" +", -1)) {
      if (!line.isEmpty() && line.length() + 1 + word.length() > room) {
        endParagraphLine(line);
      }
      line.append(line.isEmpty() ? "" : " ").append(word);
    }
    endParagraphLine(line);
  }

  private void endParagraphLine(StringBuilder line) {
    out.append(MARGIN).append(MARGIN).append(line);
    line.setLength(0);
    end();
  }

  private void end() {
    int end = out.length();
    while (end > 0 && out.charAt(end - 1) == ' ') {
      end--;
    }
    out.setLength(end);
    out.append('\n');
  }

  /** Columns as wide as they need; the first, of names, is cut if all do not fit. */
  public void grid(List<String> headings, List<List<String>> texts) {
    var rows = texts.stream().map(row -> row.stream().map(Page::printable).toList()).toList();
    var widths = new ArrayList<Integer>();
    for (int column = 0; column < headings.size(); column++) {
      int widest = headings.get(column).length();
      for (List<String> row : rows) {
        widest = Math.max(widest, row.get(column).length());
      }
      widths.add(widest);
    }
    int others = widths.stream().skip(1).mapToInt(columnWidth -> columnWidth + 2).sum();
    widths.set(0, Math.min(widths.getFirst(), Math.max(8, width - MARK_WIDTH - others)));
    gridRow(headings, widths, Style.DIM);
    rows.forEach(row -> gridRow(row, widths, Style.NONE));
  }

  private void gridRow(List<String> cells, List<Integer> widths, Style style) {
    var line = new StringBuilder(padded(cells.getFirst(), widths.getFirst() + 1).stripTrailing());
    line.append(" ".repeat(widths.getFirst() - line.length()));
    for (int column = 1; column < cells.size(); column++) {
      line.append("  ").append(" ".repeat(widths.get(column) - cells.get(column).length()));
      line.append(cells.get(column));
    }
    out.append(MARGIN).append(MARGIN);
    styled(style, line.toString());
    end();
  }

  private void styled(Style style, String text) {
    if (colour && style != Style.NONE && !text.isEmpty()) {
      out.append(style.start).append(text).append("\u001b[0m");
    } else {
      out.append(text);
    }
  }

  /** On one line, and without what a terminal would obey. */
  private static String printable(String text) {
    return text.codePoints()
        .map(point -> isPrintable(point) ? point : ' ')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString()
        .strip();
  }

  private static boolean isPrintable(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL,
          Character.FORMAT, // turns the direction of what follows
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }

  private static String cut(String text, int width) {
    return text.length() <= width ? text : text.substring(0, width - 1).strip() + "…";
  }

  /** Cut or filled, with a space after it. */
  private static String padded(String text, int width) {
    String cut = cut(text, width - 1);
    return cut + " ".repeat(width - cut.length());
  }
}
