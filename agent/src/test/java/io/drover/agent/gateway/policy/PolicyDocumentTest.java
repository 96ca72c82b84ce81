package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class PolicyDocumentTest {
  private static final String HEAD =
      """
      apiVersion: drover.io/v1alpha1
      kind: GatewayPolicy
      default: deny
      """;

  /** A rule that is none but for its lines; they begin at line 5. */
  private static String rule(String... lines) {
    return HEAD + "rules:\n- " + String.join("\n  ", lines) + "\n";
  }

  private static List<String> problems(String text) {
    return catchThrowableOfType(PolicyException.class, () -> Policy.parse(text)).problems();
  }

  static Stream<Arguments> bad() {
    return Stream.of(
        bad("", "line 1: there is no policy in it"),
        bad("# nothing\n", "there is no policy in it"),
        bad("a: [b", "line 1: this is no YAML"),
        bad("a: b: c", "line 1: this is no YAML"),
        bad("\tx: y", "line 1: this is no YAML"),
        bad("- a\n", "line 1: policy: is no mapping: write it as field: value"),
        bad(
            "kind: GatewayPolicy\n",
            "line 1: apiVersion: is missing: write apiVersion: drover.io/"),
        bad("kind: GatewayPolicy\n", "line 1: default: is missing: write allow or deny"),
        bad(HEAD.replace("v1alpha1", "v2"), "line 1: apiVersion: \"drover.io/v2\" is not known"),
        bad(HEAD.replace("GatewayPolicy", "Policy"), "line 2: kind: \"Policy\" is not known"),
        bad(HEAD.replace("deny", "never"), "line 3: default: \"never\" is no effect"),
        bad(HEAD.replace("deny", "true"), "line 3: default: is no text: put it in quotation marks"),
        bad(HEAD + "rule: []\n", "line 4: rule: there is no such field: use one of apiVersion,"),
        bad(HEAD + "kind: GatewayPolicy\n", "line 4: kind is there twice"),
        bad(HEAD + "---\na: b\n", "there is a second document"),
        bad(HEAD + "contact: &a x\nrules: [*a]\n", "line 5: an anchor or alias is not taken"),
        bad(HEAD + "rules: &a [x]\n", "line 4: an anchor or alias is not taken"),
        bad(HEAD + "<<: *a\n", "line 4: an anchor or alias is not taken"),
        bad(HEAD + "contact: *a\n", "line 4"),
        bad(HEAD + "contact: !!str x\n", "line 4: a tag is not taken"),
        bad(HEAD + "contact: 5\n", "line 4: contact: is no text"),
        bad(HEAD + "contact: \"a\\nb\"\n", "line 4: contact: has a control character"),
        bad(HEAD + "contact: \"\"\n", "line 4: contact: is empty"),
        bad(HEAD + "contact: " + "x".repeat(1025) + "\n", "line 4: contact: is longer than 1024"),
        bad(HEAD + "rules: x\n", "line 4: rules: is no list"),
        bad(HEAD + "rules: []\n", "line 4: rules: is an empty list"),
        bad(HEAD + "rules: [x]\n", "line 4: rule 1: is no mapping"),
        bad(
            HEAD + "presets: [no-fun]\n",
            "line 4: presets: \"no-fun\" is no preset: use one of au"),
        bad(HEAD + "presets: [no-exec, no-exec]\n", "line 4: presets: \"no-exec\" is there twice"),
        bad(HEAD + "presets: [business-hours]\n", "needs businessHours: add it to the policy"),
        bad(rule("effect: deny"), "line 5: rule 1: resources: is missing: name some"),
        bad(rule("effect: deny", "resources: [pods]"), "line 5: rule 1: apiGroups: is missing"),
        bad(rule("effect: deny", "resources: [pods]"), "line 5: rule 1: verbs: is missing"),
        bad(rule("resources: [pods]"), "line 5: rule 1: effect: is missing: write allow or deny"),
        bad(rule("effect: Deny"), "line 5: rule 1: effect: \"Deny\" is no effect"),
        bad(rule("effect: deny", "verb: [get]"), "line 6: rule 1: verb: there is no such field"),
        bad(rule("effect: deny", "verbs: get"), "line 6: rule 1: verbs: is no list"),
        bad(
            rule("verbs:", "- get", "- impersonate"),
            "line 7: rule 1: verbs: \"impersonate\" is no"),
        bad(rule("verbs: [GET]"), "\"GET\" is no verb of a request: use *, create, delete"),
        bad(
            rule("verbs: [list]", "nonResourceURLs: [/x]"),
            "line 5: rule 1: verbs: \"list\" is no verb of a request for a URL: use *, delete, get"),
        bad(rule("verbs: [yes, 1]"), "line 5: rule 1: verbs: is no text"),
        bad(rule("apiGroups: [apps/v1]"), "\"apps/v1\" is no API group"),
        bad(rule("resources: [Pods]"), "\"Pods\" is no resource: write it in the plural"),
        bad(rule("resources: [\"pods/*\"]"), "\"pods/*\" means nothing, as in a role"),
        bad(rule("resources: [a/b/c]"), "\"a/b/c\" is no resource"),
        bad(rule("resources: [\"\"]"), "\"\" is no resource"),
        bad(rule("namespaces: [\"*\"]"), "\"*\" is no namespace: write its name"),
        bad(rule("resourceNames: [a/b]"), "\"a/b\" is no name"),
        bad(rule("resourceNames: [\"\"]"), "\"\" is no name"),
        bad(rule("nonResourceURLs: [version]"), "\"version\" is no URL: write it as in /version"),
        bad(rule("nonResourceURLs: [\"/a*b\"]"), "\"/a*b\" is no URL"),
        bad(rule("nonResourceURLs: [/a]", "resources: [pods]"), "cannot be beside resources"),
        bad(rule("nonResourceURLs: [/a]", "namespaces: [x]"), "means nothing beside nonResource"),
        bad(
            rule("verbs: [create]", "resources: [pods]", "resourceNames: [x]"),
            "line 7: rule 1: resourceNames: means nothing for create"),
        bad(
            rule("apiGroups: [\"\"]", "resources: [nodes]", "namespaces: [x]"),
            "line 7: rule 1: namespaces: nodes are in none"),
        bad(rule("hours: outside"), "line 5: rule 1: hours: needs businessHours"),
        bad(rule("hours: never"), "\"never\" is neither inside nor outside"),
        bad(rule("subjects: [{kind: Robot}]"), "line 5: subject: kind: \"Robot\" is not known"),
        bad(rule("subjects: [{name: x}]"), "line 5: subject: kind: is missing"),
        bad(rule("subjects: [{kind: User}]"), "line 5: subject: name: is missing: name one"),
        bad(rule("subjects: [{kind: ServiceAccount, name: x}]"), "subject: namespace: is missing"),
        bad(rule("subjects: [{kind: User, name: x, namespace: y}]"), "for a ServiceAccount only"),
        bad(rule("subjects: [{kind: Server, name: x}]"), "means nothing for a Server"),
        bad(rule("subjects: [{kind: User, name: x, uid: y}]"), "subject: uid: there is no such"),
        bad(rule("subjects: [u-abc]"), "line 5: subject: is no mapping"),
        bad(rule("subjects: []"), "line 5: rule 1: subjects: is an empty list"),
        bad(hours("timeZone: Mars/Base"), "line 5: businessHours: timeZone: \"Mars/Base\" is not"),
        bad(hours("from: \"8:00\""), "line 5: businessHours: from: \"8:00\" is no time"),
        bad(
            hours("from: \"08:00\"", "to: \"24:01\""),
            "line 6: businessHours: to: \"24:01\" is no"),
        bad(hours("from: \"18:00\"", "to: \"08:00\""), "line 6: businessHours: to: is not after"),
        bad(hours("days: [Monday]"), "line 5: businessHours: days: \"Monday\" is no day"),
        bad(hours("days: [Mon]"), "line 5: businessHours: timeZone: is missing"),
        bad("a: " + "[".repeat(40) + "]".repeat(40), "this is no YAML"),
        bad(HEAD + "contact: " + "x".repeat(PolicyDocument.MAX_BYTES), "more than 262144 bytes"));
  }

  private static String hours(String... lines) {
    return HEAD + "businessHours:\n  " + String.join("\n  ", lines) + "\n";
  }

  private static Arguments bad(String text, String problem) {
    return Arguments.of(text, problem);
  }

  @ParameterizedTest
  @MethodSource("bad")
  void whatIsNotUnderstoodIsNamedWithLineAndRemedy(String text, String problem) {
    assertThat(problems(text)).anySatisfy(found -> assertThat(found).contains(problem));
    assertThat(problems(text)).allMatch(found -> found.contains(": "));
  }

  @Test
  void allProblemsAreNamedAtOnceUpToALimit() {
    String text = HEAD + "rules:\n" + "- effect: x\n".repeat(30);

    assertThat(problems(rule("effect: x", "verbs: [y]", "foo: z"))).hasSize(5);
    assertThat(problems(text)).hasSize(Problems.MAX + 1);
    assertThat(problems(text).getLast()).isEqualTo("and 100 more: correct these first");
  }

  @Test
  void asManyRulesAsThereMayBe() throws Exception {
    String one = "- {effect: deny, verbs: [get], nonResourceURLs: [/x]}\n";

    assertThat(Policy.parse(HEAD + "rules:\n" + one.repeat(PolicyDocument.MAX_RULES)).rules())
        .hasSize(PolicyDocument.MAX_RULES);
    assertThat(problems(HEAD + "rules:\n" + one.repeat(PolicyDocument.MAX_RULES + 1)))
        .containsExactly("line 4: rules: are more than 500: put several of them into one");
  }

  @Test
  void asManyItemsAsThereMayBe() throws Exception {
    String start = "effect: deny\n  verbs: [get]\n  nonResourceURLs: [/a";

    assertThat(Policy.parse(rule(start + ", /a".repeat(FieldReader.MAX_ITEMS - 1) + "]")).rules())
        .hasSize(1);
    assertThat(problems(rule(start + ", /a".repeat(FieldReader.MAX_ITEMS) + "]")))
        .anyMatch(problem -> problem.contains("has more than 1000 items"));
  }

  @Test
  void aTextOfAProblemCannotDriveATerminal() {
    assertThat(problems(rule("verbs: [\"\\e[2J\\u202e" + "x".repeat(500) + "\"]")))
        .allMatch(problem -> problem.length() < 250)
        .noneMatch(problem -> problem.matches(".*[\\x00-\\x1f\\u202e].*"));
  }

  @Test
  void aWholePolicyIsRead() throws Exception {
    var policy =
        Policy.parse(
            HEAD
                + """
                contact: platform@example.org
                presets: [no-exec, business-hours]
                businessHours: {timeZone: Europe/Berlin, days: [Mon, Fri], from: "08:00", to: "24:00"}
                rules:
                - name: operators
                  effect: allow
                  subjects:
                  - {kind: Group, name: ops, apiGroup: rbac.authorization.k8s.io}
                  - {kind: User, name: u-abc}
                  - {kind: ServiceAccount, namespace: ci, name: "*"}
                  - {kind: Server}
                  verbs: ["*"]
                  apiGroups: ["", apps]
                  resources: [pods, "*/scale"]
                  resourceNames: ["yes"]
                  namespaces: [shop]
                  hours: inside
                  reason: they know
                  contact: ops
                """);

    assertThat(policy.summary()).isEqualTo("1 rule, 8 of presets, default deny");
    assertThat(policy.hours())
        .extracting(BusinessHours::text)
        .isEqualTo("08:00 to 24:00 Europe/Berlin");
    var rule = policy.rules().getFirst();
    assertThat(rule.origin().text()).isEqualTo("rule 1 \"operators\" (line 8)");
    assertThat(rule.subjects().stream().map(Subject::text))
        .containsExactly("Group ops", "User u-abc", "ServiceAccount ci/*", "Server");
    assertThat(policy.rules().get(1).origin().text())
        .isEqualTo("preset no-exec, rule 1 \"no commands in containers\" (line 5)");
    assertThat(policy.notes()).hasSize(2);
  }

  @ParameterizedTest
  @EnumSource(Preset.class)
  void everyPresetIsAPolicy(Preset preset) throws Exception {
    var policy =
        Policy.parse(
            HEAD
                + "presets: ["
                + preset.text()
                + "]\nbusinessHours: {timeZone: UTC, days: [Sun], from: \"00:00\", to: \"24:00\"}\n");

    assertThat(policy.rules().isEmpty()).isEqualTo(preset == Preset.AUDIT_ONLY);
    assertThat(policy.rules()).allMatch(rule -> !rule.origin().name().isEmpty());
    assertThat(policy.notes()).hasSize(preset == Preset.AUDIT_ONLY ? 0 : 1);
    assertThat(Preset.of(preset.text())).contains(preset);
  }
}
