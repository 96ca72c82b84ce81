package io.drover.steve.schema;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The API server's description of its types, OpenAPI v2: the document as it is, and where in it
 * each definition stands. It has megabytes, so it is read when it is asked for, and kept by nobody.
 */
public final class OpenApi {
  /** Of the document. Kubernetes alone has 2 MB; a large set of definitions triples it. */
  static final int MAX_BYTES = 48 * 1024 * 1024;

  private static final String KINDS = "x-kubernetes-group-version-kind";

  private record Place(int from, int to) {}

  private final byte[] document;
  private final Map<String, Place> places = new HashMap<>();
  private final Map<String, String> byKind = new HashMap<>();

  private OpenApi(byte[] document) {
    this.document = document;
  }

  /** Asks for it. */
  public static OpenApi read(ApiServer api) throws IOException {
    try (var answer = api.send(ApiRequest.get("/openapi/v2", ApiRequest.JSON))) {
      byte[] document = answer.body().readNBytes(MAX_BYTES + 1);
      if (document.length > MAX_BYTES) {
        throw new IOException(
            "the description of all types is longer than " + MAX_BYTES + " bytes");
      }
      var found = new OpenApi(document);
      found.index();
      return found;
    }
  }

  private void index() throws IOException {
    Json.fields(
        new ByteArrayInputStream(document),
        (field, json) -> {
          if (field.equals("definitions")) {
            Json.fields(json, this::index);
          } else {
            json.skipChildren();
          }
        });
  }

  private void index(String name, JsonParser json) throws IOException {
    int from = (int) json.currentTokenLocation().getByteOffset();
    Json.fields(
        json,
        (field, value) -> {
          if (field.equals(KINDS)) {
            var kinds = Json.tree(value);
            if (kinds.size() == 1) { // what has several is an option of requests, and no type
              byKind.put(key(kinds.path(0)), name);
            }
          } else {
            value.skipChildren();
          }
        });
    places.put(name, new Place(from, (int) json.currentLocation().getByteOffset()));
  }

  private static String key(JsonNode kind) {
    return key(
        kind.path("group").asText(""),
        kind.path("version").asText(""),
        kind.path("kind").asText(""));
  }

  private static String key(String group, String version, String kind) {
    return group + "/" + version + "/" + kind;
  }

  /** The name of a type's definition; empty if there is none. */
  public Optional<String> name(ResourceType type) {
    return Optional.ofNullable(byKind.get(key(type.group(), type.version(), type.kind())));
  }

  /** A definition by its name; missing if there is none. */
  public JsonNode definition(String name) throws IOException {
    var place = places.get(name);
    return place == null
        ? MissingNode.getInstance()
        : Json.MAPPER.readTree(Arrays.copyOfRange(document, place.from(), place.to()));
  }
}
