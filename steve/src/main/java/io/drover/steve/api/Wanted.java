package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import java.time.Duration;

/**
 * What a page wants to hear of. Two that are equal are one: a page that asks twice hears once.
 *
 * @param resourceType a schema's id or plural name, as it was asked for
 * @param namespace empty: all
 * @param id of one object, with or without its namespace; empty: of all
 * @param selector of labels; empty: whatever they have
 * @param mode {@link #CHANGES}, or anything else for the objects themselves
 * @param debounceMillis 0: {@link #DEBOUNCE}
 */
record Wanted(
    String resourceType,
    String namespace,
    String id,
    String selector,
    String mode,
    long debounceMillis) {
  /** Only that something has changed, not more often than the debounce time. */
  static final String CHANGES = "resource.changes";

  /** Source: apiserver, {@code pkg/subscribe}. */
  static final Duration DEBOUNCE = Duration.ofSeconds(5);

  /** The longest that is granted. */
  static final Duration MAX_DEBOUNCE = Duration.ofMinutes(10);

  /**
   * What a page says.
   *
   * @param resourceVersion from which version on; empty: from now on
   * @param stop it does not want to hear any more
   */
  record Said(Wanted wanted, String resourceVersion, boolean stop) {
    static final Said NOTHING = new Said(new Wanted("", "", "", "", "", 0), "", false);
  }

  /**
   * Reads a message.
   *
   * @throws IllegalArgumentException if a field is not what it must be
   */
  static Said read(JsonNode message) {
    if (!message.isObject()) {
      throw new IllegalArgumentException("a message is a JSON object");
    }
    var wanted =
        new Wanted(
            text(message, "resourceType"),
            text(message, "namespace"),
            text(message, "id"),
            text(message, "selector"),
            text(message, "mode"),
            number(message, "debounceMs"));
    return new Said(wanted, text(message, "resourceVersion"), flag(message, "stop"));
  }

  private static String text(JsonNode message, String name) {
    var value = message.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return "";
    }
    if (!value.isTextual()) {
      throw new IllegalArgumentException(name + " is a text");
    }
    return value.asText("");
  }

  private static long number(JsonNode message, String name) {
    var value = message.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return 0;
    }
    if (!value.canConvertToLong()) {
      throw new IllegalArgumentException(name + " is a number");
    }
    return value.asLong();
  }

  private static boolean flag(JsonNode message, String name) {
    var value = message.path(name);
    if (value.isMissingNode() || value.isNull()) {
      return false;
    }
    if (!value.isBoolean()) {
      throw new IllegalArgumentException(name + " is true or false");
    }
    return value.asBoolean();
  }

  /** Whether only that something has changed is wanted. */
  boolean isOfChanges() {
    return mode.equals(CHANGES);
  }

  /** At least so long between two notices. */
  Duration debounce() {
    if (debounceMillis <= 0) {
      return DEBOUNCE;
    }
    return Duration.ofMillis(Math.min(debounceMillis, MAX_DEBOUNCE.toMillis()));
  }

  /** The name of the only object that is asked for; empty: there are others. */
  String name() {
    return id.substring(id.lastIndexOf('/') + 1);
  }

  /** Whether an object is of those that are asked for, and the user may see it. */
  boolean isFor(Call call, String inNamespace, String name) {
    return isOf(inNamespace, name)
        && call.schema().rights().grants("watch", inNamespace, name)
        && !isSelectedUnseen(call, name);
  }

  /** Whether it would be selected by labels that he is not shown. */
  private boolean isSelectedUnseen(Call call, String name) {
    var type = call.schema().type();
    return !selector.isEmpty()
        && type.isPresent()
        && Namespaces.isOnlyKnown(call, type.get(), name);
  }

  /** The same, of a whole object. */
  boolean isFor(Call call, ObjectNode object) {
    var metadata = object.path("metadata");
    return isFor(call, metadata.path("namespace").asText(""), metadata.path("name").asText(""));
  }

  /** Whether an object is of those that are asked for, whatever its labels. */
  private boolean isOf(String inNamespace, String name) {
    if (!namespace.isEmpty() && !namespace.equals(inNamespace)) {
      return false;
    }
    return id.isEmpty() || id.equals(name) || id.equals(inNamespace + "/" + name);
  }

  /** A message about it. */
  ObjectNode message(String name, String revision, ObjectNode data) {
    var message = Json.MAPPER.createObjectNode();
    message.put("name", name);
    putIfAny(message, "namespace", namespace);
    putIfAny(message, "resourceType", resourceType);
    putIfAny(message, "id", id);
    putIfAny(message, "selector", selector);
    putIfAny(message, "revision", revision);
    putIfAny(message, "mode", mode);
    message.set("data", data);
    return message;
  }

  private static void putIfAny(ObjectNode message, String name, String value) {
    if (!value.isEmpty()) {
      message.put(name, value);
    }
  }

  /** A message without anything to say but that. */
  ObjectNode message(String name) {
    return message(name, "", nothing());
  }

  /** What went wrong. */
  ObjectNode error(String text) {
    return message("resource.error", "", Json.MAPPER.createObjectNode().put("error", text));
  }

  /** The data of a message that has none. */
  static ObjectNode nothing() {
    var data = Json.MAPPER.createObjectNode();
    data.put("type", "subscribe");
    data.putObject("links");
    return data;
  }
}
