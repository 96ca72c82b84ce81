package io.drover.agent.kube;

import static io.drover.agent.kube.TestApi.cutOff;
import static io.drover.agent.kube.TestApi.endless;
import static io.drover.agent.kube.TestApi.hang;
import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reply;
import static io.drover.agent.kube.TestApi.reset;
import static io.drover.agent.kube.TestApi.stall;
import static io.drover.agent.kube.TestApi.status;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.drover.agent.kube.ApiReader.Events;
import io.drover.agent.kube.ApiReader.Listed;
import io.drover.agent.kube.ApiReader.Outcome;
import io.drover.agent.kube.ApiReader.WatchEnd;
import io.drover.proto.report.Cause;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ApiReaderTest {
  private static final String JSON = "application/json";
  private static final Duration LONG = Duration.ofMinutes(1);

  private final TestApi api = new TestApi();
  private final List<Duration> slept = new ArrayList<>();
  private final List<String> seen = new ArrayList<>();
  private ApiReader reader = api.reader(slept::add, ApiReader.HEAD_LIMIT);

  @AfterEach
  void stop() {
    api.close();
  }

  /** One of the ways to ask. */
  interface Question {
    Answer<?> ask(ApiReader reader) throws InterruptedException;
  }

  private static final Question GET = reader -> reader.get("/x?y=z");
  private static final Question LIST = reader -> reader.list("/x?y=z", JSON, _ -> {});
  private static final Question SEND = reader -> reader.send("POST", "/x?y=z", JSON, object());

  private static Question watching(Events events) {
    return reader -> reader.watch("/x?watch=true", JSON, LONG, events);
  }

  private static JsonNode object() {
    return JsonNodeFactory.instance.objectNode().put("a", 1);
  }

  private static List<Question> questions() {
    return List.of(
        GET,
        reader -> reader.text("/x?y=z"),
        reader -> reader.check("/x?y=z"),
        LIST,
        watching(new Recorded(new ArrayList<>())));
  }

  /** Writes down what happened. */
  private record Recorded(List<String> seen) implements Events {
    @Override
    public void changed(JsonNode object) {
      seen.add("changed " + object.path("metadata").path("name").asText());
    }

    @Override
    public void deleted(JsonNode object) {
      seen.add("deleted " + object.path("metadata").path("name").asText());
    }

    @Override
    public void reached(String resourceVersion) {
      seen.add("reached " + resourceVersion);
    }
  }

  private static void assertMissing(Answer<?> answer, Cause cause, String detail) {
    assertThat(answer)
        .isInstanceOfSatisfying(
            Answer.Missing.class,
            missing -> {
              assertThat(missing.cause()).as(missing.detail()).isEqualTo(cause);
              assertThat(missing.detail()).contains(detail);
            });
  }

  private Answer<Listed> list(String body) throws InterruptedException {
    api.on("GET /x", json(body));
    return reader.list("/x", JSON, object -> seen.add(object.toString()));
  }

  private Answer<WatchEnd> watch(String... events) throws InterruptedException {
    api.on("WATCH /x", json(String.join("\n", events)));
    return reader.watch("/x?watch=true", JSON, LONG, new Recorded(seen));
  }

  private static String event(String type, String name, String version) {
    return """
    {"type":"%s","object":{"metadata":{"name":"%s","resourceVersion":"%s"}}}"""
        .formatted(type, name, version);
  }

  @Test
  void readsAnObject() throws Exception {
    api.on("GET /x?y=z", json("{\"a\":1}"));

    assertThat(reader.get("/x?y=z", "application/json;as=Other"))
        .isEqualTo(new Answer.Found<>(object()));
    assertThat(api.next().header("Accept")).isEqualTo("application/json;as=Other");
    assertThat(reader.requests()).isEqualTo(1);
  }

  @Test
  void pathOfTheServerStaysInFrontOfTheRequests() throws Exception {
    try (var behind = new TestApi("/k8s/clusters/c-1/")) {
      behind.reader().get("/version");

      assertThat(behind.next()).hasToString("GET /k8s/clusters/c-1/version");
    }
  }

  @Test
  void showsItsCredentials() throws Exception {
    reader.get("/x");

    assertThat(api.next().header("Authorization")).isEqualTo("Bearer secret");
  }

  @Test
  void readsAText() throws Exception {
    api.on("GET /x", reply(200, Map.of(), "[+]ping ok\n"));

    assertThat(reader.text("/x")).isEqualTo(new Answer.Found<>("[+]ping ok\n"));
  }

  @ParameterizedTest
  @CsvSource({
    "400, UNREADABLE",
    "401, UNAUTHORIZED",
    "403, FORBIDDEN",
    "404, NOT_SERVED",
    "405, NOT_SERVED",
    "408, TIMEOUT",
    "410, UNREADABLE",
    "429, UNAVAILABLE",
    "500, UNAVAILABLE",
    "503, UNAVAILABLE",
    "504, TIMEOUT"
  })
  void refusalIsAMissingAnswerThatSaysWhy(int status, Cause cause) throws Exception {
    api.otherwise(status(status, "not you"));

    for (Question question : questions()) {
      boolean isCheck = status == 500 && question.ask(reader) instanceof Answer.Found<?>;
      if (!isCheck) {
        assertMissing(question.ask(reader), cause, "GET /x: " + status + " not you");
      }
    }
    assertThat(seen).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {201, 400, 401, 403, 404, 409, 422, 500, 503})
  void whatWasSentHasAnOutcomeAlsoIfItIsRefused(int status) throws Exception {
    api.otherwise(status(status, "not you"));

    assertThat(reader.send("PUT", "/x?dryRun=All", "application/merge-patch+json", object()))
        .isInstanceOfSatisfying(
            Answer.Found.class,
            found -> {
              var outcome = (Outcome) found.value();
              assertThat(outcome.status()).isEqualTo(status);
              assertThat(outcome.isSuccess()).isEqualTo(status == 201);
              assertThat(outcome.message()).isEqualTo("not you");
              assertThat(outcome.warning()).isNull();
            });
    var request = api.next();
    assertThat(request).hasToString("PUT /x?dryRun=All");
    assertThat(request.header("Content-Type")).startsWith("application/merge-patch+json");
    assertThat(request.body()).isEqualTo("{\"a\":1}");
  }

  @Test
  void outcomeHasTheWarning() throws Exception {
    api.otherwise(reply(200, Map.of("Warning", "299 - \"would violate\""), "{}"));

    assertThat(SEND.ask(reader).found())
        .hasValueSatisfying(
            outcome ->
                assertThat(((Outcome) outcome).warning()).isEqualTo("299 - \"would violate\""));
  }

  @Test
  void refusalOfAProxyIsNoOutcome() throws Exception {
    api.otherwise(reply(502, Map.of(), "<html>\n Bad  Gateway"));

    assertMissing(SEND.ask(reader), Cause.UNAVAILABLE, "POST /x?y=z: 502 <html> Bad Gateway");
  }

  @Test
  void longRefusalIsShortened() throws Exception {
    api.otherwise(reply(403, Map.of(), "x".repeat(10_000)));

    assertThat(((Answer.Missing<?>) GET.ask(reader)).detail()).hasSizeLessThan(300).endsWith("x…");
  }

  @Test
  void busyApiServerIsAskedAgainAFewTimes() throws Exception {
    var questions = new ArrayList<>(questions());
    questions.add(SEND);
    for (Question question : questions) {
      slept.clear();
      api.otherwise(status(429, "too busy"));

      question.ask(reader);

      assertThat(slept).containsOnly(ApiReader.BUSY_WAIT).hasSize(ApiReader.MAX_BUSY);
    }
    assertThat(api.requests()).hasSize(questions.size() * (ApiReader.MAX_BUSY + 1));
  }

  @Test
  void answerAfterABusyTimeIsTheAnswer() throws Exception {
    api.on("GET /x", status(429, "too busy"), json("{\"a\":1}"));

    assertThat(reader.get("/x")).isEqualTo(new Answer.Found<>(object()));
    assertThat(slept).containsExactly(ApiReader.BUSY_WAIT);
  }

  @Test
  void nobodyListensIsUnavailable() throws Exception {
    api.stopListening();

    for (Question question : questions()) {
      assertMissing(question.ask(reader), Cause.UNAVAILABLE, "GET /x: ");
    }
    assertMissing(SEND.ask(reader), Cause.UNAVAILABLE, "POST /x?y=z: ");
  }

  @Test
  void withoutAClientAllIsUnavailable() throws Exception {
    api.client().close();

    for (Question question : questions()) {
      assertMissing(question.ask(reader), Cause.UNAVAILABLE, "GET /x: ");
    }
    assertMissing(SEND.ask(reader), Cause.UNAVAILABLE, "POST /x?y=z: ");
  }

  @Test
  void tokenThatCannotBeReadIsUnavailable() throws Exception {
    api.client()
        .getConfiguration()
        .setOauthTokenProvider(
            () -> {
              throw new KubernetesClientException("token cannot be read");
            });

    for (Question question : questions()) {
      assertMissing(question.ask(reader), Cause.UNAVAILABLE, "GET /x: token cannot be read");
    }
    assertThat(api.requests()).isEmpty();
  }

  @Test
  void connectionThatEndsWithoutAnAnswerIsUnavailable() throws Exception {
    api.otherwise(reset());

    for (Question question : questions()) {
      assertMissing(question.ask(reader), Cause.UNAVAILABLE, "GET /x: ");
    }
    assertMissing(SEND.ask(reader), Cause.UNAVAILABLE, "POST /x?y=z: ");
  }

  @Test
  void headThatDoesNotComeIsATimeout() throws Exception {
    api.otherwise(hang());
    reader = api.reader(slept::add, Duration.ofMillis(50));

    for (Question question : questions()) {
      assertMissing(question.ask(reader), Cause.TIMEOUT, "GET /x: no answer within");
    }
    assertMissing(SEND.ask(reader), Cause.TIMEOUT, "POST /x?y=z: no answer within");
  }

  @Test
  void bodyThatDoesNotEndIsATimeout() throws Exception {
    api.otherwise(stall("{\"a\":"));
    reader = api.reader(slept::add, Duration.ofMillis(500));

    assertMissing(GET.ask(reader), Cause.TIMEOUT, "GET /x: not read to its end within");
    assertMissing(SEND.ask(reader), Cause.TIMEOUT, "POST /x?y=z: not read to its end within");
    assertMissing(
        reader.watch("/x", JSON, Duration.ofMillis(50), new Recorded(seen)),
        Cause.TIMEOUT,
        "GET /x: not read to its end within");
  }

  @Test
  void bodyThatIsCutOffIsMissing() throws Exception {
    api.otherwise(cutOff("{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[]"));

    for (Question question : questions()) {
      assertMissing(question.ask(reader), Cause.UNAVAILABLE, "GET /x: ");
    }
    assertMissing(SEND.ask(reader), Cause.UNAVAILABLE, "POST /x?y=z: ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "null",
        "<html>not here</html>",
        "{\"a\":",
        "{\"a\":[1,2}",
        "\u0000\u0001\u0002",
        "\"text\"",
        "[{\"a\":1}]",
        "17"
      })
  void rubbishIsUnreadable(String rubbish) throws Exception {
    api.otherwise(json(rubbish));

    assertMissing(GET.ask(reader), Cause.UNREADABLE, "GET /x: ");
    assertMissing(LIST.ask(reader), Cause.UNREADABLE, "GET /x: ");
    if (!rubbish.isEmpty()) { // a watch may end before anything has happened
      assertMissing(watching(new Recorded(seen)).ask(reader), Cause.UNREADABLE, "GET /x: ");
    }
    assertThat(seen).isEmpty();
  }

  @Test
  void rubbishInPlaceOfAnOutcomeIsUnreadable() throws Exception {
    api.otherwise(json("<html>"));

    assertMissing(SEND.ask(reader), Cause.UNREADABLE, "POST /x?y=z: ");
  }

  static Stream<Arguments> tooLarge() {
    String beginningOfList = "{\"items\":[{\"metadata\":{\"name\":\"a\"}},";
    return Stream.of(
        Arguments.of("object", GET, "{\"a\":1", ",\"b\":[1,2,3]"),
        Arguments.of("text in an object", GET, "{\"a\":\"", "xxxxxxxx"),
        Arguments.of("depth", GET, "{\"a\":", "[[[[[["),
        Arguments.of("object of a list", LIST, beginningOfList + "{\"a\":1", ",\"b\":[1,2,3]"),
        Arguments.of("metadata of a list", LIST, "{\"metadata\":{\"a\":1", ",\"b\":[1,2,3]"),
        Arguments.of(
            "event",
            watching(new Recorded(new ArrayList<>())),
            event("ADDED", "a", "1") + "{\"a\":1",
            ",\"b\":[1,2,3]"),
        Arguments.of("text", (Question) reader -> reader.text("/x"), "", "xxxxxxxx"),
        Arguments.of("outcome", SEND, "", "xxxxxxxx"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("tooLarge")
  void answerWithoutEndIsNotRead(String what, Question question, String beginning, String piece)
      throws Exception {
    api.otherwise(endless(beginning, piece));

    assertMissing(question.ask(reader), Cause.UNREADABLE, " /x");
  }

  @Test
  void listOfAnyLengthIsRead() throws Exception {
    String large = "x".repeat(Body.MAX_OBJECT_BYTES / 2);
    String item = "{\"metadata\":{\"name\":\"a\"},\"data\":\"" + large + "\"}";
    api.on("GET /x", json("{\"items\":[" + String.join(",", List.of(item, item, item)) + "]}"));

    assertThat(reader.list("/x", JSON, _ -> {})).isEqualTo(new Answer.Found<>(new Listed("", 3)));
  }

  @Test
  void listGivesItsObjectsAndItsVersion() throws Exception {
    assertThat(
            list(
                """
                {"kind":"NodeList","metadata":{"resourceVersion":"7"},"other":[{"a":{}}],
                 "items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"""))
        .isEqualTo(new Answer.Found<>(new Listed("7", 2)));
    assertThat(seen)
        .containsExactly("{\"metadata\":{\"name\":\"a\"}}", "{\"metadata\":{\"name\":\"b\"}}");
  }

  @Test
  void listWithoutObjectsMayBeNull() throws Exception {
    assertThat(list("{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":null}"))
        .isEqualTo(new Answer.Found<>(new Listed("7", 0)));
    assertThat(list("{\"metadata\":null,\"items\":[]}"))
        .isEqualTo(new Answer.Found<>(new Listed("", 0)));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"kind\":\"Status\",\"status\":\"Success\"}",
        "{\"metadata\":{\"resourceVersion\":\"7\"}}",
        "{\"items\":{}}",
        "{\"items\":{\"metadata\":{\"name\":\"a\"}}}",
        "{\"items\":7}",
        "{\"items\":\"none\"}",
        "{\"items\":false}",
        "{\"items\":[null]}",
        "{\"items\":[1,2]}",
        "{\"items\":[[]]}",
        "{\"items\":[{}]}",
        "{\"items\":[{\"metadata\":null}]}",
        "{\"items\":[{\"metadata\":{\"name\":null}}]}",
        "{\"items\":[{\"metadata\":{\"name\":7}}]}",
        "{\"items\":[{\"metadata\":{\"name\":\"\"}}]}",
        "{\"items\":[]",
        "{\"items\":[],",
        "{\"items\":[]]"
      })
  void whatIsNoListIsUnreadable(String body) throws Exception {
    assertMissing(list(body), Cause.UNREADABLE, "GET /x: ");
    assertThat(seen).isEmpty();
  }

  @Test
  void watchTellsWhatHappens() throws Exception {
    assertThat(
            watch(
                event("ADDED", "a", "1"),
                event("MODIFIED", "a", "2"),
                event("DELETED", "a", "3"),
                "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"4\"}}}"))
        .isEqualTo(new Answer.Found<>(WatchEnd.ENDED));
    assertThat(seen)
        .containsExactly(
            "changed a",
            "reached 1",
            "changed a",
            "reached 2",
            "deleted a",
            "reached 3",
            "reached 4");
  }

  @Test
  void watchTellsAsItHappens() throws Exception {
    var watch = new TestApi.Watch();
    api.on("WATCH /x", watch);
    watch.event("ADDED", "{\"metadata\":{\"name\":\"a\"}}");

    var answer =
        reader.watch(
            "/x?watch=true",
            JSON,
            LONG,
            new Events() {
              @Override
              public void changed(JsonNode object) {
                watch.event("DELETED", object.toString());
              }

              @Override
              public void deleted(JsonNode object) {
                watch.end();
              }

              @Override
              public void reached(String resourceVersion) {
                assertThat(resourceVersion).isEmpty();
              }
            });

    assertThat(answer).isEqualTo(new Answer.Found<>(WatchEnd.ENDED));
  }

  @Test
  void versionThatIsTooOldIsSaidSo() throws Exception {
    assertThat(
            watch(
                event("ADDED", "a", "1"),
                "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"too old\"}}"))
        .isEqualTo(new Answer.Found<>(WatchEnd.EXPIRED));
  }

  @Test
  void otherErrorsOfAWatchAreFailures() throws Exception {
    assertMissing(
        watch("{\"type\":\"ERROR\",\"object\":{\"code\":500,\"message\":\"etcd is away\"}}"),
        Cause.UNAVAILABLE,
        "GET /x: watch failed: etcd is away");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{\"type\":\"RENAMED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}",
        "{\"type\":7,\"object\":{\"metadata\":{\"name\":\"a\"}}}",
        "{\"type\":\"ADDED\"}",
        "{\"type\":\"ADDED\",\"object\":null}",
        "{\"type\":\"MODIFIED\",\"object\":{}}",
        "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"name\":7}}}",
        "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}"
      })
  void eventThatIsNoneIsUnreadable(String event) throws Exception {
    assertMissing(watch(event("ADDED", "b", "1"), event), Cause.UNREADABLE, "GET /x: ");
    assertThat(seen).containsExactly("changed b", "reached 1");
  }

  @Test
  void nameThatNoPathCanHaveIsNotAskedFor() throws Exception {
    assertMissing(reader.get("/api/v1/nodes/a b"), Cause.UNREADABLE, "GET /api/v1/nodes/a b");
    assertMissing(
        reader.send("PATCH", "/api/v1/nodes/<x>", JSON, object()),
        Cause.UNREADABLE,
        "PATCH /api/v1/nodes/<x>");
    assertThat(api.requests()).isEmpty();
  }

  @Test
  void whoIsToStopStops() throws Exception {
    api.otherwise(hang());
    Thread.currentThread().interrupt();

    assertThatThrownBy(() -> reader.get("/x")).isInstanceOf(InterruptedException.class);
  }

  @Test
  void whoIsToStopStopsReading() throws Exception {
    var watch = new TestApi.Watch();
    api.on("WATCH /x", watch);
    watch.event("ADDED", "{\"metadata\":{\"name\":\"a\"}}");
    Thread reading = Thread.currentThread();

    assertThatThrownBy(
            () ->
                reader.watch(
                    "/x?watch=true",
                    JSON,
                    LONG,
                    new Events() {
                      @Override
                      public void changed(JsonNode object) {
                        reading.interrupt();
                      }

                      @Override
                      public void deleted(JsonNode object) {}

                      @Override
                      public void reached(String resourceVersion) {}
                    }))
        .isInstanceOf(InterruptedException.class);
    Thread.interrupted(); // whoever runs the tests is not to stop
  }
}
