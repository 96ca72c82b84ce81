package io.drover.steve.query;

import com.code_intelligence.jazzer.junit.FuzzTest;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.Objects;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Whatever a request asks: an answer, or the one exception that says what is wrong. {@code
 * -Dfuzz.inputs=10000000} for more of our own making, {@code -Dfuzz.seed=…} for others, {@code
 * JAZZER_FUZZ=1} for what a search finds.
 */
class QueryFuzzTest {
  /** More than a browser sends. */
  private static final int MAX_BYTES = 64 * 1024;

  /** Of which texts are made that a grammar takes for its own, most of the time. */
  private static final List<String> WORDS =
      List.of(
          "metadata.name",
          "metadata.labels[app]",
          "metadata.labels.",
          "[",
          "]",
          "ip(",
          "metadata.fields[3][1]",
          "id",
          "=",
          "==",
          "!=",
          "!",
          "~",
          "!~",
          "<",
          ">",
          "lt",
          "gt",
          "in",
          "NOTIN",
          "contains",
          "notcontains",
          "(",
          ")",
          ",",
          " ",
          "-",
          "'",
          "\"",
          "\\",
          "5",
          "99999999999999999999",
          "web",
          ".",
          "%",
          "\0",
          "\ud83d",
          "ä");

  /** Each of them a parameter of one dialect. */
  private static final long INPUTS = Long.getLong("fuzz.inputs", 600_000);

  private static final long SEED = Long.getLong("fuzz.seed", 1);
  private static final List<Dialect> DIALECTS =
      List.of(
          Dialect.CLASSIC,
          Dialect.EARLY_SQL,
          Dialect.FIRST_SELECTORS,
          Dialect.SELECTORS,
          Dialect.NEWEST);

  private static final List<String> PARAMETERS =
      List.of("filter", "sort", "summary", "projectsornamespaces", "include", "excludeValues");

  private static final int MAX_WORDS = 24;

  @FuzzTest(maxDuration = "30s")
  void anyTextIsAQueryOrRefused(byte @Nullable [] bytes) {
    if (bytes != null && bytes.length <= MAX_BYTES) {
      ask(new String(bytes, StandardCharsets.UTF_8));
    }
  }

  @Test
  void anyWordsAreAQueryOrRefused() {
    var random = new Random(SEED);
    for (long i = 0; i < INPUTS; i += (long) DIALECTS.size() * PARAMETERS.size()) {
      var text = new StringBuilder();
      for (int words = random.nextInt(MAX_WORDS); words > 0; words--) {
        text.append(WORDS.get(random.nextInt(WORDS.size())));
      }
      ask(text.toString());
    }
    System.out.println("query: inputs=" + INPUTS + " seed=" + SEED);
  }

  private static void ask(String text) {
    var pod =
        Objects.object(
            """
            {apiVersion:'v1',kind:'Pod',metadata:{namespace:'n',name:'a',labels:{app:'web'},
                state:{name:'up'},fields:['a','1/1','Up',['4','1767607200000'],null]},
              spec:{containers:[{image:'i:1'}]}}\
            """);
    for (var dialect : DIALECTS) {
      for (var parameter : PARAMETERS) {
        ask(dialect, parameter, text, pod);
      }
    }
    try {
      ContinueToken.parse(text);
    } catch (QueryException e) {
      check(e);
    }
  }

  private static void ask(Dialect dialect, String parameter, String text, ObjectNode pod) {
    try {
      var query = Query.parse(dialect, QueryTest.PODS, Map.of(parameter, List.of(text)));
      Listing.of(query, List.of(pod, pod.deepCopy()), QueryTest.PODS, Projects.NONE);
      query.shape().of(pod.deepCopy());
    } catch (QueryException e) {
      check(e);
    }
  }

  /** Never 401, which would log the user out. */
  private static void check(QueryException e) {
    if (e.status() < 400 || e.status() == 401 || e.getMessage().isEmpty()) {
      throw new AssertionError(e);
    }
  }
}
