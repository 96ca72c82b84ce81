package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/** From a text to a {@link Policy}: all of it is understood, or none of it counts. */
final class PolicyDocument {
  static final String API_VERSION = "drover.io/v1alpha1";
  static final String KIND = "GatewayPolicy";

  /** Of a text, in bytes. A ConfigMap has 1 MiB. */
  static final int MAX_BYTES = 256 * 1024;

  /** In one policy, without those of presets. */
  static final int MAX_RULES = 500;

  private static final Set<String> TOP =
      Set.of("apiVersion", "kind", "default", "contact", "presets", "businessHours", "rules");

  private static final Set<String> RULE =
      Set.of(
          "name",
          "effect",
          "subjects",
          "verbs",
          "apiGroups",
          "resources",
          "resourceNames",
          "namespaces",
          "nonResourceURLs",
          "hours",
          "reason",
          "contact");

  private static final Pattern GROUP = Pattern.compile("\\*|[a-z0-9.-]{0,253}");

  /** {@code *}, {@code pods}, {@code pods/exec} or {@code *}{@code /scale}. */
  private static final Pattern RESOURCE =
      Pattern.compile("\\*|[a-z0-9._-]{1,253}(/[a-z0-9._-]{1,253})?|\\*/[a-z0-9._-]{1,253}");

  private static final Pattern NAME = Pattern.compile("[^/%]+");
  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9._-]{1,253}");
  private static final Pattern URL = Pattern.compile("\\*|/[^*\\s]*\\*?");

  private static final String NO_NAME = "is no name: write one as in the object's metadata";

  private final Problems problems = new Problems();
  private final String preset;
  private final int presetLine;

  private PolicyDocument(String preset, int presetLine) {
    this.preset = preset;
    this.presetLine = presetLine;
  }

  static Policy parse(String text) throws PolicyException {
    return new PolicyDocument("", 0).read(text);
  }

  /** Of a preset, as if they stood in {@code line}. */
  private static List<Rule> rules(Preset preset, int line) {
    try {
      return new PolicyDocument(preset.text(), line).read(preset.document()).rules();
    } catch (PolicyException e) {
      throw new IllegalStateException("the preset " + preset.text() + " is no policy", e);
    }
  }

  private Policy read(String text) throws PolicyException {
    if (text.length() > MAX_BYTES || text.getBytes(UTF_8).length > MAX_BYTES) {
      throw new PolicyException(
          "the policy has more than " + MAX_BYTES + " bytes: make it smaller");
    }
    var root = YamlNode.parse(text);
    var top = FieldReader.of("", root, TOP, problems);
    if (top.isEmpty()) {
      problems.check();
      throw new IllegalStateException("no fields, and no problem");
    }
    var policy = policy(top.get());
    problems.check();
    return policy;
  }

  private Policy policy(FieldReader top) {
    expect(top, "apiVersion", API_VERSION);
    expect(top, "kind", KIND);
    var standard = effect(top, "default");
    var hours =
        Optional.ofNullable(top.node("businessHours"))
            .flatMap(node -> HoursReader.read(node, problems))
            .orElse(null);
    boolean hasHours = top.has("businessHours") || !preset.isEmpty();
    var rules = new ArrayList<Rule>();
    var nodes = top.nodes("rules");
    if (nodes.size() > MAX_RULES) {
      top.problem("rules", "are more than " + MAX_RULES + ": put several of them into one");
      nodes = List.of();
    }
    for (YamlNode node : nodes) {
      int index = rules.size() + 1;
      String place = "rule " + index;
      rules.add(
          FieldReader.of(place, node, RULE, problems)
              .map(fields -> rule(index, node.line(), fields, hasHours))
              .orElseGet(() -> nothing(index, node.line())));
    }
    var notes = new ArrayList<String>();
    for (Preset used : presets(top, hasHours)) {
      rules.addAll(rules(used, top.line("presets")));
      if (!used.note().isEmpty()) {
        notes.add(used.note());
      }
    }
    return new Policy(rules, standard, hours, top.text("contact"), notes);
  }

  static void expect(FieldReader top, String field, String expected) {
    String found = top.require(field, "write " + field + ": " + expected);
    if (!found.isEmpty() && !found.equals(expected)) {
      top.problem(field, Problems.quoted(found) + " is not known: write " + expected);
    }
  }

  private static Effect effect(FieldReader fields, String field) {
    String text = fields.require(field, "write allow or deny");
    for (Effect effect : Effect.values()) {
      if (effect.text().equals(text)) {
        return effect;
      }
    }
    if (!text.isEmpty()) {
      fields.problem(field, Problems.quoted(text) + " is no effect: write allow or deny");
    }
    return Effect.DENY;
  }

  private static Set<Preset> presets(FieldReader top, boolean hasHours) {
    var all = new LinkedHashSet<Preset>();
    for (var item : top.items("presets")) {
      var found = Preset.of(item.text());
      if (found.isEmpty()) {
        top.itemProblem(
            "presets", item, "is no preset: use one of " + String.join(", ", Preset.names()));
        continue;
      }
      if (!all.add(found.get())) {
        top.itemProblem("presets", item, "is there twice: leave one of them out");
      }
      if (found.get() == Preset.BUSINESS_HOURS && !hasHours) {
        top.itemProblem("presets", item, "needs businessHours: add it to the policy");
      }
    }
    return all;
  }

  /** In place of what is no rule; never in force. */
  private Rule nothing(int index, int line) {
    return new Rule(
        new Rule.Origin(preset, index, line, ""),
        Effect.DENY,
        List.of(),
        Set.of(),
        Set.of(),
        Set.of(),
        Set.of(),
        Set.of(),
        List.of(),
        Rule.Hours.ALWAYS,
        "",
        "");
  }

  private Rule rule(int index, int line, FieldReader fields, boolean hasHours) {
    boolean isForUrls = fields.has("nonResourceURLs");
    if (isForUrls && fields.has("resources")) {
      fields.problem(
          "nonResourceURLs", "cannot be beside resources, as in a role: make two rules of it");
    }
    if (!isForUrls && !fields.has("resources")) {
      fields.problem(
          "resources", "is missing: name some, such as [pods], or nonResourceURLs instead");
    }
    if (isForUrls) {
      for (String field : List.of("apiGroups", "resourceNames", "namespaces")) {
        if (fields.has(field)) {
          fields.problem(field, "means nothing beside nonResourceURLs: leave it out");
        }
      }
    } else if (!fields.has("apiGroups")) {
      fields.problem(
          "apiGroups", "is missing: write [\"\"] for pods and the like, or [\"*\"] for all");
    }
    var verbs = verbs(fields, isForUrls);
    var resources = matching(fields, "resources", RESOURCE, PolicyDocument::resourceRemedy);
    var groups =
        matching(fields, "apiGroups", GROUP, _ -> "is no API group: write it as in apps, or \"\"");
    var names = matching(fields, "resourceNames", NAME, _ -> NO_NAME);
    var namespaces =
        matching(
            fields,
            "namespaces",
            NAMESPACE,
            _ -> "is no namespace: write its name; for all of them leave the field out");
    if (!names.isEmpty()
        && verbs.contains("create")
        && resources.stream().anyMatch(one -> one.indexOf('/') < 0)) {
      fields.problem(
          "resourceNames",
          "means nothing for create, whose name is in its body: make a rule of its own for it");
    }
    if (!namespaces.isEmpty()) {
      checkNamespaced(fields, groups, resources);
    }
    return new Rule(
        new Rule.Origin(preset, index, preset.isEmpty() ? line : presetLine, fields.text("name")),
        effect(fields, "effect"),
        subjects(fields),
        verbs,
        groups,
        resources,
        names,
        namespaces,
        List.copyOf(
            matching(
                fields,
                "nonResourceURLs",
                URL,
                _ -> "is no URL: write it as in /version, with a * at the end only")),
        hours(fields, hasHours),
        fields.text("reason"),
        fields.text("contact"));
  }

  private static void checkNamespaced(
      FieldReader fields, Set<String> groups, Set<String> resources) {
    for (String group : groups) {
      for (String resource : Rule.OF_THE_CLUSTER.getOrDefault(group, Set.of())) {
        if (resources.contains(resource)) {
          fields.problem("namespaces", resource + " are in none: make a rule of its own for them");
        }
      }
    }
  }

  private static Set<String> verbs(FieldReader fields, boolean isForUrls) {
    if (!fields.has("verbs")) {
      fields.problem("verbs", "is missing: name some, or write [\"*\"]");
    }
    var known = isForUrls ? Verbs.NON_RESOURCE : Verbs.RESOURCE;
    var all = new TreeSet<String>();
    for (var item : fields.items("verbs")) {
      if (!item.text().equals(Verbs.ALL) && !known.contains(item.text())) {
        fields.itemProblem(
            "verbs",
            item,
            "is no verb of a request"
                + (isForUrls ? " for a URL" : "")
                + ": use *, "
                + String.join(", ", new TreeSet<>(known)));
      }
      all.add(item.text());
    }
    return all;
  }

  private static String resourceRemedy(String text) {
    if (text.endsWith("/*")) {
      return "means nothing, as in a role: name each subresource, or write \"*\"";
    }
    return "is no resource: write it in the plural, as in pods, pods/exec or */scale";
  }

  /** What to do about a text. */
  private interface Remedy {
    String of(String text);
  }

  private static Set<String> matching(
      FieldReader fields, String field, Pattern pattern, Remedy remedy) {
    var all = new LinkedHashSet<String>();
    for (var item : fields.items(field)) {
      if (!pattern.matcher(item.text()).matches()) {
        fields.itemProblem(field, item, remedy.of(item.text()));
      }
      all.add(item.text());
    }
    return all;
  }

  private static Rule.Hours hours(FieldReader fields, boolean hasHours) {
    if (!fields.has("hours")) {
      return Rule.Hours.ALWAYS;
    }
    if (!hasHours) {
      fields.problem("hours", "needs businessHours: add it to the policy");
    }
    String text = fields.text("hours");
    return switch (text) {
      case "inside" -> Rule.Hours.INSIDE;
      case "outside" -> Rule.Hours.OUTSIDE;
      default -> {
        fields.problem("hours", Problems.quoted(text) + " is neither inside nor outside");
        yield Rule.Hours.ALWAYS;
      }
    };
  }

  private List<Subject> subjects(FieldReader fields) {
    var all = new ArrayList<Subject>();
    for (YamlNode node : fields.nodes("subjects")) {
      FieldReader.of("subject", node, Set.of("kind", "name", "namespace", "apiGroup"), problems)
          .flatMap(PolicyDocument::subject)
          .ifPresent(all::add);
    }
    return all;
  }

  private static Optional<Subject> subject(FieldReader fields) {
    String kind = fields.require("kind", "write User, Group, ServiceAccount or Server");
    boolean hasNamespace = kind.equals("ServiceAccount");
    if (fields.has("namespace") && !hasNamespace) {
      fields.problem("namespace", "is for a ServiceAccount only: leave it out");
    }
    if (fields.has("apiGroup") && !fields.text("apiGroup").equals("rbac.authorization.k8s.io")) {
      fields.problem("apiGroup", "is not known: leave it out");
    }
    return switch (kind) {
      case "User" -> Optional.of(new Subject.User(name(fields)));
      case "Group" -> Optional.of(new Subject.Group(name(fields)));
      case "ServiceAccount" ->
          Optional.of(
              new Subject.ServiceAccount(fields.require("namespace", "name one"), name(fields)));
      case "Server" -> {
        if (fields.has("name")) {
          fields.problem("name", "means nothing for a Server, of which there is one: leave it out");
        }
        yield Optional.of(new Subject.Server());
      }
      default -> {
        if (!kind.isEmpty()) {
          fields.problem(
              "kind",
              Problems.quoted(kind) + " is not known: write User, Group, ServiceAccount or Server");
        }
        yield Optional.empty();
      }
    };
  }

  private static String name(FieldReader fields) {
    return fields.require("name", "name one, or write \"*\" for all of them");
  }
}
