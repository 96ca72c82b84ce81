package io.drover.proto.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/**
 * What has changed from one report to the next, as a JSON merge patch (RFC 7396): lists as wholes,
 * and null for what has gone. That is exact, since reports hold no nulls.
 */
public final class MergePatch {
  private MergePatch() {}

  /** The patch that makes {@code to} of {@code from}. Neither is changed. */
  public static ObjectNode between(ObjectNode from, ObjectNode to) {
    ObjectNode patch = from.objectNode();
    for (Map.Entry<String, JsonNode> field : to.properties()) {
      String name = field.getKey();
      JsonNode before = from.path(name);
      JsonNode after = field.getValue();
      if (before instanceof ObjectNode old && after instanceof ObjectNode now) {
        ObjectNode inner = between(old, now);
        if (!inner.isEmpty()) {
          patch.set(name, inner);
        }
      } else if (!before.equals(after)) {
        patch.set(name, after);
      }
    }
    for (Map.Entry<String, JsonNode> field : from.properties()) {
      if (!to.has(field.getKey())) {
        patch.putNull(field.getKey());
      }
    }
    return patch;
  }

  /** Makes the change that {@code patch} says, in {@code target}. */
  public static void apply(ObjectNode target, ObjectNode patch) {
    for (Map.Entry<String, JsonNode> field : patch.properties()) {
      String name = field.getKey();
      JsonNode change = field.getValue();
      if (change.isNull()) {
        target.remove(name);
      } else if (change instanceof ObjectNode inner) {
        // What was no object is replaced by one, without the patch's own nulls.
        ObjectNode into = target.get(name) instanceof ObjectNode old ? old : target.putObject(name);
        apply(into, inner);
      } else {
        target.set(name, change);
      }
    }
  }
}
