package io.drover.steve.query;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A page of objects.
 *
 * @param count of all that the query asks for, on whichever page
 * @param tallied what the query's tally counted on this one, or null
 */
public record Listing(List<ObjectNode> rows, int count, @Nullable JsonNode tallied) {
  public Listing {
    rows = List.copyOf(rows);
  }

  /**
   * Answers a query.
   *
   * @param objects with {@code metadata.state}, and {@code metadata.fields} as {@link
   *     Columns#keepTimes} leaves them, if the dialect has columns
   */
  public static Listing of(
      Query query, List<ObjectNode> objects, Columns columns, Projects projects) {
    var matching = new ArrayList<ObjectNode>();
    for (var object : objects) {
      if (query.matches(object, columns, projects)) {
        matching.add(object);
      }
    }
    var order = query.dialect().hasColumns() ? order(query, columns) : classicOrder(query);
    if (order != null) {
      matching.sort(order);
    }
    var page = query.page();
    int count = matching.size();
    var rows = matching.subList(page.from(count), page.to(count));
    var tally = query.tally();
    return tally == null
        ? new Listing(rows, count, null)
        : new Listing(tally.only() ? List.of() : rows, count, tallied(tally, rows, columns));
  }

  private static JsonNode tallied(Tally tally, List<ObjectNode> rows, Columns columns) {
    var counts = new TallyCounts(tally);
    for (var row : rows) {
      var namespace = row.path("metadata").path("namespace").asText("");
      for (var property : tally.properties()) {
        var value = columns.text(row, property);
        counts.add(property, value == null ? "" : value, namespace, 1);
      }
    }
    return counts.json();
  }

  /** By the keys, and by id among those that are the same in all of them. */
  private static Comparator<ObjectNode> order(Query query, Columns columns) {
    Comparator<ObjectNode> order = (_, _) -> 0;
    for (var key : query.sort()) {
      Function<ObjectNode, @Nullable String> text = object -> columns.text(object, key.field());
      Comparator<ObjectNode> next = (a, b) -> compare(key, text.apply(a), text.apply(b));
      order = order.thenComparing(key.descending() ? next.reversed() : next);
    }
    var id = Field.parse("id");
    var byId = new SortKey(id, false, new Order(Order.Kind.TEXT, false));
    return order.thenComparing((a, b) -> compare(byId, columns.text(a, id), columns.text(b, id)));
  }

  private static int compare(SortKey key, @Nullable String a, @Nullable String b) {
    if (a == null || b == null) {
      int missing = Boolean.compare(a == null, b == null);
      return key.missingLast() ? missing : -missing;
    }
    return key.order().compare(a, b);
  }

  /** As the objects come, where nothing else is asked. */
  private static @Nullable Comparator<ObjectNode> classicOrder(Query query) {
    Comparator<ObjectNode> order = null;
    for (var key : query.sort()) {
      Comparator<ObjectNode> next = (a, b) -> compare(value(a, key.field()), value(b, key.field()));
      next = key.descending() ? next.reversed() : next;
      order = order == null ? next : order.thenComparing(next);
    }
    return order;
  }

  private static JsonNode value(JsonNode object, Field field) {
    var node = object;
    for (var part : field.parts()) {
      node = node.isArray() ? node.path(Field.index(part)) : node.path(part);
    }
    return node;
  }

  /** As text; numbers by value, of which stock dies. */
  private static int compare(JsonNode a, JsonNode b) {
    if (a.isNumber() && b.isNumber()) {
      return new BigDecimal(a.asText("")).compareTo(new BigDecimal(b.asText("")));
    }
    return new Order(Order.Kind.TEXT, false).compare(a.asText(""), b.asText(""));
  }
}
