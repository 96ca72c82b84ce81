package io.drover.agent.gateway.policy;

import java.util.List;

/**
 * What a request asks for, in the API server's words. Source: apiserver v0.37.1 {@code
 * pkg/endpoints/request/requestinfo.go}: what is not {@link Unresolved} is what that makes of it.
 */
public sealed interface RequestInfo {
  /** Of a path, in characters as sent. The longest of names come to less than 2 KiB. */
  int MAX_PATH = 8 * 1024;

  /** Of a query, in characters as sent: room for the longest of label selectors and commands. */
  int MAX_QUERY = 64 * 1024;

  /**
   * For something in the API, or for a list of it.
   *
   * @param verb one of {@link Verbs#RESOURCE}
   * @param group empty for the types that Kubernetes began with
   * @param namespace empty: of no namespace, or of all of them; a Namespace is in itself
   * @param subresource such as {@code exec}, or empty
   * @param name empty if the request has none, as one for a list
   */
  record Resource(
      String verb,
      String group,
      String version,
      String namespace,
      String resource,
      String subresource,
      String name)
      implements RequestInfo {

    /** As rules name it: {@code pods}, or {@code pods/exec}. */
    public String combined() {
      return subresource.isEmpty() ? resource : resource + "/" + subresource;
    }

    /** The same with another verb. */
    Resource with(String other) {
      return new Resource(other, group, version, namespace, resource, subresource, name);
    }

    /** What it may make as well, if it is a server-side apply and that is not there. */
    public List<Resource> madeByApply() {
      return Creation.byApply(this);
    }

    /** Whether it is for as many objects as there are. */
    boolean isOfMany() {
      return name.isEmpty() && Verbs.OF_MANY.contains(verb);
    }
  }

  /**
   * For something else, such as {@code /version}.
   *
   * @param verb one of {@link Verbs#NON_RESOURCE}
   * @param path decoded, with all its slashes
   */
  record NonResource(String verb, String path) implements RequestInfo {}

  /**
   * It is not certain what the API server, or whoever is behind it, would make of it.
   *
   * @param reason for people; without anything of the request that a terminal would obey
   */
  record Unresolved(String reason) implements RequestInfo {}

  /**
   * Resolves a request; never throws.
   *
   * @param path as sent, from the first slash on, without the query
   * @param query as sent, without the question mark; empty if there is none
   */
  static RequestInfo of(String method, String path, String query) {
    return RequestPath.resolve(method, path, query);
  }

  /**
   * Resolves a request; never throws.
   *
   * @param target as sent: path, and query if there is one
   */
  static RequestInfo of(String method, String target) {
    int mark = target.indexOf('?');
    return mark < 0
        ? of(method, target, "")
        : of(method, target.substring(0, mark), target.substring(mark + 1));
  }
}
