package io.drover.e2e;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.e2e.IsolationWorld.Kind;
import io.drover.e2e.IsolationWorld.User;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;

/**
 * A policy of the gateway, made up by a seed, and what it means, written straight from {@code
 * docs/policy.md}. But for one rule at its beginning it denies.
 */
final class IsolationPolicy {
  static final String CONFIG_MAP = "drover-gateway-policy";
  static final String CONTACT = "the isolation team";

  /** There is none. */
  static final IsolationPolicy NONE = new IsolationPolicy(List.of());

  private static final int RULES = 16;
  private static final String ANY = "*";
  private static final List<String> OF_MANY = List.of("list", "watch", "deletecollection");

  /** Empty lists of namespaces and names are all; an empty subject is everybody. */
  private record Rule(
      boolean allow,
      String subject,
      List<String> verbs,
      List<String> groups,
      List<String> resources,
      List<String> namespaces,
      List<String> names) {
    boolean covers(
        User user, String verb, String group, String resource, String namespace, String name) {
      boolean many = !allow && OF_MANY.contains(verb);
      boolean ofCluster = isOfCluster(resource) && !resources.contains(resource);
      return (subject.isEmpty() || subject.equals(user.name()) || user.groups().contains(subject))
          && has(verbs, verb)
          && has(groups, group)
          && has(resources, resource)
          && (namespaces.isEmpty()
              || namespaces.contains(namespace)
              || (many && namespace.isEmpty() && !ofCluster))
          && (names.isEmpty() || names.contains(name) || (many && name.isEmpty()));
    }

    private static boolean has(List<String> all, String one) {
      return all.contains(ANY) || all.contains(one);
    }

    ObjectNode json() {
      var rule = VectorCase.JSON.createObjectNode().put("effect", allow ? "allow" : "deny");
      if (!subject.isEmpty()) {
        boolean isUser = subject.startsWith("u-");
        rule.putArray("subjects")
            .addObject()
            .put("kind", isUser ? "User" : "Group")
            .put("name", subject);
      }
      put(rule, "verbs", verbs);
      put(rule, "apiGroups", groups);
      put(rule, "resources", resources);
      put(rule, "namespaces", namespaces);
      put(rule, "resourceNames", names);
      return rule;
    }

    private static void put(ObjectNode rule, String field, List<String> texts) {
      if (!texts.isEmpty()) {
        var list = rule.putArray(field);
        texts.forEach(list::add);
      }
    }
  }

  private final List<Rule> rules;

  private IsolationPolicy(List<Rule> rules) {
    this.rules = List.copyOf(rules);
  }

  private static boolean isOfCluster(String resource) {
    return resource.equals("namespaces")
        || IsolationWorld.KINDS.stream()
            .anyMatch(kind -> !kind.namespaced() && kind.resource().equals(resource));
  }

  static IsolationPolicy of(long seed) {
    var random = new Random(seed);
    var rules = new ArrayList<Rule>();
    rules.add(
        new Rule(
            true,
            "g-4",
            List.of(ANY),
            List.of("apps"),
            List.of("deployments"),
            List.of(),
            List.of()));
    for (int i = 0; i < RULES; i++) {
      rules.add(rule(random));
    }
    return new IsolationPolicy(rules);
  }

  private static <T> T any(Random random, List<T> all) {
    return all.get(random.nextInt(all.size()));
  }

  private static Rule rule(Random random) {
    var kinds = List.of(any(random, IsolationWorld.KINDS), any(random, IsolationWorld.KINDS));
    boolean all = random.nextInt(3) == 0;
    boolean inNamespaces = all || kinds.stream().allMatch(Kind::namespaced);
    var verbs =
        random.nextBoolean()
            ? List.of(ANY)
            : distinct(
                any(random, IsolationWorld.VERBS), any(random, IsolationWorld.VERBS), "list");
    var subjects =
        List.of("g-0", "g-1", "g-2", "g-3", "g-4", "u-1", "u-4", "system:serviceaccounts");
    return new Rule(
        false,
        any(random, subjects),
        verbs,
        all ? List.of(ANY) : distinct(kinds.get(0).group(), kinds.get(1).group()),
        all ? List.of(ANY) : distinct(kinds.get(0).resource(), kinds.get(1).resource()),
        all || (inNamespaces && random.nextInt(3) > 0)
            ? List.of(any(random, IsolationWorld.NAMESPACES))
            : List.of(),
        !all && !verbs.contains("create") && random.nextInt(3) == 0
            ? List.of(any(random, IsolationWorld.NAMES))
            : List.of());
  }

  private static List<String> distinct(String... texts) {
    return List.copyOf(new TreeSet<>(List.of(texts)));
  }

  boolean isNone() {
    return rules.isEmpty();
  }

  /**
   * Whether a request may go on.
   *
   * @param namespace empty: all, or none
   * @param name empty: the request has none
   */
  boolean allows(
      User user, String verb, String group, String resource, String namespace, String name) {
    return allowsVerb(user, verb, group, resource, namespace, name)
        && (!verb.equals("update")
            || !resource.equals("services") // which an update makes, of all the types here
            || allowsVerb(user, "create", group, resource, namespace, name));
  }

  private boolean allowsVerb(
      User user, String verb, String group, String resource, String namespace, String name) {
    return rules.stream()
        .filter(rule -> rule.covers(user, verb, group, resource, namespace, name))
        .findFirst()
        .map(Rule::allow)
        .orElse(true);
  }

  /** As it stands in the ConfigMap: JSON is YAML. */
  String text() {
    var policy = VectorCase.JSON.createObjectNode();
    policy.put("apiVersion", "drover.io/v1alpha1").put("kind", "GatewayPolicy");
    policy.put("default", "allow").put("contact", CONTACT);
    var all = policy.putArray("rules");
    rules.forEach(rule -> all.add(rule.json()));
    return policy.toString();
  }
}
