package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.drover.agent.gateway.standin.StandIns;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Reach;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.User;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExplorerGuardTest {
  private static final String POLICY =
      """
      apiVersion: drover.io/v1alpha1
      kind: GatewayPolicy
      default: allow
      contact: the team
      businessHours: {timeZone: UTC, days: [Sat], from: "08:00", to: "18:00"}
      rules:
      - name: no secrets for temps
        effect: deny
        subjects: [{kind: Group, name: temps}, {kind: User, name: jürgen}]
        verbs: ["*"]
        apiGroups: [""]
        resources: [secrets]
      - name: nobody else, at night
        effect: deny
        subjects: [{kind: User, name: night}]
        hours: outside
        verbs: ["*"]
        apiGroups: ["*"]
        resources: ["*"]
      """;

  private static final String SECRETS = "/api/v1/namespaces/shop/secrets";
  private static final User TEMP = new User("t", List.of("temps"), Map.of());
  private static final User JANE = new User("jane", List.of(), Map.of());
  private static final User NIGHT = new User("night", List.of(), Map.of());

  private final AtomicReference<Instant> now =
      new AtomicReference<>(Instant.parse("2026-11-28T12:00:00Z"));
  private final PolicyGate gate = new PolicyGate(now::get);
  private final ExplorerGuard guard = new ExplorerGuard(gate, this::standIns);
  private final StandIns standIns = new StandIns(StandIns.newKey());
  private boolean hasIdentity = true;

  private StandIns standIns() throws IOException {
    if (!hasIdentity) {
      throw new IOException("the gateway has no identity yet");
    }
    return standIns;
  }

  private static Refusal refusal(Limits limits, String method, String target) {
    return catchThrowableOfType(Refusal.class, () -> limits.check(method, target));
  }

  @Test
  void nothingIsKnownBeforeThePolicyIs() {
    var refusal = catchThrowableOfType(Refusal.class, () -> guard.of(JANE));

    assertThat(refusal.status()).isEqualTo(503);
    assertThat(refusal.getMessage()).contains("not known yet", "try again");
  }

  @Test
  void withoutAPolicyNothingLimits() throws Refusal {
    gate.none();

    assertThat(guard.of(TEMP)).isSameAs(Limits.NONE);
  }

  @Test
  void aPolicyThatIsNoneDeniesEverything() throws Refusal {
    gate.is("no policy", "", "1");

    var limits = guard.of(JANE);
    assertThat(refusal(limits, "GET", "/version").status()).isEqualTo(403);
    assertThat(limits.reach("list", "", "pods").everywhere()).isEqualTo(Reach.Extent.NONE);
  }

  @Test
  void refusalSaysByWhichRuleAndWhomToAsk() throws Refusal {
    gate.is(POLICY, "", "1");

    var refusal = refusal(guard.of(TEMP), "GET", SECRETS + "?limit=1");
    assertThat(refusal.status()).isEqualTo(403);
    assertThat(refusal.code()).isEqualTo("Forbidden");
    assertThat(refusal.isGuarded()).isTrue();
    assertThat(refusal.getMessage())
        .isEqualTo(
            "secrets is forbidden: User \"t\" cannot list resource \"secrets\" in API group \"\" in"
                + " the namespace \"shop\": by the gateway's policy, rule 1 \"no secrets for"
                + " temps\" (line 7); ask the team");
    assertThat(guard.of(TEMP).permits("GET", "/api/v1/pods")).isTrue();
    assertThatCode(() -> guard.of(JANE).check("GET", SECRETS)).doesNotThrowAnyException();
  }

  @Test
  void whatIsNotUnderstoodIsRefused() throws Refusal {
    gate.is(POLICY, "", "1");

    assertThat(guard.of(JANE).permits("GET", "/api/v1/namespaces/shop/../secrets")).isFalse();
  }

  @Test
  void whoeverIsDeniedAnythingHasNoShell() throws Refusal {
    gate.is(POLICY, "", "1");

    assertThat(catchThrowableOfType(Refusal.class, guard.of(TEMP)::checkFree).getMessage())
        .contains("kubectl shell", "rule 1 \"no secrets for temps\" (line 7); ask the team");
    assertThatCode(guard.of(JANE)::checkFree).doesNotThrowAnyException();
  }

  @Test
  void limitsAreTheSameUntilSomethingIsDecidedOtherwise() throws Refusal {
    gate.is(POLICY, "", "1");
    var before = guard.of(NIGHT);
    now.set(Instant.parse("2026-11-28T17:59:00Z"));
    assertThat(guard.of(NIGHT)).isEqualTo(before).hasSameHashCodeAs(before);
    assertThat(guard.of(JANE)).isNotEqualTo(before);
    assertThat(before.permits("GET", "/api/v1/pods")).isTrue();

    now.set(Instant.parse("2026-11-28T18:00:00Z"));
    var night = guard.of(NIGHT);
    assertThat(night).isNotEqualTo(before);
    assertThat(night.permits("GET", "/api/v1/pods")).isFalse();
    assertThat(night.reach("get", "", "pods").one("shop", "web")).isFalse();

    gate.is(POLICY, "2026-11-28T19:00:00Z", "1");
    var broken = guard.of(NIGHT);
    assertThat(broken).isNotEqualTo(night);
    assertThat(broken.reach("get", "", "pods")).isSameAs(Reach.ALL);
    assertThatCode(broken::checkFree).doesNotThrowAnyException();
    now.set(Instant.parse("2026-11-28T19:00:00Z"));
    assertThat(guard.of(NIGHT)).isEqualTo(night);

    gate.is(POLICY.replace("default: allow", "default: deny"), "", "1");
    assertThat(guard.of(NIGHT)).isNotEqualTo(night);
  }

  /** Names come as they are in fields, where a character is a byte. */
  @Test
  void namesAreReadAsTheApiServerReadsThem() throws Refusal {
    gate.is(POLICY, "", "1");

    var limits = guard.of(new User("j\u00c3\u00bcrgen", List.of(), Map.of()));
    assertThat(limits.permits("GET", SECRETS)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {" t", "j\u00fcrgen"})
  void namesThatAreNoneAreRefused(String name) {
    gate.is(POLICY, "", "1");

    var refusal =
        catchThrowableOfType(Refusal.class, () -> guard.of(new User(name, List.of(), Map.of())));
    assertThat(refusal.status()).isEqualTo(400);
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  private static String tokenSecret(String token) {
    return """
    {"kind":"Secret","metadata":{"name":"s","namespace":"shop",\
    "annotations":{"kubernetes.io/service-account.name":"a"}},\
    "type":"kubernetes.io/service-account-token","data":{"token":"%s"}}\
    """
        .formatted(base64(token));
  }

  private String shown(String method, String target, String answer) throws IOException {
    var request =
        new ApiRequest(
            method, target, ApiRequest.JSON, Optional.empty(), Optional.empty(), ApiRequest.LIMIT);
    try (var body =
        guard.shown(
            request, "application/json", new ByteArrayInputStream(answer.getBytes(UTF_8)))) {
      return new String(body.readAllBytes(), UTF_8);
    }
  }

  private String sent(String method, String target, String contentType, String body)
      throws Refusal {
    var request =
        ApiRequest.change(
            method,
            target,
            JANE,
            Optional.of(new ApiRequest.Body(contentType, body.getBytes(UTF_8))));
    return new String(guard.sent(request).body().orElseThrow().bytes(), UTF_8);
  }

  private String standIn() {
    return standIns.of("the real token".getBytes(UTF_8));
  }

  /** In our own name too: users are shown what we read. */
  @Test
  void tokensAreShownAsStandIns() throws IOException {
    var secret = tokenSecret("the real token");
    var instead = tokenSecret(standIn());

    assertThat(shown("GET", SECRETS + "/s", secret)).isEqualTo(instead);
    assertThat(shown("PUT", SECRETS + "/s", secret)).isEqualTo(instead);
    assertThat(shown("GET", "/api/v1/secrets?limit=500", "{\"items\":[" + secret + "]}"))
        .isEqualTo("{\"items\":[" + instead + "]}");
    assertThat(
            shown(
                "GET",
                "/api/v1/secrets?watch=1&resourceVersion=5",
                "{\"type\":\"ADDED\",\"object\":" + secret + "}\n"))
        .isEqualTo("{\"type\":\"ADDED\",\"object\":" + instead + "}\n");
    assertThat(
            shown(
                "POST",
                "/api/v1/namespaces/shop/serviceaccounts/a/token",
                "{\"kind\":\"TokenRequest\",\"status\":{\"token\":\"the real token\"}}"))
        .isEqualTo("{\"kind\":\"TokenRequest\",\"status\":{\"token\":\"%s\"}}", standIn());
    assertThat(shown("GET", "/api/v1/namespaces/shop/configmaps/s", secret)).isEqualTo(secret);
  }

  @Test
  void whatIsNoJsonIsNotShown() {
    var body = InputStream.nullInputStream();
    var secrets = ApiRequest.get(SECRETS, ApiRequest.JSON);

    assertThatThrownBy(() -> guard.shown(secrets, "text/plain", body))
        .hasMessageContaining("may have tokens");
    assertThatThrownBy(() -> guard.shown(secrets, "", body)).hasMessageContaining("not in JSON");
  }

  @Test
  void withoutStandInsNoSecretIsShown() {
    hasIdentity = false;

    var refusal =
        catchThrowableOfType(Refusal.class, () -> shown("GET", SECRETS, tokenSecret("a")));
    assertThat(refusal.status()).isEqualTo(503);
    assertThat(refusal.getMessage()).contains("no identity yet", "try again");
  }

  @Test
  void standInsThatAreWrittenBecomeTokensOrAreRefused() throws Refusal {
    var json = ApiRequest.JSON;
    var instead = tokenSecret(standIn());

    assertThat(sent("PUT", SECRETS + "/s", json, instead)).isEqualTo(tokenSecret("the real token"));
    assertThat(sent("PUT", "/api/v1/namespaces/shop/configmaps/s", json, instead))
        .isEqualTo(instead);
    var patch =
        catchThrowableOfType(
            Refusal.class,
            () -> sent("PATCH", SECRETS + "/s", "application/merge-patch+json", instead));
    assertThat(patch.status()).isEqualTo(422);
    assertThat(patch.getMessage()).contains("a patch cannot write a stand-in");
    var applied =
        catchThrowableOfType(
            Refusal.class,
            () ->
                sent(
                    "PATCH",
                    SECRETS + "/s?fieldManager=m",
                    "application/apply-patch+yaml",
                    "stringData: {token: %s}".formatted(standIn())));
    assertThat(applied.status()).isEqualTo(400);
  }

  @ParameterizedTest
  @ValueSource(strings = {"copy", "move"})
  void patchDoesNotTakeATokenElsewhere(String operation) {
    var refusal =
        catchThrowableOfType(
            Refusal.class,
            () ->
                sent(
                    "PATCH",
                    SECRETS + "/s?dryRun=All",
                    "application/json-patch+json",
                    "[{\"op\":\"%s\",\"from\":\"/data/token\",\"path\":\"/data/x\"}]"
                        .formatted(operation)));
    assertThat(refusal.status()).isEqualTo(422);
    assertThat(refusal.getMessage()).contains("cannot copy or move");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"/api/v1/namespaces/cattle-system", "/api/v1/namespaces/cattle-system/secrets"})
  void ownSecretIsNotDeletedWithOthers(String all) {
    var request = ApiRequest.change("DELETE", all, JANE, Optional.empty());

    var refusal = catchThrowableOfType(Refusal.class, () -> guard.sent(request));
    assertThat(refusal.status()).isEqualTo(403);
    assertThat(refusal.getMessage()).contains("the gateway's own");
  }

  @Test
  void ownSecretIsNotChanged() {
    var own = "/api/v1/namespaces/cattle-system/secrets/drover-gateway";
    var request = ApiRequest.change("DELETE", own, JANE, Optional.empty());

    var refusal = catchThrowableOfType(Refusal.class, () -> guard.sent(request));
    assertThat(refusal.status()).isEqualTo(403);
    assertThat(refusal.getMessage()).contains("the gateway's own");
    assertThat(
            catchThrowableOfType(
                    Refusal.class,
                    () ->
                        sent(
                            "POST",
                            "/api/v1/namespaces/cattle-system/secrets",
                            ApiRequest.JSON,
                            "{\"metadata\":{\"name\":\"drover-gateway\"}}"))
                .status())
        .isEqualTo(403);
  }
}
