package io.drover.steve.query;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/**
 * The classic dialect's: a field contains a text, or does not. Fields are looked up in the object
 * itself; in a list any element will do; numbers contain nothing.
 */
record Substring(Field field, String part, boolean negated) implements Condition {
  boolean holds(ObjectNode object) {
    return found(object, field.parts()) != negated;
  }

  private boolean found(JsonNode object, List<String> path) {
    // As far as there are objects to go down into.
    var node = object;
    int depth = 0;
    while (depth < path.size() && node.isObject() && node.has(path.get(depth))) {
      node = node.get(path.get(depth));
      depth++;
    }
    var rest = path.subList(depth, path.size());
    if (depth == 0) {
      return false;
    }
    return node.isArray() ? foundInList(node, rest) : rest.isEmpty() && isFoundIn(node);
  }

  private boolean foundInList(JsonNode list, List<String> path) {
    for (var element : list) {
      var found =
          switch (element.getNodeType()) {
            case OBJECT -> found(element, path);
            case ARRAY -> foundInList(element, path);
            default -> isFoundIn(element);
          };
      if (found) {
        return true;
      }
    }
    return false;
  }

  private boolean isFoundIn(JsonNode node) {
    return (node.isTextual() || node.isBoolean()) && node.asText("").contains(part);
  }
}
