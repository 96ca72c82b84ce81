package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.kube.ApiReader.Events;
import io.drover.agent.kube.ApiReader.Listed;
import io.drover.agent.kube.ApiReader.WatchEnd;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.util.function.Consumer;

/**
 * What the bodies of the Kubernetes API's answers are made of. Each is read as it comes, and an
 * {@link UnreadableException} or one of the JSON library says that it is something else.
 */
final class Body {
  /** Of one object in JSON. etcd takes no more than 1.5 MiB. */
  static final int MAX_OBJECT_BYTES = 4 * 1024 * 1024;

  /**
   * Of a text. The longest are a kubelet's measurements: 400 KB with 250 pods of two containers.
   */
  static final int MAX_TEXT_BYTES = 1024 * 1024;

  private static final int MAX_DEPTH = 200;

  private static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(MAX_DEPTH)
                      .maxStringLength(MAX_OBJECT_BYTES)
                      .build())
              .build());

  private Body() {}

  /** One object, and nothing else. */
  static JsonNode object(LimitedStream body) throws IOException {
    body.allow(MAX_OBJECT_BYTES);
    JsonNode object = JSON.readTree(body);
    if (!object.isObject()) {
      throw new UnreadableException("is no object");
    }
    return object;
  }

  /** The objects of a list, one by one. */
  static Listed list(LimitedStream body, Consumer<JsonNode> each) throws IOException {
    String version = "";
    body.allow(MAX_OBJECT_BYTES);
    int items = 0;
    boolean isList = false;
    try (JsonParser json = JSON.createParser(body)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw new UnreadableException("is no object");
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String field = json.currentName();
        json.nextToken();
        if (field.equals("metadata")) {
          version = JSON.<JsonNode>readTree(json).path("resourceVersion").asText("");
        } else if (field.equals("items")) {
          isList = true;
          // A list without objects may be null: so Go writes an empty slice.
          if (json.currentToken() != JsonToken.VALUE_NULL) {
            items = items(body, json, each);
          }
        } else {
          json.skipChildren();
        }
      }
      if (json.currentToken() != JsonToken.END_OBJECT) {
        throw new UnreadableException("ends too early");
      }
    }
    if (!isList) {
      throw new UnreadableException("is no list");
    }
    return new Listed(version, items);
  }

  private static int items(LimitedStream body, JsonParser json, Consumer<JsonNode> each)
      throws IOException {
    int items = 0;
    if (json.currentToken() == JsonToken.START_ARRAY) {
      while (json.nextToken() == JsonToken.START_OBJECT) {
        body.allow(MAX_OBJECT_BYTES);
        each.accept(named(tree(json)));
        items++;
      }
    }
    if (json.currentToken() != JsonToken.END_ARRAY) {
      throw new UnreadableException("has items that are no list of objects");
    }
    return items;
  }

  /** All objects of Kubernetes have a name; what has none is something else. */
  private static JsonNode named(JsonNode object) throws UnreadableException {
    JsonNode name = object.path("metadata").path("name");
    if (!name.isTextual() || name.textValue().isEmpty()) {
      throw new UnreadableException("has an object without a name");
    }
    return object;
  }

  /**
   * What begins here, without who wrote which of its fields: nobody asks for that, and it is up to
   * half of an object.
   */
  static JsonNode tree(JsonParser json) throws IOException {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      return JSON.readTree(json);
    }
    ObjectNode tree = JSON.createObjectNode();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "managedFields" -> json.skipChildren();
        case "object", "metadata" -> tree.set(field, tree(json)); // of an event; of an object
        default -> tree.set(field, JSON.<JsonNode>readTree(json));
      }
    }
    return tree;
  }

  /** The events of a watch, until it ends. */
  static WatchEnd watch(LimitedStream body, Events events) throws IOException {
    body.allow(MAX_OBJECT_BYTES);
    try (JsonParser json = JSON.createParser(body)) {
      while (json.nextToken() != null) {
        JsonNode event = tree(json);
        JsonNode object = event.path("object");
        switch (event.path("type").asText()) {
          case "ADDED", "MODIFIED" -> events.changed(named(object));
          case "DELETED" -> events.deleted(named(object));
          case "BOOKMARK" -> {} // only its version matters
          case "ERROR" -> {
            if (object.path("code").asInt() == HttpURLConnection.HTTP_GONE) {
              return WatchEnd.EXPIRED;
            }
            throw new IOException(
                "watch failed: " + ApiReader.shortened(object.path("message").asText()));
          }
          default -> throw new UnreadableException("has an event that is not known");
        }
        events.reached(object.path("metadata").path("resourceVersion").asText(""));
        body.allow(MAX_OBJECT_BYTES);
      }
      return WatchEnd.ENDED;
    }
  }

  /** A text as JSON. */
  static JsonNode json(String text) throws JsonProcessingException {
    return JSON.readTree(text);
  }

  /** The message of a Status object, or the text itself. */
  static String message(String text) {
    try {
      JsonNode message = JSON.readTree(text).path("message");
      return ApiReader.shortened(message.isTextual() ? message.asText() : text);
    } catch (IOException _) {
      return ApiReader.shortened(text);
    }
  }

  static String text(InputStream body) throws IOException {
    return text(body, MAX_TEXT_BYTES);
  }

  static String text(InputStream body, int maxBytes) throws IOException {
    byte[] bytes = body.readNBytes(maxBytes + 1);
    if (bytes.length > maxBytes) {
      throw new UnreadableException("is longer than " + maxBytes + " bytes");
    }
    return new String(bytes, UTF_8);
  }

  /** The answer is not what it should be. */
  static final class UnreadableException extends IOException {
    private static final long serialVersionUID = 1;

    UnreadableException(String what) {
      super("the answer " + what);
    }
  }
}
