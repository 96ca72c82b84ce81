package io.drover.steve.manifest;

/**
 * An object that is to be there.
 *
 * @param place where in the text it stands, as people count: {@code document 2}, or {@code document
 *     2, item 1} of a List
 * @param apiVersion such as {@code apps/v1}; well formed
 * @param namespace empty: none is said
 * @param name empty: the API server is to make one up
 * @param generateName with which that name begins; empty if there is a name
 * @param text of this object alone, YAML or JSON
 */
public record Manifest(
    String place,
    String apiVersion,
    String kind,
    String namespace,
    String name,
    String generateName,
    String text) {

  /** Empty for the types that Kubernetes began with. */
  public String group() {
    int slash = apiVersion.indexOf('/');
    return slash < 0 ? "" : apiVersion.substring(0, slash);
  }

  /** For people: where it stands, and what it is. */
  public String title() {
    String id = name.isEmpty() ? generateName + "…" : name;
    return place + " (" + kind + " " + (namespace.isEmpty() ? id : namespace + "/" + id) + ")";
  }
}
