package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** What a command prints: columns as wide as what stands in them. */
final class Table {
  private final List<List<String>> rows = new ArrayList<>();

  /**
   * Without rows.
   *
   * @param head the columns' names; empty: none is printed
   */
  Table(List<String> head) {
    if (!head.isEmpty()) {
      rows.add(List.copyOf(head));
    }
  }

  /** How a command prints. */
  enum Format {
    TABLE,
    JSON
  }

  /** The option {@code -o}. */
  static final class OutputOption {
    @Option(
        names = {"-o", "--output"},
        paramLabel = "FORMAT",
        defaultValue = "table",
        description = "table, or json: as the API has it, in one line (default: ${DEFAULT-VALUE}).")
    private Format format = Format.TABLE;

    /** Prints to where the command does. */
    void print(@Nullable CommandSpec spec, Table table, JsonNode json) {
      if (format == Format.JSON) {
        Table.print(spec, json);
        return;
      }
      var out = Objects.requireNonNull(spec).commandLine().getOut();
      table.print(out);
      out.flush();
    }
  }

  /** Prints one line of JSON to where a command prints, for one that has no other form. */
  static void print(@Nullable CommandSpec spec, JsonNode json) {
    var out = Objects.requireNonNull(spec).commandLine().getOut();
    out.println(json);
    out.flush();
  }

  /** Adds a row, of as many columns as the others. */
  void row(String... columns) {
    rows.add(List.of(columns));
  }

  private void print(PrintWriter out) {
    for (var row : rows) {
      var line = new StringBuilder();
      for (int column = 0; column < row.size(); column++) {
        int number = column;
        int width = rows.stream().mapToInt(other -> other.get(number).length()).max().orElse(0);
        line.append(row.get(column)).append(" ".repeat(width - row.get(column).length() + 2));
      }
      out.println(line.toString().stripTrailing());
    }
  }
}
