package io.drover.agent.gateway.audit;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.http.Fields;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BodyCopyTest {
  private final BodyBudget budget = new BodyBudget();

  private static Fields type(String type) {
    return new Fields().add("Content-Type", type);
  }

  private BodyCopy copy(Fields fields) {
    return new BodyCopy(fields, false, budget);
  }

  /** A text of JSON of so many bytes. */
  private static byte[] json(int bytes) {
    return ("\"" + "x".repeat(bytes - 2) + "\"").getBytes(UTF_8);
  }

  private static void read(BodyCopy copy, byte[] body) throws IOException {
    try (var in = copy.copied(new ByteArrayInputStream(body))) {
      assertThat(in.read()).isEqualTo(body[0]);
      assertThat(in.readAllBytes()).hasSize(body.length - 1);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/merge-patch+json",
        "application/apply-patch+yaml",
      })
  void whatIsReadIsCopied(String type) throws Exception {
    var copy = copy(type(type));
    read(copy, "{\"a\":1}".getBytes(UTF_8));

    assertThat(copy.end().text()).isEqualTo("{\"a\":1}");
    assertThat(budget.taken()).isEqualTo(7 * BodyCopy.COPIES);
    copy.close();
    assertThat(budget.taken()).isZero();
  }

  @Test
  void whatIsWrittenIsCopiedAndGoesOn() throws Exception {
    var to = new ByteArrayOutputStream();
    var copy = copy(new Fields());
    try (var out = copy.copied(to)) {
      out.write('[');
      out.write("x1,2]y".getBytes(UTF_8), 1, 4);
    }

    assertThat(to.toString(UTF_8)).isEqualTo("[1,2]");
    assertThat(copy.end().text()).isEqualTo("[1,2]");
  }

  @Test
  void whatIsNotJsonIsNotCopied() throws Exception {
    for (var fields :
        new Fields[] {
          type("application/vnd.kubernetes.protobuf"),
          type("text/plain"),
          type("application/json").add("Content-Type", "application/json"),
          type("application/json").add("Content-Encoding", "gzip")
        }) {
      var copy = copy(fields);
      assertThat(copy.end()).as("nothing came").isEqualTo(JsonBody.NOTHING);
      var other = copy(fields);
      read(other, "{}".getBytes(UTF_8));
      assertThat(other.end()).isEqualTo(JsonBody.NOT_JSON);
      assertThat(budget.taken()).isZero();
    }
  }

  @Test
  void oneThatIsTooLongIsLeftOutAndItsMemoryGivenBack() throws Exception {
    var longest = copy(type("application/json"));
    read(longest, json(BodyCopy.MAX_BYTES));
    assertThat(longest.end().text()).hasSize(BodyCopy.MAX_BYTES);
    longest.close();

    var copy = copy(type("application/json"));
    read(copy, json(BodyCopy.MAX_BYTES + 1));
    assertThat(copy.end()).isEqualTo(JsonBody.TOO_LONG);
    assertThat(budget.taken()).isZero();
  }

  @Test
  void allOfThemHaveOneBudget() throws Exception {
    var small = new BodyBudget(100L * BodyCopy.COPIES);
    var one = new BodyCopy(type("application/json"), false, small);
    read(one, json(60));
    var other = new BodyCopy(type("application/json"), false, small);
    read(other, json(60));

    assertThat(one.end().text()).hasSize(60);
    assertThat(other.end()).isEqualTo(JsonBody.NO_ROOM);
    one.close();
    other.close();
    var third = new BodyCopy(type("application/json"), false, small);
    read(third, json(60));
    assertThat(third.end().text()).hasSize(60);
    third.close();
    third.close();
    assertThat(small.taken()).isZero();
  }

  @Test
  void nothingIsAddedBehindItsEnd() throws Exception {
    var copy = copy(type("application/json"));
    var in = copy.copied(new ByteArrayInputStream("{}".getBytes(UTF_8)));
    copy.close();
    in.readAllBytes();

    assertThat(budget.taken()).isZero();
  }
}
