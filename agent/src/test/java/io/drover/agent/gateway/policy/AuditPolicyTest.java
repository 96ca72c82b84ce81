package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.drover.agent.gateway.policy.AuditPolicy.Level;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class AuditPolicyTest {
  private static final String HEAD =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      """;

  /** As operators have them, more or less. */
  private static final String USUAL =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      metadata: {name: usual}
      omitStages: [RequestReceived]
      omitManagedFields: true
      rules:
      - level: None
        users: ["system:kube-proxy", robot]
        verbs: [watch]
        resources:
        - group: ""
          resources: [endpoints, services]
      - level: None
        nonResourceURLs: ["/healthz*", /version]
      - level: RequestResponse
        userGroups: [temps, guests]
      - level: Request
        omitStages: [ResponseStarted]
        omitManagedFields: false
        resources:
        - group: ""
          resources: [pods/log, configmaps]
          resourceNames: [web-0]
        - {group: apps, resources: ["deployments/*"]}
        - {group: batch, resources: ["*/status"]}
        - group: rbac.authorization.k8s.io
      - level: RequestResponse
        namespaces: [shop, ""]
        verbs: [create, delete]
      - level: Metadata
        resources:
        - {group: "", resources: ["*"]}
      """;

  private static AuditPolicy policy(String text) throws PolicyException {
    return AuditPolicy.parse(text);
  }

  private static Level level(String user, String method, String target) throws PolicyException {
    return policy(USUAL)
        .choose(user, Set.of("system:authenticated"), RequestInfo.of(method, target))
        .level();
  }

  @ParameterizedTest
  @CsvSource({
    "robot, GET, /api/v1/services?watch=1, NONE",
    "robot, GET, /api/v1/services, METADATA",
    "jane, GET, /api/v1/services?watch=1, METADATA",
    "jane, GET, /healthz/etcd, NONE",
    "jane, GET, /version, NONE",
    "jane, GET, /version/, NONE",
    "jane, GET, /api/v1/namespaces/x/pods/web-0/log, REQUEST",
    "jane, GET, /api/v1/namespaces/x/pods/web-1/log, METADATA",
    "jane, GET, /api/v1/namespaces/x/pods/web-0, METADATA",
    "jane, GET, /api/v1/namespaces/x/configmaps/web-0, REQUEST",
    "jane, GET, /api/v1/namespaces/x/configmaps, METADATA",
    "jane, PUT, /apis/apps/v1/namespaces/x/deployments/a/scale, REQUEST",
    "jane, PUT, /apis/apps/v1/namespaces/x/deployments/a, REQUEST",
    "jane, GET, /apis/apps/v1/namespaces/x/statefulsets/a, NONE",
    "jane, PUT, /apis/batch/v1/namespaces/x/jobs/a/status, REQUEST",
    "jane, PUT, /apis/batch/v1/namespaces/x/jobs/a, NONE",
    "jane, GET, /apis/rbac.authorization.k8s.io/v1/clusterroles, REQUEST",
    "jane, POST, /api/v1/namespaces/shop/pods, REQUEST_RESPONSE",
    "jane, POST, /api/v1/namespaces/other/pods, METADATA",
    "jane, DELETE, /api/v1/nodes/a, REQUEST_RESPONSE",
    "jane, GET, /apis/batch/v1/namespaces/shop/jobs, NONE",
    "jane, GET, /apis, NONE",
    "jane, GET, /api/v1/pods/%2e%2e/x, METADATA",
  })
  void theFirstRuleThatCoversItDecides(String user, String method, String target, String level)
      throws Exception {
    var expected =
        target.equals("/version/") ? Level.NONE : Level.valueOf(level); // no rule: nothing

    assertThat(level(user, method, target)).isEqualTo(expected);
  }

  @Test
  void groupsAreThoseOfWhoeverAsks() throws Exception {
    var request = RequestInfo.of("GET", "/apis");

    assertThat(policy(USUAL).choose("x", Set.of("guests"), request).level())
        .isEqualTo(Level.REQUEST_RESPONSE);
    assertThat(policy(USUAL).choose("x", Set.of("others"), request).level()).isEqualTo(Level.NONE);
  }

  @Test
  void stagesAndManagedFieldsAreThoseOfTheRuleBesideThoseOfAll() throws Exception {
    var request = RequestInfo.of("GET", "/api/v1/namespaces/x/configmaps/web-0");
    var one = policy(USUAL).choose("x", Set.of(), request);
    var other = policy(USUAL).choose("x", Set.of(), RequestInfo.of("GET", "/api/v1/pods"));

    assertThat(one.omitted()).containsExactlyInAnyOrder("RequestReceived", "ResponseStarted");
    assertThat(one.omitsManagedFields()).isFalse();
    assertThat(other.omitted()).containsExactly("RequestReceived");
    assertThat(other.omitsManagedFields()).isTrue();
    assertThat(one.atMostMetadata().level()).isEqualTo(Level.METADATA);
    assertThat(policy(USUAL).choose("x", Set.of(), RequestInfo.of("GET", "/apis")).atMostMetadata())
        .extracting(AuditPolicy.Choice::level)
        .isEqualTo(Level.NONE);
  }

  @Test
  void withoutAPolicyItIsEveryHead() throws Exception {
    for (String target : List.of("/apis", "/api/v1/secrets", "/api/v1/pods/%2f")) {
      assertThat(AuditPolicy.heads().choose("", Set.of(), RequestInfo.of("GET", target)).level())
          .isEqualTo(Level.METADATA);
    }
    assertThat(AuditPolicy.heads().summary()).isEqualTo("1 rule, 0 of them with bodies");
    assertThat(policy(USUAL).summary()).isEqualTo("6 rules, 3 of them with bodies");
  }

  private static Arguments bad(String text, String problem) {
    return Arguments.of(text, problem);
  }

  private static String rule(String... lines) {
    return HEAD + "rules:\n- " + String.join("\n  ", lines) + "\n";
  }

  static Stream<Arguments> bad() {
    return Stream.of(
        bad("", "line 1: there is no policy in it"),
        bad("- a\n", "line 1: policy: is no mapping"),
        bad(HEAD, "line 1: rules: is missing: write some"),
        bad(HEAD + "rules: []\n", "line 3: rules: is an empty list"),
        bad(rule("level: Metadata").replace("/v1", "/v1beta1"), "line 1: apiVersion: \"audit.k8s"),
        bad(rule("level: Metadata").replace("Policy", "Rules"), "line 2: kind: \"Rules\" is not"),
        bad(rule("verbs: [get]"), "line 4: rule 1: level: is missing: write None, Metadata"),
        bad(rule("level: All"), "line 4: rule 1: level: \"All\" is no level: write None"),
        bad(rule("level: None", "verb: [get]"), "line 5: rule 1: verb: there is no such field"),
        bad(rule("level: None", "verbs: [\"*\"]"), "line 5: rule 1: verbs: \"*\" is no verb of a"),
        bad(rule("level: None", "users: [\"\"]"), "line 5: rule 1: users: \"\" is empty"),
        bad(rule("level: None", "namespaces: [\"*\"]"), "namespaces: \"*\" is no namespace"),
        bad(
            rule("level: None", "nonResourceURLs: [/x]", "namespaces: [a]"),
            "line 5: rule 1: nonResourceURLs: cannot be beside resources or namespaces"),
        bad(rule("level: None", "nonResourceURLs: [x]"), "nonResourceURLs: \"x\" is no URL"),
        bad(rule("level: None", "resources: [pods]"), "line 5: resources: is no mapping"),
        bad(rule("level: None", "resources: [{group: \"*\"}]"), "group: \"*\" is no API group"),
        bad(
            rule("level: None", "resources: [{group: \"\", resources: [Pods]}]"),
            "resources: \"Pods\" is no resource"),
        bad(
            rule("level: None", "resources: [{group: \"\", resourceNames: [a]}]"),
            "resourceNames: means nothing without resources"),
        bad(rule("level: None", "omitStages: [End]"), "omitStages: \"End\" is no stage: use some"),
        bad(
            rule("level: None", "omitManagedFields: \"true\""),
            "line 5: rule 1: omitManagedFields: is neither true nor false"),
        bad(
            HEAD + "rules:\n" + "- level: None\n".repeat(PolicyDocument.MAX_RULES + 1),
            "line 3: rules: are more than 500"),
        bad("x".repeat(PolicyDocument.MAX_BYTES + 1), "the policy has more than 262144 bytes"));
  }

  @ParameterizedTest
  @MethodSource("bad")
  void whatIsNotUnderstoodIsSaidWithItsLine(String text, String problem) {
    var thrown = catchThrowableOfType(PolicyException.class, () -> AuditPolicy.parse(text));

    assertThat(thrown.problems()).anyMatch(said -> said.contains(problem));
  }
}
