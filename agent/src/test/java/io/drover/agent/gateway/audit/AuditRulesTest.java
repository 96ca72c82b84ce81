package io.drover.agent.gateway.audit;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.gateway.policy.AuditPolicy;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.kube.ConfigMapWatch.Content;
import io.drover.agent.reason.Reason;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class AuditRulesTest {
  private static final String JANE =
      """
      apiVersion: audit.k8s.io/v1
      kind: Policy
      rules:
      - {level: RequestResponse, users: [jane]}
      - {level: Request, users: ["system:serviceaccount:cattle-system:cattle"]}
      """;

  @RegisterExtension final Logged log = new Logged(AuditRules.class);

  private final AuditRules rules = AuditRules.unknown();

  private static Optional<Content> content(String policy) {
    return Optional.of(new Content(Map.of(AuditRules.KEY, policy), Map.of(), "1"));
  }

  private static Who server(Requester requester) {
    return Who.server("system:serviceaccount:cattle-system:cattle", requester);
  }

  private AuditPolicy.Level level(Who who) {
    return rules.choose(who, RequestInfo.of("GET", "/version")).level();
  }

  @Test
  void untilItIsKnownNothingMayGoOn() {
    assertThat(rules.areKnown()).isFalse();
    assertThat(level(Who.nobody())).isEqualTo(AuditPolicy.Level.METADATA);

    rules.told(Optional.empty());

    assertThat(rules.areKnown()).isTrue();
    assertThat(level(Who.nobody())).isEqualTo(AuditPolicy.Level.METADATA);
    assertThat(AuditRules.none().areKnown()).isTrue();
  }

  @Test
  void itIsThatOfWhomItIsAskedFor() {
    rules.told(content(JANE));

    assertThat(level(server(Requester.user("jane", List.of()))))
        .isEqualTo(AuditPolicy.Level.REQUEST_RESPONSE);
    assertThat(level(server(Requester.user("joe", List.of())))).isEqualTo(AuditPolicy.Level.NONE);
    assertThat(level(server(Requester.server()))).isEqualTo(AuditPolicy.Level.REQUEST);
    assertThat(level(Who.nobody())).isEqualTo(AuditPolicy.Level.NONE);
  }

  @Test
  void theLastGoodOneStaysAndWhatIsWrongIsSaidOnce() {
    rules.told(content(JANE));
    rules.told(content(JANE.replace("RequestResponse", "All")));
    rules.told(content(JANE.replace("RequestResponse", "All")));

    assertThat(level(server(Requester.user("jane", List.of()))))
        .isEqualTo(AuditPolicy.Level.REQUEST_RESPONSE);
    var problem = rules.problem().orElseThrow();
    assertThat(problem.reason()).isEqualTo(Reason.CONFIGURATION_INVALID);
    assertThat(problem.message())
        .startsWith("configmap drover-gateway-audit: line 4: rule 1: level: \"All\" is no level");
    assertThat(log.at(Level.WARN))
        .singleElement()
        .asString()
        .contains("audit policy refused, the last good one stays in force");

    rules.told(content(JANE));
    assertThat(rules.problem()).isEmpty();
  }

  /** There is no better one: no rule that somebody wanted is in force. */
  @Test
  void untilTheFirstGoodOneEveryHeadIsRecorded() {
    rules.told(Optional.of(new Content(Map.of("audit.yaml", JANE), Map.of(), "1")));

    assertThat(level(Who.nobody())).isEqualTo(AuditPolicy.Level.METADATA);
    assertThat(rules.problem().orElseThrow().message()).contains("there is no policy in it");
  }

  @Test
  void whenItIsTakenAwayEveryHeadIsRecorded() {
    rules.told(content(JANE));
    rules.told(Optional.empty());

    assertThat(level(server(Requester.user("joe", List.of()))))
        .isEqualTo(AuditPolicy.Level.METADATA);
    assertThat(rules.problem()).isEmpty();
  }

  private AuditPolicy.Level recorded(String user) {
    return rules.chooseRecording(
        server(Requester.user(user, List.of())),
        RequestInfo.of("POST", "/api/v1/namespaces/shop/pods/web-0/exec"));
  }

  @Test
  void sessionsAreChosenByAPolicyOfTheirOwn() {
    rules.told(Optional.empty());
    assertThat(recorded("jane")).as("all").isEqualTo(AuditPolicy.Level.METADATA);

    var data = Map.of(AuditRules.RECORDINGS_KEY, JANE);
    rules.told(Optional.of(new Content(data, Map.of(), "1")));
    assertThat(recorded("jane")).isEqualTo(AuditPolicy.Level.REQUEST_RESPONSE);
    assertThat(recorded("joe")).isEqualTo(AuditPolicy.Level.NONE);
    assertThat(level(server(Requester.user("joe", List.of()))))
        .as("requests, as if there were nothing")
        .isEqualTo(AuditPolicy.Level.METADATA);
    assertThat(rules.problem()).isEmpty();

    rules.told(content(JANE));
    assertThat(recorded("joe")).as("all again").isEqualTo(AuditPolicy.Level.METADATA);
  }

  @Test
  void untilTheFirstGoodChoiceAllSessionsAreRecorded() {
    var data = Map.of(AuditRules.RECORDINGS_KEY, JANE.replace("level", "levels"));
    rules.told(Optional.of(new Content(data, Map.of(), "1")));

    assertThat(recorded("joe")).isEqualTo(AuditPolicy.Level.METADATA);
    assertThat(rules.problem().orElseThrow().message())
        .startsWith("configmap drover-gateway-audit: recordings.yaml: line 4: rule 1: ");
  }
}
