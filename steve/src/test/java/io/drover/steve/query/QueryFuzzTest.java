package io.drover.steve.query;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.drover.steve.Objects;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Whatever a request asks: an answer, or the one exception that says what is wrong. Runs as a plain
 * test on a few inputs; {@code JAZZER_FUZZ=1} looks for more.
 */
class QueryFuzzTest {
  /** More than a browser sends. */
  private static final int MAX_BYTES = 64 * 1024;

  @FuzzTest(maxDuration = "60s")
  void anyTextIsAQueryOrRefused(byte @Nullable [] bytes) {
    if (bytes == null || bytes.length > MAX_BYTES) {
      return;
    }
    var text = new String(bytes, StandardCharsets.UTF_8);
    var pod =
        Objects.object(
            """
            {apiVersion:'v1',kind:'Pod',metadata:{namespace:'n',name:'a',labels:{app:'web'},
                state:{name:'up'},fields:['a','1/1','Up',['4','1767607200000'],null]},
              spec:{containers:[{image:'i:1'}]}}\
            """);
    for (var dialect :
        List.of(
            Dialect.CLASSIC,
            Dialect.EARLY_SQL,
            Dialect.FIRST_SELECTORS,
            Dialect.SELECTORS,
            Dialect.NEWEST)) {
      for (var parameter :
          List.of(
              "filter", "sort", "summary", "projectsornamespaces", "include", "excludeValues")) {
        ask(dialect, parameter, text, pod);
      }
    }
    try {
      ContinueToken.parse(text);
    } catch (QueryException e) {
      check(e);
    }
  }

  private static void ask(
      Dialect dialect,
      String parameter,
      String text,
      com.fasterxml.jackson.databind.node.ObjectNode pod) {
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
