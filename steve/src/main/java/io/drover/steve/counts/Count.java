package io.drover.steve.counts;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;

/**
 * Objects of one type.
 *
 * @param byNamespace of those that live in namespaces; one that was counted in and is empty now
 *     stays, with nothing
 */
public record Count(States all, Map<String, States> byNamespace) {
  /** Of a type that has none. */
  public static final Count NONE = new Count(States.NONE, Map.of());

  public Count {
    byNamespace = Map.copyOf(byNamespace);
  }

  /**
   * How many, and how many of them are not as they should be.
   *
   * @param errors objects in error
   * @param transitioning objects that change, in error or not
   * @param inProgress objects that change and are not in error
   */
  public record States(int count, int errors, int transitioning, int inProgress) {
    public static final States NONE = new States(0, 0, 0, 0);

    /** With objects more, or fewer, in one state. */
    public States plus(int objects, boolean error, boolean changing) {
      return new States(
          count + objects,
          errors + (error ? objects : 0),
          transitioning + (changing ? objects : 0),
          inProgress + (changing && !error ? objects : 0));
    }

    private ObjectNode json() {
      var json = JsonNodeFactory.instance.objectNode();
      putUnlessNone(json, "count", count);
      if (errors > 0 || inProgress > 0) {
        var states = json.putObject("states");
        putUnlessNone(states, "error", errors);
        putUnlessNone(states, "in-progress", inProgress);
      }
      putUnlessNone(json, "errors", errors);
      putUnlessNone(json, "transitioning", transitioning);
      return json;
    }

    private static void putUnlessNone(ObjectNode json, String name, int number) {
      if (number != 0) {
        json.put(name, number);
      }
    }
  }

  /** The type's entry in the counts object. */
  public ObjectNode json() {
    var json = JsonNodeFactory.instance.objectNode();
    json.set("summary", all.json());
    if (!byNamespace.isEmpty()) {
      var namespaces = json.putObject("namespaces");
      new TreeMap<>(byNamespace).forEach((name, states) -> namespaces.set(name, states.json()));
    }
    return json;
  }
}
