package io.drover.steve.query;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.Objects;
import io.drover.steve.Recorded;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * The recorded queries, asked of the objects that the recorded lists hold: the same ids in the same
 * order, or the same error. What differs on purpose stands in {@code /differences/queries.txt}.
 */
class RecordedQueriesTest {
  /** What must be left to whoever lists: rights, Kubernetes' own parameters, or a chunk's end. */
  private static final Set<String> OF_KUBERNETES =
      Set.of("fieldSelector", "continue", "resourceVersion", "limit", "includeAssociatedData");

  private static final Instant NOW = Instant.parse("2026-11-22T12:00:00Z");

  /** Numbers among the columns whose descriptions the recordings leave out. */
  private static final Map<String, Set<String>> NUMBERS =
      Map.of("apps.deployment", Set.of("Up-to-date", "Available"));

  @Test
  void newestDialectAnswersAsStock() {
    check("sql", Dialect.NEWEST, 150);
  }

  @Test
  void classicDialectAnswersAsStock() {
    check("classic", Dialect.CLASSIC, 150);
  }

  private static void check(String dialect, Dialect ours, int atLeast) {
    var world = new World(dialect);
    var different = new TreeMap<String, String>();
    int compared = 0;
    for (var recorded : Recorded.cases(dialect, "query")) {
      var parameters = parameters(recorded.path());
      if (!isOurs(recorded, parameters)) {
        continue;
      }
      compared++;
      // What is not sorted, or by what differs from run to run, comes in whichever order.
      var sorted =
          ours.hasColumns()
              ? !recorded.json().path("variedBetweenRuns").toString().contains(".data[].id")
              : parameters.containsKey("sort");
      var want = answer(recorded, ours, sorted);
      var have = world.ask(recorded, ours, parameters, sorted);
      if (!want.equals(have)) {
        different.put(recorded.id(), want + " is here " + have);
      }
    }
    assertThat(compared).isGreaterThan(atLeast);
    var listed = Recorded.differences("/differences/queries.txt");
    listed.keySet().removeIf(id -> !id.startsWith(dialect + "/"));
    Recorded.assertListed(different, listed);
  }

  /** Whether the answer follows from the query and the objects alone. */
  private static boolean isOurs(Recorded.Case recorded, Map<String, List<String>> parameters) {
    var user = recorded.json().path("user").asText();
    var revised = recorded.id().startsWith("classic/") && parameters.containsKey("revision");
    return user.equals("u-admin")
        && !revised
        && !recorded.path().contains("/vec-shop?")
        && parameters.keySet().stream().noneMatch(OF_KUBERNETES::contains);
  }

  private static List<Object> answer(Recorded.Case recorded, Dialect dialect, boolean sorted) {
    if (recorded.status() != 200) {
      return List.of(
          recorded.status(),
          recorded.body().path("code").asText(),
          recorded.body().path("message").asText());
    }
    var ids = recorded.objects().stream().map(object -> object.path("id").asText()).toList();
    var pages = dialect.hasColumns() ? 0 : recorded.body().path("pages").asInt();
    return List.of(
        sorted ? ids : ids.stream().sorted().toList(),
        recorded.body().path("count").asInt(),
        pages,
        dialect.hasColumns() ? recorded.body().path("continue").asText() : "",
        isTallied(recorded) ? recorded.body().path("summary").toString() : "");
  }

  /** Stock's tally sometimes counts labels that nobody has asked for, and others at other times. */
  private static boolean isTallied(Recorded.Case recorded) {
    return recorded.body().has("summary")
        && !recorded.json().path("variedBetweenRuns").toString().contains(".summary");
  }

  static Map<String, List<String>> parameters(String path) {
    var parameters = new LinkedHashMap<String, List<String>>();
    var query = path.indexOf('?') < 0 ? "" : path.substring(path.indexOf('?') + 1);
    for (var pair : query.split("&", -1)) {
      int at = pair.indexOf('=');
      var name = URLDecoder.decode(at < 0 ? pair : pair.substring(0, at), StandardCharsets.UTF_8);
      var value = at < 0 ? "" : URLDecoder.decode(pair.substring(at + 1), StandardCharsets.UTF_8);
      parameters.computeIfAbsent(name, _ -> new ArrayList<>()).add(value);
    }
    return parameters;
  }

  /** All objects of a dialect's recordings, as the cluster would list them. */
  private static final class World {
    private final Map<String, List<ObjectNode>> byType = new HashMap<>();
    private final Map<String, Columns> columns = new HashMap<>();
    private final Map<String, String> plurals = new HashMap<>();
    private final Projects projects;

    World(String dialect) {
      for (var recorded : Recorded.cases(dialect, "schemas")) {
        for (var schema : recorded.objects()) {
          addSchema(schema);
        }
      }
      for (var group : List.of("lists", "query")) {
        for (var recorded : Recorded.cases(dialect, group)) {
          // What is random in a name is left out of the recordings; such objects come once a list.
          var before = new HashSet<String>();
          byType.values().forEach(all -> all.forEach(object -> before.add(key(object))));
          for (var object : recorded.objects()) {
            if (isWhole(recorded.path())
                && object.has("metadata")
                && !before.contains(key(object))) {
              add(object);
            }
          }
        }
      }
      var byNamespace = new HashMap<String, String>();
      for (var namespace : byType.getOrDefault("namespace", List.of())) {
        var labels = namespace.path("metadata").path("labels");
        byNamespace.put(namespace.path("id").asText(), labels.path(Projects.LABEL).asText());
      }
      projects = new Projects(byNamespace);
    }

    /** What a case before has changed, or left out, is not looked at. */
    private static boolean isWhole(String path) {
      return !path.contains("clude=spec")
          && !path.contains("include=")
          && !path.contains("exclude=metadata&")
          && !path.contains("excludeValues");
    }

    private static String key(JsonNode object) {
      return object.path("type").asText() + " " + object.path("id").asText();
    }

    private void add(ObjectNode object) {
      byType
          .computeIfAbsent(object.path("type").asText(), _ -> new ArrayList<>())
          .add(
              Objects.object(
                  object
                      .toString()
                      .replace("${time}", "2026-11-22T11:48:00Z")
                      .replace("${age}", "12m")));
    }

    private void addSchema(JsonNode schema) {
      var id = schema.path("id").asText();
      var table = new ArrayList<TableColumn>();
      for (var column : schema.path("attributes").path("columns")) {
        var name = column.path("name").asText();
        var number = NUMBERS.getOrDefault(id, Set.of()).contains(name);
        table.add(
            new TableColumn(
                name,
                number ? "integer" : column.path("type").asText(),
                column.path("description").asText(),
                null));
      }
      columns.put(
          id, new Columns(id, schema.path("attributes").path("namespaced").asBoolean(), table));
      plurals.put(schema.path("pluralName").asText(), id);
    }

    List<Object> ask(
        Recorded.Case recorded,
        Dialect dialect,
        Map<String, List<String>> parameters,
        boolean sorted) {
      var plural = recorded.path().substring("/v1/".length()).replaceAll("\\?.*", "");
      var type = plurals.getOrDefault(plural, plural);
      var columnsOfType = java.util.Objects.requireNonNull(columns.get(type), type);
      try {
        var query = Query.parse(dialect, columnsOfType, parameters);
        query.checkRevision(5000);
        query.checkProjects(projects);
        var objects = new ArrayList<ObjectNode>();
        for (var object : byType.getOrDefault(type, List.of())) {
          if (isSelected(object, Query.first(parameters, "labelSelector"))) {
            objects.add(seen(object, dialect, columnsOfType));
          }
        }
        var listing = Listing.of(query, objects, columnsOfType, projects);
        var ids =
            listing.rows().stream()
                .map(object -> columnsOfType.text(object, Field.parse("id")))
                .toList();
        return List.of(
            sorted ? ids : ids.stream().sorted().toList(),
            listing.count(),
            dialect.hasColumns() ? 0 : query.page().pages(listing.count()),
            dialect.hasColumns() ? query.page().next(listing.count()) : "",
            isTallied(recorded) ? String.valueOf(listing.tallied()) : "");
      } catch (QueryException e) {
        return List.of(e.status(), e.code(), e.getMessage());
      }
    }

    /** An object as the store has it, and the classic dialect sees it: without what is added. */
    private static ObjectNode seen(ObjectNode object, Dialect dialect, Columns columns) {
      var seen = object.deepCopy();
      seen.remove(List.of("id", "links", "actions", "_id"));
      var type = seen.remove("_type");
      seen.remove("type");
      if (type != null) {
        seen.set("type", type);
      }
      if (dialect.hasColumns()) {
        columns.keepTimes(seen, NOW);
      } else {
        ((ObjectNode) seen.path("metadata")).remove("state");
      }
      return seen;
    }

    /** Kubernetes' part: the recordings use one form only. */
    private static boolean isSelected(ObjectNode object, String selector) {
      if (selector.isEmpty()) {
        return true;
      }
      var sides = selector.split("=", -1);
      return object.path("metadata").path("labels").path(sides[0]).asText().equals(sides[1]);
    }
  }
}
