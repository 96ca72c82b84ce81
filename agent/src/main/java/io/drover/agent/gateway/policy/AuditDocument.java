package io.drover.agent.gateway.policy;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** From a text to an {@link AuditPolicy}: all of it is understood, or none of it counts. */
final class AuditDocument {
  static final String GROUP_PREFIX = "audit.k8s.io/";
  static final String API_VERSION = GROUP_PREFIX + "v1";
  static final String KIND = "Policy";

  private static final Set<String> TOP =
      Set.of("apiVersion", "kind", "metadata", "omitStages", "omitManagedFields", "rules");

  private static final Set<String> RULE =
      Set.of(
          "level",
          "users",
          "userGroups",
          "verbs",
          "resources",
          "namespaces",
          "nonResourceURLs",
          "omitStages",
          "omitManagedFields");

  private static final Set<String> KINDS = Set.of("group", "resources", "resourceNames");

  /**
   * Source: apiserver {@code pkg/apis/audit/v1/types.go}. The first and the last we never write.
   */
  private static final List<String> STAGES =
      List.of("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic");

  private static final Set<String> VERBS =
      Stream.concat(Verbs.RESOURCE.stream(), Verbs.NON_RESOURCE.stream())
          .collect(Collectors.toUnmodifiableSet());

  private static final Pattern GROUP = Pattern.compile("[a-z0-9.-]{0,253}");

  /** {@code *}, {@code pods}, {@code pods/exec}, {@code pods/*} or {@code *}{@code /scale}. */
  private static final Pattern RESOURCE =
      Pattern.compile("\\*|[a-z0-9._-]{1,253}(/(\\*|[a-z0-9._-]{1,253}))?|\\*/[a-z0-9._-]{1,253}");

  private static final Pattern NAME = Pattern.compile("[^/%]+");
  private static final Pattern NAMESPACE = Pattern.compile("[a-z0-9._-]{0,253}");
  private static final Pattern URL = Pattern.compile("\\*|/[^*\\s]*\\*?");
  private static final Pattern ANYBODY = Pattern.compile(".+");

  private final Problems problems = new Problems();

  private AuditDocument() {}

  static AuditPolicy parse(String text) throws PolicyException {
    return new AuditDocument().read(text);
  }

  private AuditPolicy read(String text) throws PolicyException {
    if (text.length() > PolicyDocument.MAX_BYTES
        || text.getBytes(UTF_8).length > PolicyDocument.MAX_BYTES) {
      throw new PolicyException(
          "the policy has more than " + PolicyDocument.MAX_BYTES + " bytes: make it smaller");
    }
    var top = FieldReader.of("", YamlNode.parse(text), TOP, problems);
    var rules = new ArrayList<AuditRule>();
    top.ifPresent(fields -> rules.addAll(rules(fields)));
    problems.check();
    return new AuditPolicy(rules);
  }

  private List<AuditRule> rules(FieldReader top) {
    PolicyDocument.expect(top, "apiVersion", API_VERSION);
    PolicyDocument.expect(top, "kind", KIND);
    if (!top.has("rules")) {
      top.problem("rules", "is missing: write some, such as [{level: Metadata}]");
    }
    var omitted = stages(top);
    boolean omitsManagedFields = top.flag("omitManagedFields");
    var nodes = top.nodes("rules");
    if (nodes.size() > PolicyDocument.MAX_RULES) {
      top.problem(
          "rules", "are more than " + PolicyDocument.MAX_RULES + ": put several of them into one");
      return List.of();
    }
    var rules = new ArrayList<AuditRule>();
    int index = 0;
    for (YamlNode node : nodes) {
      index++;
      FieldReader.of("rule " + index, node, RULE, problems)
          .map(fields -> rule(fields, omitted, omitsManagedFields))
          .ifPresent(rules::add);
    }
    return rules;
  }

  private AuditRule rule(FieldReader fields, Set<String> omitted, boolean omitsManagedFields) {
    if (fields.has("nonResourceURLs") && (fields.has("resources") || fields.has("namespaces"))) {
      fields.problem(
          "nonResourceURLs", "cannot be beside resources or namespaces: make two rules of it");
    }
    var stages = new LinkedHashSet<>(omitted);
    stages.addAll(stages(fields));
    var choice =
        new AuditPolicy.Choice(
            level(fields),
            stages,
            fields.has("omitManagedFields")
                ? fields.flag("omitManagedFields")
                : omitsManagedFields);
    return new AuditRule(
        choice,
        matching(fields, "users", ANYBODY, "is empty: name somebody"),
        matching(fields, "userGroups", ANYBODY, "is empty: name a group"),
        verbs(fields),
        kinds(fields),
        matching(
            fields,
            "namespaces",
            NAMESPACE,
            "is no namespace: write its name, or \"\" for what is in none; for all leave the field"
                + " out"),
        List.copyOf(
            matching(
                fields,
                "nonResourceURLs",
                URL,
                "is no URL: write it as in /version, with a * at the end only")));
  }

  private static AuditPolicy.Level level(FieldReader fields) {
    String expected = "write None, Metadata, Request or RequestResponse";
    String text = fields.require("level", expected);
    for (var level : AuditPolicy.Level.values()) {
      if (level.text().equals(text)) {
        return level;
      }
    }
    if (!text.isEmpty()) {
      fields.problem("level", Problems.quoted(text) + " is no level: " + expected);
    }
    return AuditPolicy.Level.METADATA; // never in force
  }

  private static Set<String> stages(FieldReader fields) {
    var all = new LinkedHashSet<String>();
    for (var item : fields.items("omitStages")) {
      if (!STAGES.contains(item.text())) {
        fields.itemProblem(
            "omitStages", item, "is no stage: use some of " + String.join(", ", STAGES));
      }
      all.add(item.text());
    }
    return all;
  }

  private static Set<String> verbs(FieldReader fields) {
    var all = new LinkedHashSet<String>();
    for (var item : fields.items("verbs")) {
      if (!VERBS.contains(item.text())) {
        fields.itemProblem(
            "verbs",
            item,
            "is no verb of a request: for all of them leave the field out, or use "
                + String.join(", ", new TreeSet<>(VERBS)));
      }
      all.add(item.text());
    }
    return all;
  }

  private List<AuditRule.Kinds> kinds(FieldReader rule) {
    var all = new ArrayList<AuditRule.Kinds>();
    for (YamlNode node : rule.nodes("resources")) {
      FieldReader.of("resources", node, KINDS, problems)
          .map(AuditDocument::kind)
          .ifPresent(all::add);
    }
    return all;
  }

  private static AuditRule.Kinds kind(FieldReader fields) {
    String group = fields.textOrNone("group");
    if (!GROUP.matcher(group).matches()) {
      fields.problem(
          "group",
          Problems.quoted(group)
              + " is no API group: write one as in apps, or \"\" for pods and the like");
    }
    if (fields.has("resourceNames") && !fields.has("resources")) {
      fields.problem("resourceNames", "means nothing without resources: name them");
    }
    return new AuditRule.Kinds(
        group,
        matching(
            fields,
            "resources",
            RESOURCE,
            "is no resource: write it in the plural, as in pods, pods/exec, pods/* or */scale"),
        matching(
            fields, "resourceNames", NAME, "is no name: write one as in the object's metadata"));
  }

  private static Set<String> matching(
      FieldReader fields, String field, Pattern pattern, String remedy) {
    var all = new LinkedHashSet<String>();
    for (var item : fields.items(field)) {
      if (!pattern.matcher(item.text()).matches()) {
        fields.itemProblem(field, item, remedy);
      }
      all.add(item.text());
    }
    return all;
  }
}
