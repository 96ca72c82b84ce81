package io.drover.steve.query;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.query.Comparison.Operator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a request for a list asks.
 *
 * @param filters all of which must hold; each is a list of conditions of which one must
 * @param sort first the most important; empty for the order there is
 * @param projects null if objects of all namespaces are wanted
 * @param revision as it was given, or empty. In the classic dialect Kubernetes judges it; in the
 *     others it is what {@link #checkRevision} compares
 * @param limit rows in a chunk, 0 for all, where the dialect knows chunks
 * @param resume where the list goes on, in the classic dialect: a {@link ContinueToken}
 * @param tally what to count, or null
 */
public record Query(
    Dialect dialect,
    List<List<Condition>> filters,
    List<SortKey> sort,
    Page page,
    @Nullable ProjectFilter projects,
    Shape shape,
    String revision,
    int limit,
    String resume,
    @Nullable Tally tally) {
  /** Filters of one request. The dashboard sends a handful. */
  static final int MAX_FILTERS = 64;

  /** Conditions in all of them. */
  static final int MAX_CONDITIONS = 256;

  /** Letters in one of them. */
  static final int MAX_FILTER_CHARS = 256 * 1024;

  /** How many rows a chunk has if nobody says. */
  private static final int DEFAULT_LIMIT = 100_000;

  public Query {
    filters = filters.stream().map(List::copyOf).toList();
    sort = List.copyOf(sort);
  }

  /**
   * Reads a request.
   *
   * @param parameters of the request, decoded, by their names
   * @throws QueryException if the request cannot be answered, with the answer that it gets
   */
  public static Query parse(Dialect dialect, Columns columns, Map<String, List<String>> parameters)
      throws QueryException {
    var filters = filters(dialect, columns, parameters.getOrDefault("filter", List.of()));
    var sort = SortKey.parse(first(parameters, "sort"), dialect, columns);
    var tally = dialect.hasColumns() ? Tally.parse(parameters) : null;
    var revision = first(parameters, "revision");
    if (dialect.hasColumns()) {
      check(columns, filters, sort, tally);
      number(revision);
    }
    int limit =
        dialect.limited() ? Math.max(0, Page.count(first(parameters, "limit"), DEFAULT_LIMIT)) : 0;
    return new Query(
        dialect,
        filters,
        sort,
        Page.parse(dialect, limit, parameters),
        ProjectFilter.parse(parameters),
        Shape.parse(parameters),
        revision,
        limit,
        dialect.hasColumns() ? "" : first(parameters, "continue"),
        tally);
  }

  static String first(Map<String, List<String>> parameters, String name) {
    var values = parameters.getOrDefault(name, List.of());
    return values.isEmpty() ? "" : values.getFirst();
  }

  private static List<List<Condition>> filters(Dialect dialect, Columns columns, List<String> texts)
      throws QueryException {
    if (texts.size() > MAX_FILTERS) {
      throw QueryException.tooMuch("filters", MAX_FILTERS);
    }
    var filters = new ArrayList<List<Condition>>();
    int count = 0;
    for (var text : texts) {
      if (text.length() > MAX_FILTER_CHARS) {
        throw QueryException.tooMuch("letters in a filter", MAX_FILTER_CHARS);
      }
      var conditions =
          dialect.syntax() == Dialect.Syntax.SELECTORS
              ? SelectorParser.parse(text, columns)
              : equations(dialect, columns, text);
      count += conditions.size();
      if (count > MAX_CONDITIONS) {
        throw QueryException.tooMuch("conditions", MAX_CONDITIONS);
      }
      // In the classic dialect a filter of nothing lets nothing through.
      if (!conditions.isEmpty() || !dialect.hasColumns()) {
        filters.add(conditions);
      }
    }
    return filters;
  }

  /** {@code a=b,c!=d}. What does not look so is not looked at. */
  private static List<Condition> equations(Dialect dialect, Columns columns, String text)
      throws QueryException {
    var conditions = new ArrayList<Condition>();
    for (var equation : text.split(",", -1)) {
      var sides = equation.split("!?=", -1);
      if (sides.length == 2) {
        if (conditions.size() == MAX_CONDITIONS) {
          throw QueryException.tooMuch("conditions", MAX_CONDITIONS);
        }
        boolean negated = equation.contains("!=");
        conditions.add(
            dialect.hasColumns()
                ? comparison(columns, Field.parse(sides[0]), negated, sides[1])
                : new Substring(new Field(List.of(sides[0].split("\\.", -1))), sides[1], negated));
      }
    }
    return conditions;
  }

  /** Early SQL: a part of the text, or in quotes the text itself. */
  private static Comparison comparison(
      Columns columns, Field field, boolean negated, String value) {
    boolean whole = value.length() >= 2 && value.startsWith("'") && value.endsWith("'");
    var operator =
        whole
            ? negated ? Operator.NOT_EQUAL : Operator.EQUAL
            : negated ? Operator.NOT_PART : Operator.PART;
    var text = whole ? value.substring(1, value.length() - 1) : value;
    return new Comparison(field, operator, columns.isNumber(field), Set.of(text));
  }

  private static void check(
      Columns columns, List<List<Condition>> filters, List<SortKey> sort, @Nullable Tally tally)
      throws QueryException {
    var fields = new ArrayList<Field>();
    filters.forEach(filter -> filter.forEach(condition -> fields.add(condition.field())));
    sort.forEach(key -> fields.add(key.field()));
    if (tally != null) {
      fields.addAll(tally.properties());
    }
    for (var field : fields) {
      if (!columns.has(field)) {
        throw QueryException.unknownColumn(field);
      }
    }
  }

  private static long number(String revision) throws QueryException {
    try {
      return revision.isEmpty() ? 0 : Long.parseLong(revision);
    } catch (NumberFormatException e) {
      throw QueryException.badRevision(revision);
    }
  }

  /**
   * Refuses if what is known is older than what the client has seen. Not for the classic dialect.
   *
   * @param current resourceVersion of the newest event, 0 if there was none
   */
  public void checkRevision(long current) throws QueryException {
    if (number(revision) > current) {
      throw QueryException.unknownRevision();
    }
  }

  /** Early servers say so when nothing of a project filter exists. */
  public void checkProjects(Projects known) throws QueryException {
    if (projects != null
        && dialect.syntax() == Dialect.Syntax.EARLY_SQL
        && projects.names().stream().noneMatch(known::know)) {
      throw QueryException.unknownProject(String.join(",", projects.names()));
    }
  }

  /**
   * Whether an object is asked for.
   *
   * @param columns as {@link #parse} got them
   */
  public boolean matches(ObjectNode object, Columns columns, Projects known) {
    for (var filter : filters) {
      if (filter.stream().noneMatch(condition -> holds(condition, object, columns))) {
        return false;
      }
    }
    return projects == null || isInProject(projects, object, known);
  }

  private static boolean holds(Condition condition, ObjectNode object, Columns columns) {
    return switch (condition) {
      case Comparison comparison -> comparison.accepts(columns.text(object, comparison.field()));
      case Substring substring -> substring.holds(object);
    };
  }

  private boolean isInProject(ProjectFilter filter, ObjectNode object, Projects known) {
    var metadata = object.path("metadata");
    var namespace = metadata.path("namespace").asText("");
    if (!namespace.isEmpty()) {
      return filter.accepts(namespace, known.of(namespace));
    }
    if (!dialect.hasColumns()) {
      return false; // the classic dialect knows no objects outside of namespaces here
    }
    if (object.path("kind").asText("").equals("Namespace")) {
      var project = metadata.path("labels").path(Projects.LABEL).asText("");
      return filter.accepts(metadata.path("name").asText(""), project);
    }
    return !filter.wanted();
  }
}
