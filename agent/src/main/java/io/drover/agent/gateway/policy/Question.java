package io.drover.agent.gateway.policy;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** A request as people name it on a command line; as {@code kubectl auth can-i} has it. */
public final class Question {
  /** Those without an API group. */
  private static final Set<String> CORE =
      Set.of(
          "bindings",
          "componentstatuses",
          "configmaps",
          "endpoints",
          "events",
          "limitranges",
          "namespaces",
          "nodes",
          "persistentvolumeclaims",
          "persistentvolumes",
          "pods",
          "podtemplates",
          "replicationcontrollers",
          "resourcequotas",
          "secrets",
          "serviceaccounts",
          "services");

  private Question() {}

  /**
   * The request for it.
   *
   * @param resource such as {@code pods}, {@code pods/exec}, {@code deployments.apps/scale}, or
   *     {@code /version}
   * @param subresource another way to say it; or empty
   * @throws PolicyException if there is no such request; it says what to write
   */
  public static RequestInfo request(
      String verb, String resource, String subresource, String namespace, String name)
      throws PolicyException {
    var problems = new ArrayList<String>();
    boolean isUrl = resource.startsWith("/");
    var verbs = isUrl ? Verbs.NON_RESOURCE : Verbs.RESOURCE;
    if (!verbs.contains(verb)) {
      problems.add(
          Problems.quoted(verb)
              + " is no verb of a request: use one of "
              + String.join(", ", new TreeSet<>(verbs)));
    }
    if (isUrl) {
      if (!subresource.isEmpty() || !namespace.isEmpty() || !name.isEmpty()) {
        problems.add("a URL has no namespace, name or subresource: leave them out");
      }
      check(problems);
      return new RequestInfo.NonResource(verb, resource);
    }
    int slash = resource.indexOf('/');
    String type = slash < 0 ? resource : resource.substring(0, slash);
    String below = slash < 0 ? subresource : resource.substring(slash + 1);
    if (slash >= 0 && !subresource.isEmpty()) {
      problems.add("the subresource is there twice: leave one of them out");
    }
    int dot = type.indexOf('.');
    String group = dot < 0 ? "" : type.substring(dot + 1);
    String plural = dot < 0 ? type : type.substring(0, dot);
    if (dot < 0 && !CORE.contains(type)) {
      problems.add(
          Problems.quoted(type)
              + " needs its API group: write it in the plural, as in deployments.apps");
    }
    if (!below.isEmpty() && name.isEmpty()) {
      problems.add("a subresource is that of one object: add --name");
    }
    if (verb.equals("deletecollection") && !name.isEmpty()) {
      problems.add("a deletecollection has no name: use delete");
    }
    check(problems);
    // A namespace is in itself, to the API server.
    String in =
        plural.equals("namespaces") && group.isEmpty() && namespace.isEmpty() ? name : namespace;
    return new RequestInfo.Resource(verb, group, "", in, plural, below, name);
  }

  private static void check(List<String> problems) throws PolicyException {
    if (!problems.isEmpty()) {
      throw new PolicyException(problems);
    }
  }
}
