package io.drover.steve.state;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.Recorded;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

/** Every object of the recorded answers: what stock computed of it, computed anew. */
class RecordedStatesTest {
  private static final List<String> GROUPS =
      List.of("objects", "objects-users", "lists", "lists-users", "query", "history", "writes");

  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-11-22T12:00:00Z"), ZoneOffset.UTC);

  /** Types that live in no namespace, of those that are met. */
  private static final Set<String> CLUSTER_WIDE =
      Set.of("node", "namespace", "persistentvolume", "management.cattle.io.cluster");

  /** Which relations are an object's own: the others come from objects that name it. */
  private static final Set<String> OWN_INBOUND = Set.of("applies", "owner");

  private static final Set<String> OWN_OUTBOUND =
      Set.of("creates", "helmresource", "selects", "uses");

  @Test
  void statesAreThoseOfStock() {
    check(
        "state",
        object -> object.path("metadata").path("state"),
        bare -> State.of(bare, CLOCK).json());
  }

  @Test
  void marksOfConditionsAreThoseOfStock() {
    check(
        "conditions",
        object -> object.path("status").path("conditions"),
        bare -> {
          Computed.addToConditions(bare, CLOCK);
          return bare.path("status").path("conditions");
        });
  }

  @Test
  void relationsOfTheObjectItselfAreThoseOfStock() {
    check(
        "relationships",
        object -> sorted(own(object.path("metadata").path("relationships"))),
        bare ->
            sorted(
                Relationship.of(bare, type -> !CLUSTER_WIDE.contains(type)).stream()
                    .map(relation -> (JsonNode) relation.json(null))
                    .toList()));
  }

  /** As far as the other object has been recorded, and was the same at that moment. */
  @Test
  void relationsSayOfOtherObjectsWhatStockSays() {
    for (var dialect : Recorded.DIALECTS) {
      var summaries = new HashMap<String, Set<Summary>>();
      for (var group : GROUPS) {
        for (var each : Recorded.cases(dialect, group)) {
          for (var object : each.objects()) {
            if (isWhole(each.path(), "state", object)) {
              summaries
                  .computeIfAbsent(
                      object.path("type").asText() + " " + object.path("id").asText(),
                      _ -> new HashSet<>())
                  .add(Summary.of(stripped(object), CLOCK));
            }
          }
        }
      }
      int compared = 0;
      for (var each : Recorded.cases(dialect, "objects")) {
        for (var object : each.objects()) {
          for (var relation : object.path("metadata").path("relationships")) {
            var way = relation.has("fromType") ? "from" : "to";
            var others =
                summaries.getOrDefault(
                    relation.path(way + "Type").asText() + " " + relation.path(way + "Id").asText(),
                    Set.of());
            if (relation.has("state") && !others.isEmpty()) {
              compared++;
              var told = others.stream().map(other -> told(relation, other)).toList();
              assertThat(told).as(each.id()).contains((ObjectNode) relation);
            }
          }
        }
      }
      assertThat(compared).isGreaterThan(20);
    }
  }

  private static ObjectNode told(JsonNode relation, Summary other) {
    boolean inbound = relation.has("fromType");
    var way = inbound ? "from" : "to";
    return new Relationship(
            inbound,
            relation.path("rel").asText(),
            relation.path(way + "Type").asText(),
            relation.path(way + "Id").asText(),
            relation.path("selector").asText(),
            relation.path("toNamespace").asText())
        .json(other);
  }

  private static void check(
      String what, Function<ObjectNode, Object> recorded, Function<ObjectNode, Object> computed) {
    var different = new TreeMap<String, String>();
    var compared = 0;
    for (var dialect : Recorded.DIALECTS) {
      for (var group : GROUPS) {
        for (var each : Recorded.cases(dialect, group)) {
          for (var object : each.objects()) {
            if (isWhole(each.path(), what, object)) {
              compared++;
              var want = recorded.apply(object);
              var have = computed.apply(stripped(object));
              if (!want.equals(have)) {
                different.put(
                    each.id() + " " + object.path("id").asText(), want + " is here " + have);
              }
            }
          }
        }
      }
    }
    assertThat(compared).isGreaterThan(500);
    assertThat(different).isEmpty();
  }

  /** Whether the answer has what was computed, and all that it was computed from. */
  private static boolean isWhole(String path, String what, ObjectNode object) {
    var metadata = object.path("metadata");
    var complete =
        metadata.has("state")
            && !path.contains("include=")
            && !path.contains("exclude=metadata&")
            && !path.contains("exclude=spec")
            && !path.contains("exclude=metadata.labels")
            && !path.contains("exclude=status");
    return switch (what) {
      case "conditions" -> complete && object.path("status").has("conditions");
      case "relationships" -> complete && metadata.has("relationships");
      default -> complete;
    };
  }

  private static ObjectNode stripped(ObjectNode object) {
    var bare = object.deepCopy();
    Computed.strip(bare);
    // What the API server gave: the cells, and such times as some controllers write themselves.
    if (object.path("metadata").has("fields")) {
      ((ObjectNode) bare.path("metadata")).set("fields", object.path("metadata").path("fields"));
    }
    var before = object.path("status").path("conditions");
    for (int i = 0; i < before.size(); i++) {
      var updated = before.path(i).path("lastUpdateTime");
      if (!updated.equals(before.path(i).path("lastTransitionTime"))) {
        ((ObjectNode) bare.path("status").path("conditions").path(i))
            .set("lastUpdateTime", updated);
      }
    }
    return bare;
  }

  private static List<JsonNode> own(JsonNode relations) {
    var own = new ArrayList<JsonNode>();
    for (var relation : relations) {
      var rels = relation.has("fromType") ? OWN_INBOUND : OWN_OUTBOUND;
      if (rels.contains(relation.path("rel").asText())) {
        var bare = (ObjectNode) relation.deepCopy();
        bare.remove(List.of("state", "message", "error", "transitioning"));
        own.add(bare);
      }
    }
    return own;
  }

  private static List<String> sorted(List<JsonNode> relations) {
    return relations.stream()
        .map(relation -> new TreeMap<>(asMap(relation)).toString())
        .sorted()
        .toList();
  }

  private static Map<String, String> asMap(JsonNode relation) {
    var map = new TreeMap<String, String>();
    relation.properties().forEach(entry -> map.put(entry.getKey(), entry.getValue().asText()));
    return map;
  }
}
