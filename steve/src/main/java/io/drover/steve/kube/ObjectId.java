package io.drover.steve.kube;

import com.fasterxml.jackson.databind.JsonNode;

/** How an object of a type is named here: {@code namespace/name}, or {@code name}. */
public final class ObjectId {
  private ObjectId() {}

  /** Of an object as Kubernetes has it. */
  public static String of(JsonNode object) {
    var metadata = object.path("metadata");
    return of(metadata.path("namespace").asText(""), metadata.path("name").asText(""));
  }

  /**
   * The same.
   *
   * @param namespace empty for an object that is in none
   */
  public static String of(String namespace, String name) {
    return namespace.isEmpty() ? name : namespace + "/" + name;
  }
}
