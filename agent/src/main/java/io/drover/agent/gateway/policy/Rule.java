package io.drover.agent.gateway.policy;

import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One rule. As in a role, every list has to cover the request; one that is empty covers all, but
 * for verbs, API groups, resources and URLs.
 *
 * <p>A rule that denies goes further than a role would, so that nothing is reached by a detour:
 * with namespaces it also covers a list, watch or deletion of all namespaces, with names also one
 * of all names, with the name of a proxied service also {@code https:name:port}, with a URL also
 * the same with a slash behind it.
 *
 * @param origin where it stands
 * @param subjects empty: everybody, the server included
 * @param hours when it applies
 * @param reason for whoever is refused; may be empty
 * @param contact whom to ask; empty: the policy's
 */
record Rule(
    Origin origin,
    Effect effect,
    List<Subject> subjects,
    Set<String> verbs,
    Set<String> groups,
    Set<String> resources,
    Set<String> names,
    Set<String> namespaces,
    List<String> urls,
    Hours hours,
    String reason,
    String contact) {

  /** When a rule applies. */
  enum Hours {
    ALWAYS,
    INSIDE,
    OUTSIDE
  }

  /**
   * Where a rule stands.
   *
   * @param preset empty: in the policy itself
   * @param index from 1 on, in that preset or in the policy
   * @param line of the policy, from 1 on; 0 if it comes from no text
   */
  record Origin(String preset, int index, int line, String name) {
    /** For people, such as {@code rule 2 "no shells" (line 14)}. */
    String text() {
      return (preset.isEmpty() ? "" : "preset " + preset + ", ")
          + "rule "
          + index
          + (name.isEmpty() ? "" : " \"" + name + "\"")
          + (line == 0 ? "" : " (line " + line + ")");
    }
  }

  /**
   * Kinds of which there is one for all namespaces, as far as everybody knows; group and resource.
   * A wildcard that denies in a namespace does not mean them.
   */
  static final Map<String, Set<String>> OF_THE_CLUSTER =
      Map.of(
          "",
          Set.of("nodes", "persistentvolumes", "componentstatuses"),
          "rbac.authorization.k8s.io",
          Set.of("clusterroles", "clusterrolebindings"),
          "storage.k8s.io",
          Set.of("storageclasses", "csidrivers", "csinodes", "volumeattachments"),
          "apiextensions.k8s.io",
          Set.of("customresourcedefinitions"),
          "apiregistration.k8s.io",
          Set.of("apiservices"),
          "scheduling.k8s.io",
          Set.of("priorityclasses"));

  Rule {
    subjects = List.copyOf(subjects);
    verbs = Set.copyOf(verbs);
    groups = Set.copyOf(groups);
    resources = Set.copyOf(resources);
    names = Set.copyOf(names);
    namespaces = Set.copyOf(namespaces);
    urls = List.copyOf(urls);
  }

  /** By what it does not cover the request; null if it covers it. */
  @Nullable Aspect mismatch(
      Requester requester,
      RequestInfo request,
      @Nullable BusinessHours businessHours,
      Instant now) {
    if (!isOf(requester)) {
      return Aspect.SUBJECT;
    }
    if (!appliesAt(businessHours, now)) {
      return Aspect.HOURS;
    }
    return switch (request) {
      case RequestInfo.Resource resource -> mismatch(resource);
      case RequestInfo.NonResource url -> mismatch(url);
      case RequestInfo.Unresolved _ -> Aspect.KIND;
    };
  }

  private boolean isOf(Requester requester) {
    return subjects.isEmpty() || subjects.stream().anyMatch(one -> one.covers(requester));
  }

  private boolean appliesAt(@Nullable BusinessHours businessHours, Instant now) {
    return hours == Hours.ALWAYS
        || businessHours == null
        || businessHours.isWithin(now) == (hours == Hours.INSIDE);
  }

  /** Whether it covers anything that somebody may ask for at that moment. */
  boolean isFor(Requester requester, @Nullable BusinessHours businessHours, Instant now) {
    return isOf(requester) && appliesAt(businessHours, now);
  }

  /** Whether it covers every request for resources, of whom it is for. */
  boolean isOfAllResources() {
    return verbs.contains(Verbs.ALL)
        && groups.contains(Verbs.ALL)
        && resources.contains(Verbs.ALL)
        && names.isEmpty()
        && namespaces.isEmpty();
  }

  /** The same of URLs. */
  boolean isOfAllUrls() {
    return verbs.contains(Verbs.ALL) && urls.contains("*");
  }

  private @Nullable Aspect mismatch(RequestInfo.Resource request) {
    if (resources.isEmpty()) {
      return Aspect.KIND;
    }
    if (!has(verbs, request.verb())) {
      return Aspect.VERB;
    }
    if (!has(groups, request.group())) {
      return Aspect.GROUP;
    }
    if (!has(resources, request.combined())
        && (request.subresource().isEmpty() || !resources.contains("*/" + request.subresource()))) {
      return Aspect.RESOURCE;
    }
    if (!namespaces.isEmpty()
        && !namespaces.contains(request.namespace())
        && !reachesIntoNamespaces(request)) {
      return Aspect.NAMESPACE;
    }
    if (!names.isEmpty() && !names.contains(request.name()) && !reachesNames(request)) {
      return Aspect.NAME;
    }
    return null;
  }

  private boolean reachesIntoNamespaces(RequestInfo.Resource request) {
    if (effect == Effect.ALLOW
        || !request.namespace().isEmpty()
        || !Verbs.OF_MANY.contains(request.verb())) {
      return false;
    }
    if (resources.contains(request.combined())) {
      return true;
    }
    if (request.group().isEmpty() && request.resource().equals("namespaces")) {
      return false;
    }
    return !OF_THE_CLUSTER.getOrDefault(request.group(), Set.of()).contains(request.resource());
  }

  private boolean reachesNames(RequestInfo.Resource request) {
    if (effect == Effect.ALLOW) {
      return false;
    }
    if (request.isOfMany()) {
      return true;
    }
    // As in https:name:port.
    return request.subresource().equals("proxy")
        && List.of(request.name().split(":", -1)).stream().anyMatch(names::contains);
  }

  private @Nullable Aspect mismatch(RequestInfo.NonResource request) {
    if (urls.isEmpty()) {
      return Aspect.KIND;
    }
    if (!has(verbs, request.verb())) {
      return Aspect.VERB;
    }
    return urls.stream().anyMatch(url -> covers(url, request.path())) ? null : Aspect.URL;
  }

  private boolean covers(String url, String path) {
    return url.endsWith("*")
        ? path.startsWith(url.substring(0, url.length() - 1))
        : path.equals(url) || (effect == Effect.DENY && path.equals(url + "/"));
  }

  private static boolean has(Set<String> all, String one) {
    return all.contains(Verbs.ALL) || all.contains(one);
  }
}
