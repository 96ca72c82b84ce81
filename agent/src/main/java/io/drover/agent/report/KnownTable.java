package io.drover.agent.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Tables of what is known of products, in {@code known/*.json}. They are part of the program: a row
 * that is wrong is our mistake, and a field that nobody reads is a wrong row.
 */
final class KnownTable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private KnownTable() {}

  /**
   * Reads a table, in its order.
   *
   * @throws IllegalStateException if it is not there or malformed; the message names the row
   */
  static <T> List<T> read(String name, Function<Row, T> reader) {
    try (InputStream in = KnownTable.class.getResourceAsStream("known/" + name + ".json")) {
      if (in == null) {
        throw new IllegalStateException("known/" + name + ".json is not there");
      }
      return parse(name, JSON.readTree(in), reader);
    } catch (IOException e) {
      throw new IllegalStateException("known/" + name + ".json: " + e.getMessage(), e);
    }
  }

  static <T> List<T> parse(String name, JsonNode table, Function<Row, T> reader) {
    if (!table.isArray() || table.isEmpty()) {
      throw new IllegalStateException(name + ": no list of rows");
    }
    var rows = new ArrayList<T>();
    for (JsonNode object : table) {
      var row = new Row(name + "[" + rows.size() + "]", object);
      row.text("source"); // every row says where it is from
      rows.add(reader.apply(row));
      row.checkAllRead();
    }
    return List.copyOf(rows);
  }

  /** One row, or an object in one. */
  static final class Row {
    private final String where;
    private final JsonNode object;
    private final Set<String> read = new HashSet<>();
    private final List<Row> inner = new ArrayList<>();

    private Row(String where, JsonNode object) {
      this.where = where;
      this.object = object;
      if (!object.isObject()) {
        throw wrong("is no object");
      }
    }

    private @Nullable JsonNode field(String name) {
      read.add(name);
      return object.get(name);
    }

    boolean has(String name) {
      return object.has(name);
    }

    String text(String name) {
      String text = optionalText(name);
      if (text == null) {
        throw wrong("lacks " + name);
      }
      return text;
    }

    @Nullable String optionalText(String name) {
      JsonNode value = field(name);
      if (value == null) {
        return null;
      }
      if (!value.isTextual() || value.textValue().isEmpty()) {
        throw wrong(name + " is no text");
      }
      return value.textValue();
    }

    /** Empty if it is absent. */
    List<String> texts(String name) {
      JsonNode value = field(name);
      if (value == null) {
        return List.of();
      }
      if (!value.isArray()) {
        throw wrong(name + " is no list");
      }
      var texts = new ArrayList<String>();
      for (JsonNode text : value) {
        if (!text.isTextual() || text.textValue().isEmpty()) {
          throw wrong(name + " has something that is no text");
        }
        texts.add(text.textValue());
      }
      return List.copyOf(texts);
    }

    /** Lists of texts; empty if it is absent. */
    List<List<String>> textLists(String name) {
      JsonNode value = field(name);
      if (value == null) {
        return List.of();
      }
      var lists = new ArrayList<List<String>>();
      for (JsonNode list : value) {
        var texts = new ArrayList<String>();
        list.forEach(text -> texts.add(text.asText()));
        if (texts.isEmpty() || texts.contains("")) {
          throw wrong(name + " has something that is no list of texts");
        }
        lists.add(List.copyOf(texts));
      }
      return List.copyOf(lists);
    }

    @Nullable Boolean optionalFlag(String name) {
      JsonNode value = field(name);
      if (value == null || value.isNull()) {
        return null;
      }
      if (!value.isBoolean()) {
        throw wrong(name + " is neither true nor false");
      }
      return value.booleanValue();
    }

    /** False if it is absent. */
    boolean flag(String name) {
      return Boolean.TRUE.equals(optionalFlag(name));
    }

    int number(String name) {
      JsonNode value = field(name);
      if (value == null || !value.isInt()) {
        throw wrong(name + " is no number");
      }
      return value.intValue();
    }

    /** A map of texts; empty if it is absent. */
    Map<String, String> map(String name) {
      JsonNode value = field(name);
      if (value == null) {
        return Map.of();
      }
      var map = new LinkedHashMap<String, String>();
      for (var entry : value.properties()) {
        if (!entry.getValue().isTextual()) {
          throw wrong(name + " has something that is no text");
        }
        map.put(entry.getKey(), entry.getValue().textValue());
      }
      if (!value.isObject()) {
        throw wrong(name + " is no map");
      }
      return Map.copyOf(map);
    }

    /** An object in it; without fields if it is absent. */
    Row row(String name) {
      JsonNode value = field(name);
      var row = new Row(where + "." + name, value == null ? JSON.createObjectNode() : value);
      inner.add(row);
      return row;
    }

    /** Objects in it; none if it is absent. */
    List<Row> rows(String name) {
      JsonNode value = field(name);
      if (value == null) {
        return List.of();
      }
      if (!value.isArray()) {
        throw wrong(name + " is no list");
      }
      var rows = new ArrayList<Row>();
      for (JsonNode element : value) {
        rows.add(new Row(where + "." + name + "[" + rows.size() + "]", element));
      }
      inner.addAll(rows);
      return List.copyOf(rows);
    }

    IllegalStateException wrong(String what) {
      return new IllegalStateException(where + ": " + what);
    }

    private void checkAllRead() {
      for (var field : object.properties()) {
        if (!read.contains(field.getKey())) {
          throw wrong(field.getKey() + " is not known");
        }
      }
      inner.forEach(Row::checkAllRead);
    }
  }
}
