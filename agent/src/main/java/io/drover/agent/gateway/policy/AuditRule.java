package io.drover.agent.gateway.policy;

import java.util.List;
import java.util.Set;

/**
 * One rule of an audit policy. Every list has to cover the request; one that is empty covers all.
 * Source: apiserver v0.37.1 {@code pkg/audit/policy/checker.go}.
 *
 * @param namespaces the empty one is that of what is in none
 */
record AuditRule(
    AuditPolicy.Choice choice,
    Set<String> users,
    Set<String> groups,
    Set<String> verbs,
    List<Kinds> kinds,
    Set<String> namespaces,
    List<String> urls) {

  /**
   * Types of one API group.
   *
   * @param resources empty: all of them
   * @param names empty: all of them
   */
  record Kinds(String group, Set<String> resources, Set<String> names) {
    Kinds {
      resources = Set.copyOf(resources);
      names = Set.copyOf(names);
    }

    private boolean covers(RequestInfo.Resource request) {
      if (!group.equals(request.group())) {
        return false;
      }
      if (resources.isEmpty()) {
        return true;
      }
      return (names.isEmpty() || names.contains(request.name()))
          && (resources.contains("*")
              || resources.contains(request.combined())
              || resources.contains(request.resource() + "/*")
              || (!request.subresource().isEmpty()
                  && resources.contains("*/" + request.subresource())));
    }
  }

  AuditRule {
    users = Set.copyOf(users);
    groups = Set.copyOf(groups);
    verbs = Set.copyOf(verbs);
    kinds = List.copyOf(kinds);
    namespaces = Set.copyOf(namespaces);
    urls = List.copyOf(urls);
  }

  boolean covers(String user, Set<String> userGroups, RequestInfo request) {
    return (users.isEmpty() || users.contains(user))
        && (groups.isEmpty() || groups.stream().anyMatch(userGroups::contains))
        && coversWhat(request);
  }

  private boolean coversWhat(RequestInfo request) {
    boolean isForResources = !kinds.isEmpty() || !namespaces.isEmpty();
    return switch (request) {
      case RequestInfo.Resource resource ->
          hasVerb(resource.verb())
              && urls.isEmpty()
              && (namespaces.isEmpty() || namespaces.contains(resource.namespace()))
              && (kinds.isEmpty() || kinds.stream().anyMatch(one -> one.covers(resource)));
      case RequestInfo.NonResource url ->
          hasVerb(url.verb())
              && !isForResources
              && (urls.isEmpty() || urls.stream().anyMatch(one -> covers(one, url.path())));
      case RequestInfo.Unresolved _ -> false;
    };
  }

  private boolean hasVerb(String verb) {
    return verbs.isEmpty() || verbs.contains(verb);
  }

  private static boolean covers(String url, String path) {
    return url.endsWith("*")
        ? path.startsWith(url.substring(0, url.length() - 1))
        : path.equals(url);
  }
}
