package io.drover.agent.view;

import static io.drover.agent.kube.TestApi.cutOff;
import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reply;
import static io.drover.agent.kube.TestApi.reset;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.kube.Answer;
import io.drover.agent.kube.TestApi;
import io.drover.agent.kube.TestApi.Reply;
import io.drover.agent.kube.TestApi.Request;
import io.drover.agent.view.Facts.NodePortRange;
import io.drover.agent.view.Facts.TaintTrial;
import io.drover.proto.report.Cause;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(60)
class SurveyTest {
  private static final Set<String> COUNTED =
      Set.of("metallb.io/ipaddresspools", "cilium.io/ciliumloadbalancerippools");

  private static final Clock CLOCK =
      Clock.fixed(Instant.parse("2026-03-01T00:00:00Z"), ZoneOffset.UTC);

  private final TestApi api = new TestApi();
  private final List<String> progress = new ArrayList<>();

  @AfterEach
  void stop() {
    api.close();
  }

  private Survey survey() throws InterruptedException {
    return Survey.read(api.reader(), SmallCluster.config(COUNTED), CLOCK, progress::add);
  }

  /** All lists and facts of a view, but the probes, by what they are. */
  private static Map<String, Answer<?>> answers(ClusterView view) {
    var answers = new LinkedHashMap<String, Answer<?>>();
    SmallCluster.kinds().forEach(kind -> answers.put(kind.toString(), view.all(kind)));
    Facts facts = view.facts();
    answers.put("discovery", facts.discovery());
    answers.put("version", facts.version());
    facts.counts().forEach(answers::put);
    facts.objects().forEach(answers::put);
    answers.put("system ConfigMaps", facts.systemConfigMaps());
    answers.put("flags", facts.apiServerFlags());
    answers.put("usage", facts.nodeMetrics());
    answers.put("node ports", facts.nodePorts());
    answers.put("taint", facts.taintTrial());
    answers.put("pod security", facts.podSecurityAdmission());
    return answers;
  }

  private static void assertMissing(String what, Answer<?> answer, Cause... causes) {
    assertThat(answer)
        .as(what)
        .isInstanceOfSatisfying(
            Answer.Missing.class,
            missing -> {
              assertThat(missing.cause()).as(missing.detail()).isIn((Object[]) causes);
              assertThat(missing.detail()).isNotBlank();
            });
  }

  @Test
  void clusterIsReadAsAWhole() throws Exception {
    SmallCluster.answer(api, COUNTED);

    var survey = survey();

    assertThat(answers(survey)).hasSize(SmallCluster.kinds().size() + 2 + 2 + 3 + 6);
    assertThat(answers(survey).values()).allSatisfy(each -> assertThat(each.found()).isPresent());
    assertThat(survey.all(Kinds.NODES).found().orElseThrow())
        .extracting(Node::name)
        .containsExactly("n1");
    Facts facts = survey.facts();
    assertThat(facts.at()).isEqualTo(CLOCK.instant());
    assertThat(facts.readyz().text().found().orElseThrow()).contains("[+]etcd ok");
    assertThat(facts.livez().text()).isEqualTo(new Answer.Found<>("ok"));
    assertThat(facts.counts())
        .containsEntry("metallb.io/ipaddresspools", new Answer.Found<>(true))
        .containsEntry("cilium.io/ciliumloadbalancerippools", new Answer.Found<>(false));
    assertThat(facts.nodePorts()).isEqualTo(new Answer.Found<>(new NodePortRange(30000, 32767)));
    assertThat(facts.taintTrial()).isEqualTo(new Answer.Found<>(TaintTrial.ACCEPTED));
    assertThat(facts.podSecurityAdmission()).isEqualTo(new Answer.Found<>(true));
    assertThat(progress).contains("discovery", "nodes", "facts");
    assertThat(api.requests()).hasSizeLessThanOrEqualTo(60);
  }

  @Test
  void listsComeFromTheApiServersMemory() throws Exception {
    SmallCluster.answer(api, COUNTED);

    survey();

    assertThat(api.requests())
        .extracting(Request::toString)
        .contains("GET /api/v1/pods?resourceVersion=0");
  }

  @Test
  void whatIsNotServedIsNotAskedFor() throws Exception {
    SmallCluster.answer(api, COUNTED)
        .on(
            "GET /apis",
            SmallCluster.given(
                """
                {kind: 'APIGroupDiscoveryList', items: [
                  {metadata: {name: 'apps'},
                   versions: [{version: 'v1', resources: [{resource: 'deployments'}]}]}]}
                """));

    var survey = survey();

    for (Kind<?> kind : SmallCluster.kinds()) {
      if (kind.group().isEmpty() || kind.equals(Kinds.DEPLOYMENTS)) {
        assertThat(survey.all(kind).found()).as(kind.toString()).isPresent();
      } else {
        assertMissing(kind.toString(), survey.all(kind), Cause.NOT_SERVED);
      }
    }
    assertThat(api.paths())
        .filteredOn(path -> path.startsWith("GET /apis/"))
        .containsExactly("GET /apis/apps/v1/deployments");
  }

  @Test
  void versionThatIsServedIsAskedFor() throws Exception {
    SmallCluster.answer(api, COUNTED)
        .on(
            "GET /apis",
            SmallCluster.given(
                """
                {kind: 'APIGroupList', groups: [
                  {name: 'gateway.networking.k8s.io', preferredVersion: {version: 'v1beta1'}}]}
                """));

    survey();

    assertThat(api.paths()).contains("GET /apis/gateway.networking.k8s.io/v1beta1/gatewayclasses");
  }

  @Test
  void whatIsSwitchedOffIsNotTried() throws Exception {
    SmallCluster.answer(api, COUNTED);

    var survey =
        Survey.read(
            api.reader(),
            new SurveyConfig("cattle-system", COUNTED, Set.of(), List::of),
            CLOCK,
            progress::add);

    assertMissing("node ports", survey.facts().nodePorts(), Cause.SWITCHED_OFF);
    assertMissing("taint", survey.facts().taintTrial(), Cause.SWITCHED_OFF);
    assertMissing("pod security", survey.facts().podSecurityAdmission(), Cause.SWITCHED_OFF);
    assertThat(api.requests()).extracting(Request::method).containsOnly("GET");
  }

  static Stream<Arguments> failures() {
    return Stream.of(
        failure("401", status(401, "who are you"), Cause.UNAUTHORIZED),
        failure("403", status(403, "you may not"), Cause.FORBIDDEN),
        failure("404", status(404, "not found"), Cause.NOT_SERVED),
        failure("503", status(503, "overloaded"), Cause.UNAVAILABLE),
        failure("504", status(504, "timeout"), Cause.TIMEOUT),
        failure("502 of a proxy", reply(502, Map.of(), "<html>Bad Gateway"), Cause.UNAVAILABLE),
        failure("redirect", reply(302, Map.of("Location", "/login"), ""), Cause.UNREADABLE),
        failure("reset", reset(), Cause.UNAVAILABLE),
        failure("cut off", cutOff("{\"kind\":\"List\",\"items\":["), Cause.UNAVAILABLE),
        failure("nothing", json(""), Cause.UNREADABLE),
        failure("HTML", json("<html>log in</html>"), Cause.UNREADABLE),
        failure("empty object", json("{}"), Cause.UNREADABLE),
        failure("empty array", json("[]"), Cause.UNREADABLE),
        failure("array of objects", json("[{\"metadata\":{\"name\":\"a\"}}]"), Cause.UNREADABLE),
        failure("null", json("null"), Cause.UNREADABLE),
        failure("text", json("\"ok\""), Cause.UNREADABLE),
        failure("cut JSON", json("{\"items\":[{\"metadata\":{\"name\":\"a\"}"), Cause.UNREADABLE),
        failure("numbers", json("{\"items\":[1,2],\"groups\":[3]}"), Cause.UNREADABLE),
        failure(
            "numbers for names",
            json("{\"kind\":1,\"metadata\":2,\"items\":[{\"metadata\":{\"name\":7}}]}"),
            Cause.UNREADABLE),
        failure(
            "nulls",
            json("{\"metadata\":null,\"items\":[null],\"status\":null}"),
            Cause.UNREADABLE),
        failure("no list", json("{\"items\":{\"a\":1},\"groups\":true}"), Cause.UNREADABLE));
  }

  static Stream<Arguments> someFailures() {
    return failures().filter(each -> List.of("404", "empty object").contains(each.get()[0]));
  }

  private static Arguments failure(String name, Reply reply, Cause cause) {
    return Arguments.of(name, reply, cause);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("failures")
  void whereNothingIsAnsweredAllIsMissing(String name, Reply reply, Cause cause) throws Exception {
    api.otherwise(reply);

    var answers = answers(survey());

    assertThat(answers).hasSize(SmallCluster.kinds().size() + 2 + 2 + 3 + 6);
    answers.forEach((what, answer) -> assertMissing(what, answer, cause));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("failures")
  void whereNothingButDiscoveryIsAnsweredAllElseIsMissing(String name, Reply reply, Cause cause)
      throws Exception {
    api.otherwise(reply);
    SmallCluster.answerDiscovery(api, COUNTED);

    var answers = answers(survey());

    answers.remove("discovery");
    answers.forEach((what, answer) -> assertMissing(what, answer, cause));
  }

  @Test
  void listsOfNothingAreWhatWasAnswered() throws Exception {
    api.otherwise(json("{\"items\":null}"));
    SmallCluster.answerDiscovery(api, COUNTED);

    var survey = survey();

    for (Kind<?> kind : SmallCluster.kinds()) {
      assertThat(survey.all(kind).found())
          .hasValueSatisfying(all -> assertThat((Collection<?>) all).isEmpty());
    }
    assertThat(survey.facts().counts().values()).containsOnly(new Answer.Found<>(false));
    assertMissing("flags", survey.facts().apiServerFlags(), Cause.NO_EVIDENCE);
    assertThat(survey.facts().objects())
        .hasEntrySatisfying(
            FactReader.KUBEADM, each -> assertMissing("kubeadm", each, Cause.NOT_SERVED));
    assertMissing("taint", survey.facts().taintTrial(), Cause.UNREADABLE);
  }

  static Stream<String> values() {
    return Stream.of("7", "null", "true", "[]", "{}", "[null]", "[7]", "[[]]", "'\\u0000 x'");
  }

  /** Whatever a field holds, the objects are there, and nothing throws. */
  @ParameterizedTest
  @MethodSource("values")
  void fieldsOfOtherTypesCountAsAbsent(String value) throws Exception {
    SmallCluster.answer(api, COUNTED);
    String item =
        """
        {metadata: {name: 'a b', namespace: X, labels: X, annotations: X, ownerReferences: X,
           creationTimestamp: X, finalizers: X, resourceVersion: X},
         spec: X, status: X, provisioner: X, driver: X, reclaimPolicy: X, usage: X},
        {metadata: {name: 'b', namespace: X, labels: {a: X}, annotations: {a: X},
           ownerReferences: [{kind: X, controller: X}], finalizers: [X]},
         usage: {cpu: X, memory: X}, timestamp: X,
         spec: {taints: [X], podCIDRs: [X], podCIDR: X, unschedulable: X, providerID: X, type: X,
           replicas: X, controller: X, controllerName: X, ingressClassName: X, drivers: [X],
           service: X, caBundle: X, attachRequired: X, volumeLifecycleModes: [X], ipFamilies: [X],
           clusterIPs: [X], overhead: {cpu: X}, resources: {requests: X},
           containers: [X, {image: X, command: [X], args: X,
             resources: {requests: {cpu: X}, limits: X}}],
           initContainers: [{restartPolicy: X, resources: X}],
           template: {metadata: {labels: {a: X}}, spec: {containers: X, nodeSelector: X}}},
         status: {capacity: {cpu: X}, allocatable: X, nodeInfo: {osImage: X}, phase: X,
           images: [{names: [X]}, X], readyReplicas: X, numberReady: X, desiredNumberScheduled: X,
           conditions: [X, {type: X, status: X, reason: X, message: X, lastTransitionTime: X},
             {type: 'Ready', status: X, reason: X}],
           containerStatuses: [X, {state: {waiting: {reason: X, message: X}}}],
           loadBalancer: {ingress: [X, {ip: X, hostname: X}]}}}
        """
            .replace("X", value);
    for (Kind<?> kind : SmallCluster.kinds()) {
      api.on("GET " + kind.path(kind.version()), SmallCluster.list(item));
    }
    api.on("GET /apis/metrics.k8s.io/v1beta1/nodes", SmallCluster.list(item))
        .on("GET /api/v1/namespaces/kube-system/pods", SmallCluster.list(item));

    var survey = survey();

    assertThat(survey.all(Kinds.NODES).found().orElseThrow()).hasSize(2);
    assertThat(survey.all(Kinds.PODS).found().orElseThrow())
        .hasSize(2)
        .allSatisfy(pod -> assertThat(pod.ready()).isFalse());
    assertThat(survey.all(Kinds.SERVICES).found().orElseThrow()).isEmpty();
    // The first node by name is one that no path can have.
    assertMissing("taint", survey.facts().taintTrial(), Cause.UNREADABLE);
  }

  /** A survey that one request of is answered like this is else the same. */
  @ParameterizedTest(name = "{0}")
  @MethodSource("someFailures")
  void oneFailureSpoilsOneAnswer(String name, Reply reply, Cause cause) throws Exception {
    SmallCluster.answer(api, COUNTED);
    survey();
    var paths = api.paths().stream().distinct().toList();
    for (String path : paths) {
      // Everything follows from discovery, and a review is asked for three trials.
      if (!path.equals("GET /apis") && !path.equals(SmallCluster.REVIEW)) {
        SmallCluster.answer(api, COUNTED).on(path, reply);

        var answers = answers(survey());

        var different =
            answers.entrySet().stream().filter(each -> each.getValue().found().isEmpty()).toList();
        assertThat(different).as(path).hasSizeLessThanOrEqualTo(2);
        assertThat(different)
            .as(path)
            .allSatisfy(
                each -> assertMissing(each.getKey(), each.getValue(), cause, Cause.NO_EVIDENCE));
      }
    }
  }

  @Test
  void kindThatIsNotReadIsAMistake() throws Exception {
    api.otherwise(status(403, "no"));
    var survey = survey();

    assertThatThrownBy(
            () -> survey.all(new Kind<>("example.com", "v1", "others", false, CustomResource::of)))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
