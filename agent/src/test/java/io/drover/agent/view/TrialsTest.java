package io.drover.agent.view;

import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reply;
import static io.drover.agent.kube.TestApi.status;
import static io.drover.agent.view.SmallCluster.REVIEW;
import static io.drover.agent.view.SmallCluster.given;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.kube.Answer;
import io.drover.agent.kube.TestApi;
import io.drover.agent.kube.TestApi.Reply;
import io.drover.agent.view.Facts.NodePortRange;
import io.drover.agent.view.Facts.TaintTrial;
import io.drover.proto.report.Cause;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class TrialsTest {
  private static final String KUBE_SYSTEM = "{\"metadata\":{\"name\":\"kube-system\"}}";
  private static final String SERVICES = "/api/v1/namespaces/cattle-system/services";
  private static final String NODE = "/api/v1/nodes/n1";
  private static final String NAMESPACE = "/api/v1/namespaces/kube-system";
  private static final Reply YES = given("{status: {allowed: true}}");
  private static final Reply NO = given("{status: {allowed: false}}");
  private static final Optional<String> A_NODE = Optional.of("n1");

  private final TestApi api = new TestApi();
  private final Trials trials = new Trials(api.reader(), "cattle-system");

  @BeforeEach
  void allow() {
    api.on(REVIEW, YES);
  }

  @AfterEach
  void stop() {
    api.close();
  }

  private static void assertMissing(Answer<?> answer, Cause cause, String detail) {
    assertThat(answer).isEqualTo(new Answer.Missing<>(cause, detail));
  }

  private static Reply service(int nodePort) {
    return reply(
        201,
        Map.of(),
        Given.json("{kind: 'Service', spec: {ports: [{nodePort: %d}]}}".formatted(nodePort))
            .toString());
  }

  // Node ports.

  @ParameterizedTest
  @ValueSource(
      strings = {
        "provided port is not in the valid range. The range of valid ports is 30000-32767",
        "spec.ports[0].nodePort: Invalid value: 1: valid ports range from 30000-32767",
        "Valid ports range from 30000-32767."
      })
  void rangeIsInTheRefusal(String message) throws Exception {
    api.on("POST " + SERVICES, status(422, message));

    assertThat(trials.nodePorts()).isEqualTo(new Answer.Found<>(new NodePortRange(30000, 32767)));
    assertThat(api.paths()).containsExactly(REVIEW, REVIEW, "POST " + SERVICES);
  }

  @Test
  void asksForTheRightToCreateAndToDeleteInItsNamespace() throws Exception {
    api.on("POST " + SERVICES, status(422, SmallCluster.REFUSED_PORT));

    trials.nodePorts();

    String attributes = "\"resource\":\"services\",\"namespace\":\"cattle-system\"";
    assertThat(api.next().body()).contains("\"verb\":\"create\"," + attributes);
    assertThat(api.next().body()).contains("\"verb\":\"delete\"," + attributes);
    var attempt = api.next();
    assertThat(attempt).hasToString("POST " + SERVICES); // a dry run would not look at the range
    assertThat(attempt.body()).contains("\"type\":\"NodePort\"", "\"nodePort\":1");
  }

  @Test
  void acceptedServiceIsDeletedAtOnceAndTheOtherEndAskedFor() throws Exception {
    api.on("POST " + SERVICES, service(1), status(422, "The range of valid ports is 1-32767"));

    assertThat(trials.nodePorts()).isEqualTo(new Answer.Found<>(new NodePortRange(1, 32767)));
    assertThat(api.requests()).hasSize(5);
    api.next();
    api.next();
    String name = Given.json(api.next().body()).path("metadata").path("name").asText();
    assertThat(name).startsWith("drover-trial-");
    assertThat(api.next()).hasToString("DELETE " + SERVICES + "/" + name);
    assertThat(api.next().body()).contains("\"nodePort\":65535");
  }

  @Test
  void allPortsMayBeInTheRange() throws Exception {
    api.on("POST " + SERVICES, service(1), service(65535));

    assertThat(trials.nodePorts()).isEqualTo(new Answer.Found<>(new NodePortRange(1, 65535)));
    assertThat(api.requests()).filteredOn(each -> each.method().equals("DELETE")).hasSize(2);
  }

  @Test
  void portThatIsTakenIsInTheRange() throws Exception {
    api.on(
        "POST " + SERVICES,
        status(422, "nodePort: Invalid value: 1: provided port is already allocated"),
        status(422, "The range of valid ports is 1-1000"));

    assertThat(trials.nodePorts()).isEqualTo(new Answer.Found<>(new NodePortRange(1, 1000)));
  }

  @Test
  void serviceThatWasMadeIntoAnotherProvesNothing() throws Exception {
    api.on("POST " + SERVICES, service(30080));

    assertMissing(
        trials.nodePorts(),
        Cause.UNREADABLE,
        "a Service with node port 1 was made into another one");
    assertThat(api.requests().getLast().method()).isEqualTo("DELETE");
  }

  @Test
  void withoutTheRightToCreateNothingIsTried() throws Exception {
    api.on(REVIEW, NO);

    assertMissing(trials.nodePorts(), Cause.FORBIDDEN, "may not create services");
    assertThat(api.paths()).containsExactly(REVIEW);
  }

  @Test
  void withoutTheRightToDeleteNothingIsTried() throws Exception {
    api.on(REVIEW, YES, NO);

    assertMissing(trials.nodePorts(), Cause.FORBIDDEN, "may not delete services");
    assertThat(api.paths()).containsExactly(REVIEW, REVIEW);
  }

  @ParameterizedTest
  @CsvSource({
    "401, UNAUTHORIZED",
    "403, FORBIDDEN",
    "404, NO_EVIDENCE",
    "422, UNREADABLE",
    "503, UNAVAILABLE",
    "504, TIMEOUT"
  })
  void refusalWithoutARangeTellsNone(int status, Cause cause) throws Exception {
    api.on("POST " + SERVICES, status(status, "no more Services"));

    assertMissing(
        trials.nodePorts(),
        cause,
        "creating a Service with node port 1: " + status + " no more Services");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "The range of valid ports is 30000-99999999999",
        "The range of valid ports is 30000-327670",
        "The range of valid ports is large",
        "The range of valid ports is -1"
      })
  void rangeThatIsNoneIsUnreadable(String message) throws Exception {
    api.on("POST " + SERVICES, status(422, message));

    assertMissing(
        trials.nodePorts(),
        Cause.UNREADABLE,
        "creating a Service with node port 1: 422 " + message);
  }

  // Taints.

  @Test
  void taintThatStaysIsAccepted() throws Exception {
    api.on(
        "PATCH " + NODE,
        given("{metadata: {name: 'n1'}, spec: {taints: [{key: 'a'}, {key: 'drover.io/trial'}]}}"));

    assertThat(trials.taint(A_NODE)).isEqualTo(new Answer.Found<>(TaintTrial.ACCEPTED));

    assertThat(api.next().body()).contains("\"verb\":\"patch\",\"resource\":\"nodes\"");
    var attempt = api.next();
    assertThat(attempt).hasToString("PATCH " + NODE + "?dryRun=All");
    assertThat(attempt.header("Content-Type")).startsWith("application/strategic-merge-patch+json");
    assertThat(attempt.body())
        .isEqualTo(
            "{\"spec\":{\"taints\":[{\"key\":\"drover.io/trial\",\"effect\":\"PreferNoSchedule\"}]}}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{taints: [{key: 'other'}]}"})
  void taintThatIsTakenOffAgainIsRefused(String spec) throws Exception {
    api.on("PATCH " + NODE, given("{metadata: {name: 'n1'}, spec: " + spec + "}"));

    assertThat(trials.taint(A_NODE)).isEqualTo(new Answer.Found<>(TaintTrial.REFUSED));
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 403, 422})
  void taintThatAPolicyForbidsIsRefused(int status) throws Exception {
    api.on("PATCH " + NODE, status(status, "admission webhook denied the request"));

    assertThat(trials.taint(A_NODE)).isEqualTo(new Answer.Found<>(TaintTrial.REFUSED));
  }

  @ParameterizedTest
  @CsvSource({
    "401, UNAUTHORIZED",
    "404, NOT_SERVED",
    "408, TIMEOUT",
    "409, UNREADABLE",
    "500, UNAVAILABLE",
    "503, UNAVAILABLE",
    "504, TIMEOUT"
  })
  void otherRefusalsOfATaintAreNobodysPolicy(int status, Cause cause) throws Exception {
    api.on("PATCH " + NODE, status(status, "no"));

    assertMissing(trials.taint(A_NODE), cause, "dry run of a taint: " + status + " no");
  }

  @Test
  void rightThatIsGoneIsNobodysPolicy() throws Exception {
    String message = "nodes is forbidden: User cannot patch resource nodes";
    api.on("PATCH " + NODE, status(403, message));

    assertMissing(trials.taint(A_NODE), Cause.FORBIDDEN, "dry run of a taint: 403 " + message);
  }

  @Test
  void rubbishIsNoRefusalOfATaint() throws Exception {
    api.on("PATCH " + NODE, json("{}"), reply(403, Map.of(), "{}"), reply(403, Map.of(), "<html>"));

    assertMissing(
        trials.taint(A_NODE), Cause.UNREADABLE, "dry run of a taint: the answer is not the node");
    for (int i = 0; i < 2; i++) {
      assertThat(trials.taint(A_NODE))
          .isInstanceOfSatisfying(
              Answer.Missing.class,
              missing -> assertThat(missing.cause()).isEqualTo(Cause.FORBIDDEN));
    }
  }

  @Test
  void withoutANodeNoTaintIsTried() throws Exception {
    assertMissing(
        trials.taint(Optional.empty()), Cause.NO_EVIDENCE, "no node is known to try a taint on");
    assertThat(api.paths()).containsExactly(REVIEW);
  }

  @Test
  void withoutTheRightNoTaintIsTried() throws Exception {
    api.on(REVIEW, NO);

    assertMissing(trials.taint(A_NODE), Cause.FORBIDDEN, "may not patch nodes");
    assertThat(api.paths()).containsExactly(REVIEW);
  }

  // Pod security.

  @Test
  void warningOfPodSecurityIsProof() throws Exception {
    api.on(
        "PATCH " + NAMESPACE,
        reply(
            200,
            Map.of(
                "Warning",
                "299 - \"existing pods in namespace \\\"kube-system\\\" violate the new"
                    + " PodSecurity enforce level \\\"restricted:latest\\\"\""),
            KUBE_SYSTEM));

    assertThat(trials.podSecurity()).isEqualTo(new Answer.Found<>(true));

    var attempt = api.next();
    assertThat(attempt).hasToString("PATCH " + NAMESPACE + "?dryRun=All");
    assertThat(attempt.body()).contains("\"pod-security.kubernetes.io/enforce\":\"restricted\"");
  }

  @Test
  void noWarningProvesNothing() throws Exception {
    api.on(
        "PATCH " + NAMESPACE,
        json(KUBE_SYSTEM),
        reply(200, Map.of("Warning", "299 - \"old\""), KUBE_SYSTEM));

    for (int i = 0; i < 2; i++) {
      assertMissing(
          trials.podSecurity(),
          Cause.NO_EVIDENCE,
          "dry run of a stricter level for kube-system: no warning");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "401, UNAUTHORIZED",
    "403, FORBIDDEN",
    "404, NOT_SERVED",
    "503, UNAVAILABLE",
    "504, TIMEOUT"
  })
  void refusalOfTheLevelIsNoAbsentWarning(int status, Cause cause) throws Exception {
    api.on("PATCH " + NAMESPACE, status(status, "no"));

    assertMissing(
        trials.podSecurity(),
        cause,
        "dry run of a stricter level for kube-system: " + status + " no");
  }

  @Test
  void levelNeedsNoReviewSinceItsRefusalSaysNothing() throws Exception {
    trials.podSecurity();

    assertThat(api.paths()).containsExactly("PATCH " + NAMESPACE);
  }

  @Test
  void answerThatIsNotTheNamespaceIsUnreadable() throws Exception {
    api.on("PATCH " + NAMESPACE, given("{metadata: {name: 'other'}}"));

    assertMissing(
        trials.podSecurity(),
        Cause.UNREADABLE,
        "dry run of a stricter level for kube-system: not the namespace");
  }

  // Rights.

  @ParameterizedTest
  @CsvSource({
    "401, UNAUTHORIZED",
    "403, FORBIDDEN",
    "404, NOT_SERVED",
    "422, UNREADABLE",
    "503, UNAVAILABLE",
    "504, TIMEOUT"
  })
  void reviewThatFailsIsNoRefusal(int status, Cause cause) throws Exception {
    api.on(REVIEW, status(status, "no"));

    for (Answer<?> answer : List.of(trials.nodePorts(), trials.taint(A_NODE))) {
      assertMissing(answer, cause, "access review: " + status + " no");
    }
    assertThat(api.paths()).containsOnly(REVIEW);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{}", "{status: {}}", "{status: {allowed: 'true'}}", "{status: 1}", "[]"})
  void reviewThatSaysNothingIsUnreadable(String review) throws Exception {
    api.on(REVIEW, given(review));

    for (Answer<?> answer : List.of(trials.nodePorts(), trials.taint(A_NODE))) {
      assertMissing(answer, Cause.UNREADABLE, "access review: says neither yes nor no");
    }
    assertThat(api.paths()).containsOnly(REVIEW);
  }
}
