package io.drover.agent.kube;

/**
 * All objects of one kind, as the paths of the Kubernetes API name them.
 *
 * @param api group and version, such as {@code /apis/batch/v1}
 * @param plural such as {@code jobs}
 * @param kind such as {@code Job}
 */
public record Resource(String api, String plural, String kind) {
  /** The path of a list; without a namespace, of all of them. */
  String path(String namespace) {
    return api + (namespace.isEmpty() ? "" : "/namespaces/" + namespace) + "/" + plural;
  }

  /** The path of an object; {@code namespace} is empty if it is in none. */
  String path(String namespace, String name) {
    return path(namespace) + "/" + name;
  }
}
