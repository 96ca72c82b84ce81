package io.drover.agent.gateway.policy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PolicyTest {
  private static final Instant NOW = Instant.parse("2026-11-28T12:00:00Z"); // a Saturday
  private static final Requester USER = Requester.user("u-abc", List.of("ops"));

  private static Policy policy(String rest) throws PolicyException {
    return Policy.parse("apiVersion: drover.io/v1alpha1\nkind: GatewayPolicy\n" + rest);
  }

  private static RequestInfo request(String method, String target) {
    return RequestInfo.of(method, target);
  }

  private static Decision decide(Policy policy, Requester who, String method, String target) {
    return policy.decide(who, request(method, target), BreakGlass.off(), NOW);
  }

  private static boolean allowed(Policy policy, String method, String target) {
    return decide(policy, USER, method, target).allowed();
  }

  @Test
  void theFirstRuleThatCoversTheRequestDecides() throws Exception {
    var policy =
        policy(
            """
            default: deny
            contact: platform@example.org
            rules:
            - {effect: allow, verbs: [get], apiGroups: [""], resources: [pods], namespaces: [shop]}
            - name: no pods
              effect: deny
              verbs: [get]
              apiGroups: [""]
              resources: [pods]
              reason: pods are private
              contact: "#pods"
            - {effect: allow, verbs: ["*"], apiGroups: ["*"], resources: ["*"]}
            """);

    assertThat(allowed(policy, "GET", "/api/v1/namespaces/shop/pods/a")).isTrue();
    assertThat(allowed(policy, "POST", "/api/v1/namespaces/dev/pods")).isTrue();
    var denied = decide(policy, USER, "GET", "/api/v1/namespaces/dev/pods/a");
    assertThat(denied.outcome()).isEqualTo(Decision.Outcome.DENIED);
    assertThat(List.of(denied.index(), denied.line())).containsExactly(2, 7);
    assertThat(denied.message())
        .isEqualTo(
            "pods \"a\" is forbidden: User \"u-abc\" cannot get resource \"pods\" in API group \"\""
                + " in the namespace \"dev\": by the gateway's policy, rule 2 \"no pods\" (line 7):"
                + " pods are private; ask #pods");
    assertThat(decide(policy, USER, "GET", "/version").message())
        .isEqualTo(
            "forbidden: User \"u-abc\" cannot get path \"/version\": by the gateway's policy,"
                + " default: no rule allows it; ask platform@example.org");
  }

  @Test
  void aDenialIsAStatus() throws Exception {
    var policy = policy("default: deny\n");
    var json =
        new ObjectMapper()
            .readTree(
                decide(policy, USER, "PATCH", "/apis/apps/v1/namespaces/x/deployments/d/scale")
                    .status());

    assertThat(json.path("kind").asText()).isEqualTo("Status");
    assertThat(json.path("apiVersion").asText()).isEqualTo("v1");
    assertThat(json.path("status").asText()).isEqualTo("Failure");
    assertThat(json.path("reason").asText()).isEqualTo("Forbidden");
    assertThat(json.path("code").asInt()).isEqualTo(403);
    assertThat(json.path("message").asText()).startsWith("deployments.apps \"d\" is forbidden: ");
    assertThat(json.path("details").toString())
        .isEqualTo("{\"name\":\"d\",\"group\":\"apps\",\"kind\":\"deployments\"}");
    assertThat(json.path("metadata").isObject()).isTrue();
  }

  @Test
  void whatIsAllowedHasNoStatus() throws Exception {
    var decision = decide(policy("default: allow\n"), USER, "GET", "/version");

    assertThatThrownBy(decision::status).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsNotResolvedIsRefusedWhateverThePolicySays() throws Exception {
    var policy = policy("default: allow\ncontact: me\n");
    var glass = new BreakGlass(NOW.plusSeconds(60));
    var decision = policy.decide(USER, request("GET", "/api/v1/x/../secrets"), glass, NOW);

    assertThat(decision.outcome()).isEqualTo(Decision.Outcome.UNRESOLVED);
    assertThat(decision.allowed()).isFalse();
    assertThat(decision.message())
        .isEqualTo(
            "forbidden: the request is not understood for certain: the path has a part that is . or"
                + " ..; ask me");
    assertThat(decision.status()).contains("\"details\":{}");
  }

  /** What would be a detour around a denial is denied too; what is allowed is not stretched. */
  @ParameterizedTest
  @CsvSource({
    "GET,/api/v1/namespaces/kube-system/secrets/a",
    "GET,/api/v1/secrets",
    "GET,/api/v1/secrets?watch=1",
    "GET,/api/v1/watch/secrets",
    "GET,/api/v1/secrets?fieldSelector=metadata.name=a",
    "DELETE,/api/v1/secrets",
  })
  void aDenialForANamespaceReachesListsOfAll(String method, String target) throws Exception {
    String where = "verbs: [\"*\"], apiGroups: [\"*\"], resources: [%s], namespaces: [kube-system]";
    for (String resources : List.of("secrets", "\"*\"")) {
      var denies =
          policy("default: allow\nrules: [{effect: deny, " + where.formatted(resources) + "}]\n");
      var allows =
          policy("default: deny\nrules: [{effect: allow, " + where.formatted(resources) + "}]\n");

      assertThat(allowed(denies, method, target)).isFalse();
      assertThat(allowed(allows, method, target)).isEqualTo(target.contains("kube-system"));
      assertThat(allowed(denies, method, "/api/v1/namespaces/shop/secrets")).isTrue();
      assertThat(allowed(denies, "GET", "/api/v1/nodes")).isTrue();
      assertThat(allowed(denies, "GET", "/api/v1/namespaces")).isTrue();
    }
  }

  @Test
  void aDenialForANameReachesListsAndOtherSpellings() throws Exception {
    var policy =
        policy(
            """
            default: allow
            rules:
            - effect: deny
              verbs: ["*"]
              apiGroups: [""]
              resources: [services, services/proxy]
              resourceNames: [db]
            """);

    assertThat(allowed(policy, "GET", "/api/v1/namespaces/a/services/db")).isFalse();
    assertThat(allowed(policy, "GET", "/api/v1/namespaces/a/services")).isFalse();
    assertThat(allowed(policy, "DELETE", "/api/v1/namespaces/a/services")).isFalse();
    assertThat(allowed(policy, "GET", "/api/v1/services?fieldSelector=metadata.name!=db"))
        .isFalse();
    assertThat(allowed(policy, "GET", "/api/v1/services?fieldSelector=metadata.name=db")).isFalse();
    assertThat(allowed(policy, "GET", "/api/v1/services?fieldSelector=metadata.name=x")).isTrue();
    assertThat(allowed(policy, "GET", "/api/v1/namespaces/a/services/https:db:443/proxy/"))
        .isFalse();
    assertThat(allowed(policy, "GET", "/api/v1/namespaces/a/services/web:80/proxy/")).isTrue();
    assertThat(allowed(policy, "POST", "/api/v1/namespaces/a/services")).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "/logs,/logs,true",
    "/logs,/logs/,true",
    "/logs,/logs/a,false",
    "/logs,/log,false",
    "/logs/*,/logs/a,true",
    "/logs/*,/logs/,true",
    "/logs*,/logsabc,true",
    "*,/anything,true",
    "/,/,true",
    "/,/api,false",
  })
  void urlsEndInAStarOrNot(String url, String path, boolean covered) throws Exception {
    var policy =
        policy(
            "default: allow\nrules: [{effect: deny, verbs: [get], nonResourceURLs: [\"%s\"]}]\n"
                .formatted(url));

    assertThat(allowed(policy, "GET", path)).isEqualTo(!covered);
    assertThat(allowed(policy, "POST", path)).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "pods,pods/a,true",
    "pods,pods/a/exec,false",
    "pods/exec,pods/a/exec,true",
    "pods/exec,pods/a,false",
    "*/exec,pods/a/exec,true",
    "*/exec,pods/a,false",
    "*/exec,pods/a/execute,false",
    "*,pods/a/exec,true",
    "*,pods/a,true",
  })
  void subresourcesAreNamedAsInARole(String resource, String path, boolean covered)
      throws Exception {
    var policy =
        policy(
            ("default: deny\nrules: [{effect: allow, verbs: [get], apiGroups: [\"\"], resources:"
                    + " [\"%s\"]}]\n")
                .formatted(resource));

    assertThat(allowed(policy, "GET", "/api/v1/namespaces/x/" + path)).isEqualTo(covered);
  }

  @Test
  void subjectsAreUsersGroupsAccountsAndTheServer() throws Exception {
    var bot = Requester.user("system:serviceaccount:ci:bot", List.of());
    var anonymous = Requester.user("system:anonymous", List.of());
    var all = List.of(USER, bot, anonymous, Requester.server());

    assertThat(covered("{kind: User, name: u-abc}", all)).containsExactly(USER);
    assertThat(covered("{kind: User, name: \"*\"}", all)).containsExactly(USER, bot, anonymous);
    assertThat(covered("{kind: User, name: \"system:serviceaccount:ci:bot\"}", all))
        .containsExactly(bot);
    assertThat(covered("{kind: Group, name: ops}", all)).containsExactly(USER);
    assertThat(covered("{kind: Group, name: \"*\"}", all)).isEqualTo(all);
    assertThat(covered("{kind: Group, name: \"system:authenticated\"}", all))
        .containsExactly(USER, bot, Requester.server());
    assertThat(covered("{kind: Group, name: \"system:unauthenticated\"}", all))
        .containsExactly(anonymous);
    assertThat(covered("{kind: Group, name: \"system:serviceaccounts:ci\"}", all))
        .containsExactly(bot);
    assertThat(covered("{kind: ServiceAccount, namespace: ci, name: bot}", all))
        .containsExactly(bot);
    assertThat(covered("{kind: ServiceAccount, namespace: ci, name: \"*\"}", all))
        .containsExactly(bot);
    assertThat(covered("{kind: ServiceAccount, namespace: c, name: \"*\"}", all)).isEmpty();
    assertThat(covered("{kind: Server}", all)).containsExactly(Requester.server());
    assertThat(covered("{kind: Server}, {kind: User, name: u-abc}", all))
        .containsExactly(USER, Requester.server());
  }

  private static List<Requester> covered(String subjects, List<Requester> all) throws Exception {
    var policy =
        policy(
            "default: deny\nrules: [{effect: allow, subjects: ["
                + subjects
                + "], verbs: [get], nonResourceURLs: [/version]}]\n");
    return all.stream().filter(who -> decide(policy, who, "GET", "/version").allowed()).toList();
  }

  @ParameterizedTest
  @CsvSource({
    // Europe/Berlin is an hour ahead of UTC in winter, two in summer.
    "2026-11-27T06:59:59Z,false",
    "2026-11-27T07:00:00Z,true",
    "2026-11-27T16:59:59Z,true",
    "2026-11-27T17:00:00Z,false",
    "2026-11-28T10:00:00Z,false",
    "2026-07-03T06:00:00Z,true",
    "2026-07-03T05:59:00Z,false",
  })
  void businessHoursAreThoseOfTheirZone(Instant now, boolean isWithin) throws Exception {
    var policy =
        policy(
            """
            default: allow
            presets: [business-hours]
            businessHours:
              timeZone: Europe/Berlin
              days: [Mon, Tue, Wed, Thu, Fri]
              from: "08:00"
              to: "18:00"
            """);
    var change = request("DELETE", "/api/v1/namespaces/x/pods/a");
    var shell = request("GET", "/api/v1/namespaces/x/pods/a/exec");
    var read = request("GET", "/api/v1/namespaces/x/pods/a");

    assertThat(policy.decide(USER, change, BreakGlass.off(), now).allowed()).isEqualTo(isWithin);
    assertThat(policy.decide(USER, shell, BreakGlass.off(), now).allowed()).isEqualTo(isWithin);
    assertThat(policy.decide(USER, read, BreakGlass.off(), now).allowed()).isTrue();
    assertThat(policy.decide(Requester.server(), change, BreakGlass.off(), now).allowed()).isTrue();
  }

  @ParameterizedTest
  @CsvSource({
    "audit-only,DELETE,/api/v1/namespaces/x/pods/a,true",
    "read-only,GET,/api/v1/pods,true",
    "read-only,GET,/api/v1/namespaces/x/pods/a/log,true",
    "read-only,GET,/version,true",
    "read-only,POST,/apis/authorization.k8s.io/v1/selfsubjectaccessreviews,true",
    "read-only,POST,/apis/authentication.k8s.io/v1/selfsubjectreviews,true",
    "read-only,POST,/apis/authentication.k8s.io/v1/tokenreviews,false",
    "read-only,POST,/api/v1/namespaces/x/pods,false",
    "read-only,PATCH,/apis/apps/v1/namespaces/x/deployments/a,false",
    "read-only,DELETE,/api/v1/namespaces/x/pods,false",
    "read-only,GET,/api/v1/namespaces/x/pods/a/exec,false",
    "read-only,GET,/api/v1/namespaces/x/pods/a/attach,false",
    "read-only,GET,/api/v1/namespaces/x/pods/a/portforward,false",
    "read-only,GET,/api/v1/nodes/n/proxy/exec/a/b/c,false",
    "read-only,GET,/api/v1/proxy/nodes/n,false",
    "read-only,POST,/api/v1/namespaces/x/serviceaccounts/a/token,false",
    "read-only,POST,/version,false",
    "no-exec,POST,/api/v1/namespaces/x/pods/a/exec,false",
    "no-exec,GET,/api/v1/namespaces/x/pods/a/exec,false",
    "no-exec,GET,/api/v1/namespaces/x/pods/a/attach,false",
    "no-exec,PATCH,/api/v1/namespaces/x/pods/a/ephemeralcontainers,false",
    "no-exec,GET,/api/v1/nodes/n/proxy/exec/a/b/c,false",
    "no-exec,GET,/api/v1/namespaces/x/pods/a/log,true",
    "no-exec,DELETE,/api/v1/namespaces/x/pods/a,true",
    "no-secrets,GET,/api/v1/namespaces/x/secrets/a,false",
    "no-secrets,GET,/api/v1/secrets,false",
    "no-secrets,GET,/api/v1/namespaces/cattle-system/secrets/a,false",
    "no-secrets,GET,/api/v1/watch/secrets,false",
    "no-secrets,POST,/api/v1/namespaces/x/serviceaccounts/a/token,false",
    "no-secrets,GET,/api/v1/namespaces/x/configmaps/a,true",
  })
  void presetsDoWhatTheirNamesSay(String preset, String method, String target, boolean allowed)
      throws Exception {
    var policy = Policy.of(Preset.of(preset).orElseThrow());

    assertThat(allowed(policy, method, target)).isEqualTo(allowed);
  }

  @Test
  void withoutSecretsTheServerKeepsItsOwn() throws Exception {
    var policy = Policy.of(Preset.NO_SECRETS);
    String own = "/api/v1/namespaces/cattle-impersonation-system/secrets";

    assertThat(decide(policy, Requester.server(), "GET", own).allowed()).isTrue();
    assertThat(decide(policy, Requester.server(), "GET", "/api/v1/secrets").allowed()).isFalse();
    assertThat(decide(policy, USER, "GET", own).allowed()).isFalse();
  }

  @Test
  void aPolicysOwnRulesComeBeforeThoseOfPresets() throws Exception {
    var policy =
        policy(
            """
            default: allow
            presets: [no-exec]
            rules:
            - effect: allow
              subjects: [{kind: Group, name: ops}]
              verbs: [create, get]
              apiGroups: [""]
              resources: [pods/exec]
              namespaces: [shop]
            """);

    assertThat(allowed(policy, "POST", "/api/v1/namespaces/shop/pods/a/exec")).isTrue();
    var denied = decide(policy, USER, "POST", "/api/v1/namespaces/dev/pods/a/exec");
    assertThat(denied.rule())
        .isEqualTo("preset no-exec, rule 1 \"no commands in containers\" (line 4)");
  }

  /** It would be made, if it were not there. */
  @ParameterizedTest
  @CsvSource({
    "/api/v1/namespaces/shop/services/web, false",
    "/api/v1/namespaces/shop/services/web/status, false",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles/web, false",
    "/apis/coordination.k8s.io/v1/namespaces/shop/leases/web, false",
    "/apis/things.example.org/v1/namespaces/shop/things/web, false",
    "/apis/things.example.org/v1/namespaces/shop/things/web/scale, true",
    "/api/v1/namespaces/shop/pods/web, true",
    "/api/v1/namespaces/shop/configmaps/web, true",
    "/apis/apps/v1/namespaces/shop/deployments/web, true",
  })
  void whoeverMayNotCreateMayNotUpdateWhatIsMadeByThat(String path, boolean allowed)
      throws Exception {
    var policy =
        policy(
            """
            default: allow
            rules:
            - name: nothing new
              effect: deny
              verbs: [create]
              apiGroups: ["*"]
              resources: ["*"]
            """);

    var decision = decide(policy, USER, "PUT", path);

    assertThat(decision.allowed()).isEqualTo(allowed);
    assertThat(allowed(policy, "PATCH", path)).isTrue();
    if (!allowed) {
      assertThat(decision.message()).contains("cannot create resource", "nothing new");
      var broken =
          policy.decide(USER, request("PUT", path), new BreakGlass(NOW.plusSeconds(60)), NOW);
      assertThat(broken.outcome()).isEqualTo(Decision.Outcome.BREAK_GLASS);
    }
  }

  @Test
  void whoMayOnlyUpdateMakesNothing() throws Exception {
    var policy =
        policy(
            """
            default: deny
            rules:
            - effect: allow
              verbs: [update]
              apiGroups: ["*"]
              resources: ["*"]
            """);

    assertThat(allowed(policy, "PUT", "/api/v1/namespaces/shop/pods/web")).isTrue();
    assertThat(decide(policy, USER, "PUT", "/api/v1/namespaces/shop/endpoints/web").rule())
        .isEqualTo("default");
  }

  @Test
  void nothingIsDeniedWhileTheGlassIsBroken() throws Exception {
    var policy = policy("default: allow\npresets: [no-exec]\n");
    var shell = request("POST", "/api/v1/namespaces/dev/pods/a/exec");
    var glass = new BreakGlass(NOW.plusSeconds(1));

    var decision = policy.decide(USER, shell, glass, NOW);
    assertThat(decision.outcome()).isEqualTo(Decision.Outcome.BREAK_GLASS);
    assertThat(decision.allowed()).isTrue();
    assertThat(decision.index()).isEqualTo(1);
    assertThat(policy.decide(USER, shell, glass, NOW.plusSeconds(1)).allowed()).isFalse();
    assertThat(policy("default: deny\n").decide(USER, shell, glass, NOW).outcome())
        .isEqualTo(Decision.Outcome.BREAK_GLASS);
  }

  @Test
  void groupsAreThoseThatTheApiServerAdds() {
    assertThat(Requester.user("u", List.of()).groups()).containsOnly("system:authenticated");
    assertThat(Requester.user("u", List.of("system:unauthenticated")).groups())
        .containsOnly("system:unauthenticated");
    assertThat(Requester.user("system:serviceaccount:ci:bot", List.of("x")).groups())
        .containsOnly("x", "system:authenticated");
    assertThatThrownBy(() -> Requester.user("", List.of()))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
