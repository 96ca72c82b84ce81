package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.drover.agent.config.Secret;
import io.drover.agent.gateway.policy.BreakGlass;
import io.drover.agent.gateway.policy.InForce;
import io.drover.agent.gateway.policy.Policy;
import io.drover.agent.reason.Reason;
import io.drover.steve.http.Fields;
import java.io.IOException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PolicyGateTest {
  /** Nobody runs commands. */
  static final String NO_EXEC =
      """
      apiVersion: drover.io/v1alpha1
      kind: GatewayPolicy
      default: allow
      contact: the team
      presets: [no-exec]
      """;

  private static final String NOT_JANE =
      """
      apiVersion: drover.io/v1alpha1
      kind: GatewayPolicy
      default: allow
      rules:
      - name: not jane
        effect: deny
        subjects:
        - {kind: User, name: jane}
        - {kind: User, name: jürgen}
        - {kind: Group, name: temps}
        - {kind: ServiceAccount, name: cattle-impersonation-u, namespace: cattle-impersonation-system}
        verbs: ["*"]
        apiGroups: ["*"]
        resources: ["*"]
      """;

  private static final String PODS = "/api/v1/namespaces/shop/pods";
  private static final String EXEC = PODS + "/web-0/exec";
  private static final Caller SERVER = new Caller.Server();
  private static final Instant NOW = Instant.parse("2026-11-28T20:00:00Z");

  private final PolicyGate gate = new PolicyGate(InstantSource.fixed(NOW));

  private static RequestHead head(String target, String... fields) throws RefusedException {
    return headOf("GET", target, fields);
  }

  private static RequestHead headOf(String method, String target, String... fields)
      throws RefusedException {
    var asked = new Fields().add("Host", "h");
    for (String field : fields) {
      int colon = field.indexOf(": ");
      // As the front reads them: a byte is a character.
      var value = new String(field.substring(colon + 2).getBytes(UTF_8), ISO_8859_1);
      asked.add(field.substring(0, colon), value);
    }
    return RequestHead.of(method, target, asked);
  }

  private void assertPasses(Caller caller, String target, String... fields) {
    assertThatCode(() -> gate.require(head(target, fields), caller)).doesNotThrowAnyException();
  }

  private RefusedException refusal(Caller caller, String target, String... fields) {
    return catchThrowableOfType(
        RefusedException.class, () -> gate.require(head(target, fields), caller));
  }

  @Test
  void nothingGoesOnBeforeItIsKnownWhetherThereIsAPolicy() {
    assertThat(refusal(SERVER, PODS).code()).isEqualTo(503);
    assertThat(refusal(SERVER, "/version").code()).isEqualTo(503);

    gate.none();

    assertPasses(SERVER, PODS);
    assertPasses(SERVER, "/api/%2e%2e/odd//path");
  }

  @Test
  void thePolicyDecidesAndANewOneAtOnce() {
    gate.is(NO_EXEC, "", "1");

    assertPasses(SERVER, PODS, "Impersonate-User: jane");
    var refused = refusal(SERVER, EXEC, "Impersonate-User: jane");
    assertThat(refused.code()).isEqualTo(403);
    assertThat(refused.status()).contains("\"reason\":\"Forbidden\"", "ask the team");
    assertThat(refusal(SERVER, PODS + "/..%2f")).isNotNull();

    gate.is(NOT_JANE, "", "1");
    assertPasses(SERVER, EXEC, "Impersonate-User: joe");

    gate.none();
    assertPasses(SERVER, EXEC, "Impersonate-User: jane");
  }

  private void denyNew(String resource) {
    gate.is(
        """
        apiVersion: drover.io/v1alpha1
        kind: GatewayPolicy
        default: allow
        rules:
        - name: nothing new
          effect: deny
          verbs: [create]
          apiGroups: [""]
          resources: [%s]
        """
            .formatted(resource),
        "",
        "1");
  }

  /** Server-side apply makes what is not there; other patches do not. */
  @ParameterizedTest
  @CsvSource({
    "application/apply-patch+yaml, false",
    "application/apply-patch+yaml; charset=utf-8, false",
    "Application/Apply-Patch+CBOR, false",
    "application/merge-patch+json, true",
    "application/strategic-merge-patch+json, true",
  })
  void whoeverMayNotCreateMayNotApply(String type, boolean passes) throws Exception {
    denyNew("pods");
    var patch = headOf("PATCH", PODS + "/web-0?fieldManager=k", "Content-Type: " + type);
    if (passes) {
      assertThat(gate.require(patch, SERVER)).isPresent();
    } else {
      assertThatThrownBy(() -> gate.require(patch, SERVER))
          .isInstanceOf(RefusedException.class)
          .hasMessageContaining("cannot create");
    }
    var other = headOf("PATCH", "/api/v1/namespaces/shop/services/web", "Content-Type: " + type);
    assertThat(gate.require(other, SERVER)).isPresent();
  }

  @Test
  void anApplyToAStatusMakesTheWhole() throws Exception {
    denyNew("services");
    String status = "/api/v1/namespaces/shop/services/web/status?fieldManager=k";

    var apply = headOf("PATCH", status, "Content-Type: application/apply-patch+yaml");
    assertThatThrownBy(() -> gate.require(apply, SERVER)).hasMessageContaining("nothing new");
    var merge = headOf("PATCH", status, "Content-Type: application/merge-patch+json");
    assertThat(gate.require(merge, SERVER)).isPresent();
  }

  @Test
  void whatIsNoPolicyIsSaidAndTheLastGoodOneStays() {
    gate.is("default: maybe", "", "1");
    assertThat(refusal(SERVER, "/version").getMessage())
        .contains("the gateway has not understood a policy yet");
    assertThat(refusal(SERVER, PODS).code()).isEqualTo(403);
    var problem = gate.problem().orElseThrow();
    assertThat(problem.reason()).isEqualTo(Reason.CONFIGURATION_INVALID);
    assertThat(problem.message()).startsWith("configmap drover-gateway-policy: ");

    gate.is(NO_EXEC, "", "1");
    assertThat(gate.problem()).isEmpty();
    assertPasses(SERVER, PODS);

    gate.is("", "", "1");
    assertThat(gate.problem()).isPresent();
    assertPasses(SERVER, PODS);
    assertThat(refusal(SERVER, EXEC)).isNotNull();
  }

  @Test
  void whatIsInForceIsToldAsItIs() throws Exception {
    assertThat(gate.inForce().state()).isEqualTo(InForce.State.UNKNOWN);

    gate.is("default: maybe", "", "4");
    var none = gate.inForce();
    assertThat(none.isLastGood()).isTrue();
    assertThat(none.policy().summary()).isEqualTo(Policy.closed().summary());

    gate.is(NO_EXEC, "2026-11-28T21:00:00Z", "5");
    var good = gate.inForce();
    assertThat(good)
        .isEqualTo(
            new InForce(
                InForce.State.THERE,
                "5",
                "5",
                NO_EXEC,
                new BreakGlass(NOW.plusSeconds(3600)),
                List.of()));
    assertThat(good.isLastGood()).isFalse();

    gate.is("default: maybe", "", "6");
    var kept = gate.inForce();
    assertThat(kept.text()).isEqualTo(NO_EXEC);
    assertThat(kept.isLastGood()).isTrue();
    assertThat(kept.problems()).isNotEmpty();
    assertThat(InForce.parse(kept.json())).isEqualTo(kept);

    gate.none();
    var gone = gate.inForce();
    assertThat(gone.state()).isEqualTo(InForce.State.NONE);
    assertThat(gone.text()).isEmpty();
    assertThat(gone.isLastGood()).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "[]", "{\"state\":\"odd\"}", "{\"breakGlassUntil\":\"now\"}", "{\"a\":"})
  void whatIsNotToldByAnAgentIsNotUnderstood(String text) {
    assertThatThrownBy(() -> InForce.parse(text)).isInstanceOf(IOException.class);
  }

  @Test
  void nothingStandsThereIsNoPolicy() {
    gate.is("", "", "1");

    assertThat(gate.problem()).isPresent();
    assertThat(refusal(SERVER, PODS)).isNotNull();
  }

  @Test
  void breakGlassSuspendsDenials() {
    gate.is(NO_EXEC, "2026-11-28T21:00:00Z", "1");
    assertPasses(SERVER, EXEC, "Impersonate-User: jane");

    gate.is(NO_EXEC, "2026-12-28T21:00:00Z", "1");
    assertThat(refusal(SERVER, EXEC, "Impersonate-User: jane")).isNotNull();
    assertThat(gate.problem().orElseThrow().message()).contains("drover.io/break-glass-until");
  }

  @ParameterizedTest
  @CsvSource({
    "Impersonate-User: jane,",
    "impersonate-user: jane,",
    "Impersonate-User: jürgen,",
    "Impersonate-User: joe, Impersonate-Group: temps",
    "Impersonate-User: system:serviceaccount:cattle-impersonation-system:cattle-impersonation-u,"
  })
  void whoAsksIsWhomTheApiServerWillTakeHimFor(String field, String other) {
    gate.is(NOT_JANE, "", "1");

    var refused =
        other == null ? refusal(SERVER, PODS, field) : refusal(SERVER, PODS, field, other);

    assertThat(refused.code()).isEqualTo(403);
    assertPasses(SERVER, PODS, "Impersonate-User: joe");
    assertPasses(SERVER, PODS);
  }

  @Test
  void anAccountsTokenIsItsAccount() {
    gate.is(NOT_JANE, "", "1");
    String prefix = "system:serviceaccount:cattle-impersonation-system:";

    assertThat(
            refusal(new Caller.Account(new Secret("t"), prefix + "cattle-impersonation-u"), PODS))
        .isNotNull();
    var other = new Caller.Account(new Secret("t"), prefix + "cattle-impersonation-v");
    assertPasses(other, PODS);
    assertThat(refusal(other, PODS, "Impersonate-User: jane"))
        .as("in whose name it asks")
        .isNotNull();
    assertThat(refusal(other, PODS, "Impersonate-Group: temps").code()).isEqualTo(400);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Impersonate-User: a|Impersonate-User: b",
        "Impersonate-Group: temps",
        "Impersonate-User: ",
        "Impersonate-User: jane ",
        "Impersonate-User:  jane",
        "Impersonate-User: a|Impersonate-Group: temps ",
      })
  void whoeverCouldBeTwoIsRefused(String fields) {
    gate.is(NOT_JANE, "", "1");

    assertThat(refusal(SERVER, PODS, fields.split("\\|", -1)).code()).isEqualTo(400);
  }

  @Test
  void aNameThatIsNoUtf8IsRefused() {
    gate.is(NOT_JANE, "", "1");
    var asked = new Fields().add("Host", "h").add("Impersonate-User", "j\u00fcrgen");

    var refused =
        catchThrowableOfType(
            RefusedException.class, () -> gate.require(RequestHead.of("GET", PODS, asked), SERVER));

    assertThat(refused.code()).isEqualTo(400);
  }
}
