package io.drover.steve.live;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.ObjectId;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;

/**
 * Something that has happened to an object.
 *
 * @param number counts up by one from change to change of a feed
 * @param revision the object's version after it; of one that is gone, that of its end
 * @param namespace empty for an object that lives in none
 * @param json the object; of a Secret only its metadata, since values are not kept
 */
@SuppressWarnings("ArrayRecordComponent") // compared with nothing
public record Change(
    long number,
    long revision,
    Kind kind,
    String namespace,
    String name,
    Map<String, String> labels,
    byte[] json) {
  /** What has happened. */
  public enum Kind {
    CREATE,
    CHANGE,
    REMOVE
  }

  /** What a change takes besides its object, in bytes; roughly. */
  private static final int OWN_BYTES = 200;

  private static final int LABEL_BYTES = 150;

  public Change {
    labels = Map.copyOf(labels);
  }

  static Change of(long number, long revision, Kind kind, ObjectNode object) throws IOException {
    var metadata = object.path("metadata");
    return new Change(
        number,
        revision,
        kind,
        metadata.path("namespace").asText(""),
        metadata.path("name").asText(""),
        Json.texts(metadata.path("labels")),
        Json.MAPPER.writeValueAsBytes(object));
  }

  /** How pages name the object. */
  public String id() {
    return ObjectId.of(namespace, name);
  }

  /** The object, anew for each who asks. */
  public ObjectNode object() throws IOException {
    return (ObjectNode) Json.MAPPER.readTree(json);
  }

  long bytes() {
    return json.length + OWN_BYTES + (long) LABEL_BYTES * labels.size();
  }

  /** A version as a number; empty if it is none. */
  public static Optional<Long> revision(String version) {
    try {
      return Optional.of(Long.parseLong(version));
    } catch (NumberFormatException _) {
      return Optional.empty();
    }
  }
}
