package io.drover.agent.kube;

import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reply;
import static io.drover.agent.kube.TestApi.reset;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.kube.ApiObjects.Change;
import io.drover.agent.kube.ApiObjects.Dependents;
import io.drover.proto.report.Cause;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class ApiObjectsTest {
  private static final Resource JOBS = new Resource("/apis/batch/v1", "jobs", "Job");
  private static final String PATH = "/apis/batch/v1/namespaces/ns/jobs/a";

  private final TestApi api = new TestApi();
  private final ApiObjects objects = new ApiObjects(api.reader());

  @AfterEach
  void close() {
    api.close();
  }

  @Test
  void objectIsThereOrNotAndARefusalIsNeither() throws Exception {
    api.on("GET " + PATH, json("{}"), status(404, "no"), status(403, "may not"));

    assertThat(objects.exists(JOBS, "ns", "a").found()).contains(true);
    assertThat(objects.exists(JOBS, "ns", "a").found()).contains(false);
    assertThat(cause(objects.exists(JOBS, "ns", "a"))).contains(Cause.FORBIDDEN);
  }

  @Test
  void listHasWhatHangsOnObjectsAndAsksForNoMore() throws Exception {
    api.on(
        "GET /apis/batch/v1/jobs?labelSelector=a%2Fb%3Dc",
        json(
            """
            {"metadata": {"resourceVersion": "9"}, "items": [{"metadata": {
             "namespace": "ns", "name": "a", "uid": "u", "resourceVersion": "7",
             "creationTimestamp": "2026-11-22T12:00:00Z", "labels": {"l": "1"},
             "annotations": {"x": "2"}, "finalizers": ["f"],
             "deletionTimestamp": "2026-11-22T13:00:00Z"}},
             {"metadata": {"name": "b", "uid": "v"}}]}"""));
    var found = new ArrayList<ObjectMetadata>();

    assertThat(objects.list(JOBS, "", "a/b=c", found::add).found()).isPresent();

    var first = found.getFirst();
    assertThat(List.of(first.namespace(), first.name(), first.uid()))
        .containsExactly("ns", "a", "u");
    assertThat(first.labels()).isEqualTo(Map.of("l", "1"));
    assertThat(first.annotations()).isEqualTo(Map.of("x", "2"));
    assertThat(first.finalizers()).containsExactly("f");
    assertThat(first.ending()).isTrue();
    assertThat(found.getLast().finalizers()).isEmpty();
    assertThat(found.getLast().ending()).isFalse();
    assertThat(api.next().header("Accept")).contains("as=PartialObjectMetadataList");
  }

  @ParameterizedTest
  @CsvSource({"200, MADE", "202, MADE", "404, GONE", "409, CONFLICT"})
  void deletionSaysWhatBecameOfIt(int status, Change change) throws Exception {
    api.on("DELETE " + PATH, status(status, "text"));

    assertThat(objects.delete(JOBS, job(), Dependents.BEFORE).found()).contains(change);

    assertThat(api.next().body())
        .contains("\"propagationPolicy\":\"Foreground\"", "\"preconditions\":{\"uid\":\"u\"}");
  }

  @ParameterizedTest
  @CsvSource({"401, UNAUTHORIZED", "403, FORBIDDEN", "422, UNREADABLE", "500, UNAVAILABLE"})
  void deletionThatIsRefusedSaysWhy(int status, Cause cause) throws Exception {
    api.on("DELETE " + PATH, status(status, "not you"));

    var answer = objects.delete(JOBS, job(), Dependents.AFTER);

    assertThat(answer)
        .isEqualTo(new Answer.Missing<>(cause, "DELETE " + PATH + ": " + status + " not you"));
  }

  @Test
  void refusalOfSomebodyElseIsOneToo() throws Exception {
    api.on("DELETE " + PATH, reply(403, Map.of(), "<html>proxy</html>"), reset());

    assertThat(cause(objects.delete(JOBS, job(), Dependents.AFTER))).contains(Cause.FORBIDDEN);
    assertThat(cause(objects.delete(JOBS, job(), Dependents.AFTER))).contains(Cause.UNAVAILABLE);
  }

  @Test
  void whatIsTakenOffIsWrittenAsItWasReadButForThat() throws Exception {
    api.on(
        "GET " + PATH,
        json(
            """
            {"metadata":{"name":"a","finalizers":["f","g"],"labels":{"f":"1","g":"1"},\
            "annotations":{"f":"1","g":"1"},"managedFields":[{"manager":"m"}]},"spec":{"f":1}}"""));
    api.on("PUT " + PATH, json("{}"));

    assertThat(objects.takeOff(JOBS, job(), new Removal("f"::equals, "g"::equals, "f"::equals)))
        .isEqualTo(new Answer.Found<>(Change.MADE));

    api.next();
    assertThat(api.next().body())
        .isEqualTo(
            """
            {"metadata":{"name":"a","finalizers":["g"],"labels":{"f":"1"},\
            "annotations":{"g":"1"},"managedFields":[{"manager":"m"}]},"spec":{"f":1}}""");
  }

  @Test
  void nothingIsWrittenWhereThereIsNothingToTakeOff() throws Exception {
    var removal = new Removal(_ -> true, _ -> true, _ -> true);
    api.on("GET " + PATH, json("{\"metadata\": {\"name\": \"a\"}}"), status(404, "gone"));

    assertThat(objects.takeOff(JOBS, job(), removal).found()).contains(Change.NOT_NEEDED);
    assertThat(objects.takeOff(JOBS, job(), removal).found()).contains(Change.GONE);
    assertThat(objects.delete(JOBS, "x").found()).contains(Change.GONE);

    assertThat(api.paths())
        .containsExactly("GET " + PATH, "GET " + PATH, "DELETE /apis/batch/v1/jobs/x");
  }

  private static ObjectMetadata job() {
    return new ObjectMetadata(
        "ns", "a", "u", "7", Optional.empty(), Map.of(), Map.of(), List.of(), false);
  }

  private static Optional<Cause> cause(Answer<?> answer) {
    return answer instanceof Answer.Missing<?>(var cause, _)
        ? Optional.of(cause)
        : Optional.empty();
  }
}
