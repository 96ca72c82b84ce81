package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.gateway.policy.BreakGlass;
import io.drover.agent.gateway.policy.Decision;
import io.drover.agent.gateway.policy.Policy;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.kube.ConfigMapWatch;
import io.drover.steve.http.Fields;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written of a request: compared as text, since others read it. */
@Timeout(60)
class EntryTest {
  private static final Instant NOW = Instant.parse("2026-11-28T20:00:00.000123456Z");
  private static final String OWN = "system:serviceaccount:cattle-system:cattle";
  private static final String POD = "/api/v1/namespaces/shop/pods/web-0";
  private static final String TIMES =
      "\"requestReceivedTimestamp\":\"2026-11-28T20:00:00.000123Z\","
          + "\"stageTimestamp\":\"2026-11-28T20:00:00.000123Z\"";
  private static final String SERVER =
      "\"user\":{\"username\":\"system:serviceaccount:cattle-system:cattle\",\"groups\":"
          + "[\"system:authenticated\",\"system:serviceaccounts\","
          + "\"system:serviceaccounts:cattle-system\"]}";
  private static final String JANE =
      SERVER
          + ",\"impersonatedUser\":{\"username\":\"jane\",\"groups\":[\"ops\","
          + "\"system:authenticated\"]}";

  private static final Policy NO_EXEC = policy();

  private final Figures figures = new Figures(InstantSource.fixed(NOW));
  private final AtomicLong nanos = new AtomicLong();
  private AuditRules rules = AuditRules.none();
  private BodyBudget budget = new BodyBudget();
  private AuditQueue queue = new AuditQueue();

  private static Policy policy() {
    try {
      return Policy.parse(
          """
          apiVersion: drover.io/v1alpha1
          kind: GatewayPolicy
          default: allow
          contact: the team
          rules:
          - name: no shells
            effect: deny
            verbs: ["*"]
            apiGroups: [""]
            resources: [pods/exec]
            reason: use the logs
          """);
    } catch (io.drover.agent.gateway.policy.PolicyException e) {
      throw new IllegalStateException(e);
    }
  }

  private Entry begin(String method, String target, boolean block) {
    return new Entry(
        figures,
        queue,
        rules,
        budget,
        block,
        InstantSource.fixed(NOW),
        nanos::get,
        new Asked(method, target, "kubectl/v1", List.of("10.1.2.3", "::1")));
  }

  private Entry begin(String method, String target) {
    return begin(method, target, false);
  }

  private static Who jane() {
    return Who.server(OWN, Requester.user("jane", List.of("ops")));
  }

  private static Optional<Decision> decision(String method, String target, BreakGlass glass) {
    return Optional.of(
        NO_EXEC.decide(
            Requester.user("jane", List.of("ops")), RequestInfo.of(method, target), glass, NOW));
  }

  /** The lines that are waiting, without the id and with no end. */
  private List<String> lines() throws InterruptedException {
    var lines = new ArrayList<String>();
    queue.close();
    for (var batch = queue.take(1, 1, Duration.ZERO);
        !batch.isEmpty();
        batch = queue.take(1, 1, Duration.ZERO)) {
      var line = new String(batch.getFirst(), UTF_8);
      assertThat(line).endsWith("}\n").matches("(?s).*\"auditID\":\"[0-9a-f-]{36}\".*");
      lines.add(line.strip().replaceAll("\"auditID\":\"[^\"]*\"", "\"auditID\":\"…\""));
    }
    return lines;
  }

  private static String event(String stage, String target, String verb) {
    return "{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\","
        + "\"auditID\":\"…\",\"stage\":\"%s\",\"requestURI\":\"%s\",\"verb\":\"%s\","
            .formatted(stage, target, verb);
  }

  private static final String FROM =
      ",\"sourceIPs\":[\"10.1.2.3\",\"::1\"],\"userAgent\":\"kubectl/v1\",";

  @Test
  void userWhoReadsAnObject() throws Exception {
    var entry = begin("GET", POD);
    entry.by(jane());
    entry.allowed(Optional.empty());
    entry.started(200);
    entry.end();

    assertThat(lines())
        .containsExactly(
            event("ResponseComplete", POD, "get")
                + JANE
                + FROM
                + "\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"shop\",\"name\":\"web-0\","
                + "\"apiVersion\":\"v1\"},\"responseStatus\":{\"metadata\":{},\"code\":200},"
                + TIMES
                + ",\"annotations\":{\"gateway.drover.io/decision\":\"allow\"}}");
  }

  @Test
  void serverWhichListsForItself() throws Exception {
    var target = "/apis/apps/v1/deployments?limit=500";
    var entry = begin("GET", target);
    entry.by(Who.server(OWN, Requester.server()));
    entry.allowed(decision("GET", target, BreakGlass.off()));
    entry.started(403);
    entry.end();

    assertThat(lines())
        .containsExactly(
            event("ResponseComplete", target, "list")
                + SERVER
                + FROM
                + "\"objectRef\":{\"resource\":\"deployments\",\"apiGroup\":\"apps\","
                + "\"apiVersion\":\"v1\"},\"responseStatus\":{\"metadata\":{},\"code\":403},"
                + TIMES
                + ",\"annotations\":{\"gateway.drover.io/decision\":\"allow\","
                + "\"gateway.drover.io/rule\":\"default\","
                + "\"gateway.drover.io/reason\":\"no rule denies it\"}}");
  }

  @Test
  void whatLastsIsWrittenTwiceWithOneId() throws Exception {
    for (String target :
        List.of(
            POD + "/exec?command=sh",
            POD + "/log",
            "/api/v1/namespaces/shop/pods?watch=1",
            POD + "/portforward")) {
      queue = new AuditQueue();
      var entry = begin("GET", target);
      entry.by(Who.account("system:serviceaccount:cattle-impersonation-system:u"));
      entry.allowed(Optional.empty());
      entry.started(101);
      assertThat(entry.id()).isNotEmpty();
      entry.end();
      entry.end();

      var lines = lines();
      assertThat(lines).hasSize(2);
      assertThat(lines.getFirst()).contains("\"stage\":\"ResponseStarted\"", "\"code\":101");
      assertThat(lines.getLast())
          .contains("\"stage\":\"ResponseComplete\"", "\"code\":101")
          .contains("\"username\":\"system:serviceaccount:cattle-impersonation-system:u\"");
    }
  }

  @Test
  void whatThePolicyRefuses() throws Exception {
    var target = POD + "/exec?command=sh";
    var decision = decision("POST", target, BreakGlass.off());
    var entry = begin("POST", target);
    entry.by(jane());
    entry.refused(403, "Forbidden", decision.orElseThrow().message(), decision);
    entry.end();

    assertThat(lines())
        .containsExactly(
            event("ResponseComplete", target, "create")
                + JANE
                + FROM
                + "\"objectRef\":{\"resource\":\"pods\",\"namespace\":\"shop\",\"name\":\"web-0\","
                + "\"apiVersion\":\"v1\",\"subresource\":\"exec\"},"
                + "\"responseStatus\":{\"metadata\":{},\"status\":\"Failure\",\"message\":"
                + "\"pods \\\"web-0\\\" is forbidden: User \\\"jane\\\" cannot create resource"
                + " \\\"pods/exec\\\" in API group \\\"\\\" in the namespace \\\"shop\\\": by the"
                + " gateway's policy, rule 1 \\\"no shells\\\" (line 6): use the logs; ask the"
                + " team\",\"reason\":\"Forbidden\",\"code\":403},"
                + TIMES
                + ",\"annotations\":{\"gateway.drover.io/decision\":\"forbid\","
                + "\"gateway.drover.io/rule\":\"rule 1 \\\"no shells\\\" (line 6)\","
                + "\"gateway.drover.io/reason\":\"use the logs\"}}");
    assertThat(figures.reading("off", false, 0, 0).refused()).isEqualTo(Map.of("policy", 1L));
  }

  @Test
  void whatBreakGlassLetsThroughSaysSo() throws Exception {
    var target = POD + "/exec?command=sh";
    var entry = begin("POST", target);
    entry.by(jane());
    entry.allowed(decision("POST", target, new BreakGlass(NOW.plusSeconds(60))));
    entry.started(101);
    entry.end();

    assertThat(lines())
        .hasSize(2)
        .allMatch(line -> line.contains("\"gateway.drover.io/decision\":\"allow\""))
        .allMatch(
            line ->
                line.contains(
                    "\"gateway.drover.io/break-glass\":\"let through, although it is denied by"
                        + " rule 1 \\\"no shells\\\" (line 6)\""));
  }

  @Test
  void nobodyThatIsKnown() throws Exception {
    var entry = begin("GET", "/version");
    entry.refused(401, "Unauthorized", "Unauthorized", Optional.empty());
    entry.end();

    assertThat(lines())
        .containsExactly(
            event("ResponseComplete", "/version", "get")
                + "\"user\":{}"
                + FROM
                + "\"responseStatus\":{\"metadata\":{},\"status\":\"Failure\",\"message\":"
                + "\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401},"
                + TIMES
                + ",\"annotations\":{\"gateway.drover.io/decision\":\"forbid\","
                + "\"gateway.drover.io/reason\":\"Unauthorized\"}}");
  }

  @Test
  void whatIsNotUnderstoodIsWrittenAsItCame() throws Exception {
    var entry = begin("GET", "/api/v1/pods/%2e%2e/\"\\\u0001");
    entry.refused(400, "BadRequest", "odd", Optional.empty());
    entry.end();

    assertThat(lines().getFirst())
        .contains("\"requestURI\":\"/api/v1/pods/%2e%2e/\\\"\\\\\\u0001\",\"verb\":\"get\"")
        .contains("\"code\":400")
        .doesNotContain("objectRef");
  }

  /** The gateway's own 503 takes nothing back from the decision. */
  @Test
  void apiServerThatDoesNotAnswer() throws Exception {
    var entry = begin("GET", POD);
    entry.by(jane());
    entry.allowed(Optional.empty());
    entry.refused(503, "ServiceUnavailable", "no answer", Optional.empty());
    entry.end();

    assertThat(lines().getFirst())
        .contains("\"reason\":\"ServiceUnavailable\",\"code\":503")
        .contains("\"gateway.drover.io/decision\":\"allow\"");
  }

  @Test
  void whatFailsByOurFaultIsWrittenToo() throws Exception {
    begin("GET", POD).end();

    assertThat(lines().getFirst()).contains("\"code\":500", "/decision\":\"forbid\"");
  }

  @Test
  void longTextsAreCut() throws Exception {
    var entry =
        new Entry(
            figures,
            queue,
            rules,
            budget,
            false,
            InstantSource.fixed(NOW),
            nanos::get,
            new Asked("GET", POD, "a".repeat(5_000), List.of()));
    entry.refused(400, "BadRequest", "b".repeat(AuditEvent.MAX_TEXT + 1), Optional.empty());
    entry.end();

    assertThat(lines().getFirst())
        .contains("\"userAgent\":\"" + "a".repeat(Asked.MAX_USER_AGENT) + "...TRUNCATED\"")
        .contains("b".repeat(AuditEvent.MAX_TEXT) + "…\"");
  }

  private void rules(String... rules) {
    this.rules = AuditRules.unknown();
    var text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- " + String.join("\n- ", rules);
    this.rules.told(
        Optional.of(new ConfigMapWatch.Content(Map.of(AuditRules.KEY, text), Map.of(), "1")));
    assertThat(this.rules.problem()).isEmpty();
  }

  /** As an exchange has it. */
  private Entry exchange(String method, String target, String asked, String answered)
      throws IOException {
    var entry = begin(method, target);
    entry.by(jane());
    entry.allowed(Optional.empty());
    var json = new Fields().add("Content-Type", "application/json");
    entry.request(new ByteArrayInputStream(asked.getBytes(UTF_8)), json).readAllBytes();
    entry.started(200);
    entry.answer(OutputStream.nullOutputStream(), json).write(answered.getBytes(UTF_8));
    entry.end();
    assertThat(budget.taken()).isZero();
    return entry;
  }

  @Test
  void ruleSaysHowMuch() throws Exception {
    rules(
        "{level: None, verbs: [get]}",
        "{level: Request, verbs: [update]}",
        "{level: RequestResponse, verbs: [create]}",
        "{level: Metadata}");
    exchange("GET", POD, "", "{}");
    exchange("PUT", POD, "{ \"a\": 1 }", "{\"b\":2}");
    exchange("POST", "/api/v1/namespaces/shop/pods", "{\"c\":3}\n", "{\n\"d\": 4}");
    exchange("DELETE", POD, "{\"e\":5}", "{\"f\":6}");

    var lines = lines();
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0))
        .contains("\"level\":\"Request\"")
        .contains("\"code\":200},\"requestObject\":{\"a\":1}," + TIMES);
    assertThat(lines.get(1))
        .contains("\"level\":\"RequestResponse\"")
        .contains("\"requestObject\":{\"c\":3},\"responseObject\":{\"d\":4}," + TIMES);
    assertThat(lines.get(2))
        .contains("\"level\":\"Metadata\"")
        .doesNotContain("Object\":{\"", "left out");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/api/v1/namespaces/shop/secrets",
        "/api/v1/namespaces/shop/secrets/a",
        "/api/v1/namespaces/shop/serviceaccounts/a/token",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/apis/ext.cattle.io/v1/kubeconfigs",
      })
  void credentialsAreNeverRecorded(String target) throws Exception {
    rules("{level: RequestResponse}");
    exchange("POST", target, "{\"a\":\"s3cret\"}", "{\"b\":\"s3cret\"}");

    assertThat(lines().getFirst())
        .contains("\"level\":\"Metadata\"")
        .contains("\"gateway.drover.io/bodies\":\"left out: there are credentials in it\"")
        .doesNotContain("s3cret");
  }

  @Test
  void noSecretIsRecordedByAnotherPath() throws Exception {
    rules("{level: RequestResponse}");
    exchange(
        "POST",
        "/api/v1/namespaces/shop/configmaps",
        "{\"data\":\"s3cret\",\"kind\":\"Secret\"}",
        "{\"kind\":\"Status\"}");

    assertThat(lines().getFirst())
        .contains("\"level\":\"RequestResponse\"", "\"responseObject\":{\"kind\":\"Status\"}")
        .contains("/request-object\":\"left out: there are credentials in it\"")
        .doesNotContain("s3cret");
  }

  @Test
  void streamsAreNeverRecorded() throws Exception {
    rules("{level: RequestResponse, omitStages: [ResponseStarted]}");
    exchange("GET", "/api/v1/pods?watch=1", "", "{}");
    exchange("GET", POD + "/log?follow=1", "", "{}");
    exchange("POST", POD + "/exec", "", "{}");
    exchange("POST", "/api/v1/namespaces/shop/services/a/proxy/login", "{}", "{}");

    assertThat(lines())
        .hasSize(4)
        .allMatch(line -> line.contains("\"stage\":\"ResponseComplete\""))
        .allMatch(line -> line.contains("\"level\":\"Metadata\""))
        .allMatch(line -> line.contains("/bodies\":\"left out: it is a stream\""))
        .noneMatch(line -> line.contains("responseObject"));
  }

  @Test
  void longBodiesAreTruncatedAsKubernetesDoesIt() throws Exception {
    rules("{level: RequestResponse}");
    exchange("PUT", POD, "\"" + "x".repeat(BodyCopy.MAX_BYTES) + "\"", "{\"a\":1}");

    assertThat(lines().getFirst())
        .contains("\"audit.k8s.io/truncated\":\"true\"", "\"responseObject\":{\"a\":1}")
        .contains("/request-object\":\"left out: it has more than 102400 bytes\"")
        .doesNotContain("xxx");
  }

  @Test
  void bodiesThatFindNoMemoryAreLeftOut() throws Exception {
    rules("{level: RequestResponse}");
    budget = new BodyBudget(5L * BodyCopy.COPIES);
    exchange("PUT", POD, "{\"a\":1}", "{}");

    assertThat(lines().getFirst())
        .contains("\"responseObject\":{}")
        .contains("/request-object\":\"left out: there was no memory for it\"");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void eventsAreKeptRatherThanTheirBodies(boolean block) throws Exception {
    rules("{level: RequestResponse}");
    queue = new AuditQueue(10, 3_000, Duration.ZERO);
    var entry = begin("PUT", POD, block);
    entry.by(jane());
    entry.allowed(Optional.empty());
    var body = "\"" + "x".repeat(3_000) + "\"";
    entry.request(new ByteArrayInputStream(body.getBytes(UTF_8)), new Fields()).readAllBytes();
    entry.started(200);
    entry.end();

    assertThat(lines())
        .singleElement()
        .asString()
        .contains("/request-object\":\"left out: there was no memory for it\"");
    assertThat(queue.lost()).isZero();
  }

  /** It is recorded as the rule was when it went on. */
  @Test
  void newRulesAreForNewRequests() throws Exception {
    rules("{level: Metadata}");
    var entry = begin("GET", POD);
    entry.by(jane());
    entry.allowed(Optional.empty());
    rules.told(
        Optional.of(
            new ConfigMapWatch.Content(
                Map.of(
                    AuditRules.KEY,
                    "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]"),
                Map.of(),
                "1")));
    entry.started(200);
    entry.end();

    assertThat(lines()).hasSize(1);
  }

  @Test
  void eventsThatNobodyWantsGiveTheirRoomBack() {
    rules("{level: None}");
    queue = new AuditQueue(1, 1_000_000, Duration.ZERO);
    for (int i = 0; i < 2; i++) {
      var entry = begin("GET", POD, true);
      assertThat(entry.hasRoom()).isTrue();
      entry.allowed(Optional.empty());
      entry.started(200);
      entry.end();
    }
  }

  @Test
  void withoutRoomItMustNotGoOnAndIsLost() throws Exception {
    queue = new AuditQueue(2, 1_000_000, Duration.ZERO);
    var watch = begin("GET", "/api/v1/pods?watch=1", true);
    assertThat(watch.hasRoom()).isTrue();

    var other = begin("GET", POD, true);
    assertThat(other.hasRoom()).isFalse();
    other.refused(503, "ServiceUnavailable", "full", Optional.empty());
    other.end();
    assertThat(queue.lost()).isEqualTo(1);

    watch.started(200);
    watch.end();
    assertThat(lines()).hasSize(2);
    assertThat(queue.lost()).isEqualTo(1);
  }

  @Test
  void roomThatIsNotUsedIsGivenBack() {
    queue = new AuditQueue(2, 1_000_000, Duration.ZERO);
    for (int i = 0; i < 2; i++) {
      var watch = begin("GET", "/api/v1/pods?watch=1", true);
      assertThat(watch.hasRoom()).as("round %d", i).isEqualTo(i == 0);
      watch.refused(403, "Forbidden", "no", Optional.empty());
      watch.end();
    }
    assertThat(begin("GET", POD, true).hasRoom()).as("one event is waiting").isTrue();
  }

  @Test
  void figuresCountByClosedSets() {
    queue.close();
    for (int i = 0; i < 3; i++) {
      var entry = begin("GET", POD);
      entry.by(jane());
      entry.started(200);
      nanos.addAndGet(Duration.ofMillis(20).toNanos());
      entry.end();
    }
    var odd = begin("BREW", "/x");
    odd.refused(418, "BadRequest", "no", Optional.empty());
    odd.end();
    var watch = begin("GET", "/api/v1/pods?watch=1");
    watch.by(Who.server(OWN, Requester.server()));
    watch.started(200);
    nanos.addAndGet(Duration.ofHours(1).toNanos());
    watch.end();

    var reading = figures.reading("off", false, 0, 0);
    assertThat(reading.requests())
        .isEqualTo(
            Map.of(
                new Reading.Series("get", "200", "user"), 3L,
                new Reading.Series("other", "4xx", "unknown"), 1L,
                new Reading.Series("watch", "200", "server"), 1L));
    assertThat(reading.durations()).containsExactly(1L, 3L, 0L, 0L, 0L, 0L, 0L);
    assertThat(reading.durationSeconds())
        .isCloseTo(0.06, org.assertj.core.data.Offset.offset(1e-9));
    assertThat(reading.users().getFirst()).isEqualTo(new Reading.User("jane", 3));
  }

  @Test
  void nobodyWantsEvents() {
    var entry =
        new Entry(
            figures,
            null,
            rules,
            budget,
            false,
            InstantSource.fixed(NOW),
            nanos::get,
            new Asked("GET", POD, "", List.of()));
    assertThat(entry.hasRoom()).isTrue();
    assertThat(entry.id()).isEmpty();
    entry.started(200);
    entry.end();
    assertThat(figures.reading("off", false, 0, 0).requests()).hasSize(1);
  }
}
