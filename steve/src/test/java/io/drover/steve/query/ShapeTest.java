package io.drover.steve.query;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShapeTest {
  /** Of {@code {a:{b:{c:1,d:2},e:3},f:4}}. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          include=a.b.c                         | {a:{b:{c:1}}}
          include=a.b.c include=f               | {a:{b:{c:1}},f:4}
          include=a.b include=a.b.c             | {a:{b:{c:1,d:2}}}
          include=a.nosuch                      | {}
          include=f.nosuch                      | {}
          exclude=a                             | {f:4}
          exclude=a.b.c                         | {a:{b:{d:2},e:3},f:4}
          exclude=a.nosuch exclude=f.x          | {a:{b:{c:1,d:2},e:3},f:4}
          excludeValues=a.b                     | {a:{b:{c:'',d:''},e:3},f:4}
          excludeValues=f excludeValues=x       | {a:{b:{c:1,d:2},e:3},f:4}
          include=a exclude=a.b                 | {a:{e:3}}
          """)
  void keepsWhatIsWanted(String parameters, String expected) {
    var shape =
        new Shape(
            paths(parameters, "include="),
            paths(parameters, "exclude="),
            paths(parameters, "excludeValues="));

    assertThat(shape.of(object("{a:{b:{c:1,d:2},e:3},f:4}"))).isEqualTo(object(expected));
  }

  private static List<String> paths(String parameters, String name) {
    return List.of(parameters.split(" ", -1)).stream()
        .filter(parameter -> parameter.startsWith(name))
        .map(parameter -> parameter.substring(name.length()))
        .toList();
  }

  @Test
  void tokensComeBackAsTheyWere() throws Exception {
    for (var token :
        List.of(
            new ContinueToken("12", "shop", "inner", 3, 8), new ContinueToken("", "", "", 0, 0))) {
      assertThat(ContinueToken.parse(token.text())).isEqualTo(token);
    }
    assertThat(ContinueToken.parse("")).isEqualTo(new ContinueToken("", "", "", 0, 0));
    assertThat(ContinueToken.parse("eyJyIjoiNSIsImwiOjF9"))
        .isEqualTo(new ContinueToken("5", "", "", 0, 1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          8    | illegal base64 data at input byte 0
          zzz  | illegal base64 data at input byte 0
          zzz! | illegal base64 data at input byte 3
          zzzz | continue is no token of ours
          """)
  void oddTokensAreRefused(String text, String message) {
    assertThatThrownBy(() -> ContinueToken.parse(text))
        .isInstanceOfSatisfying(QueryException.class, e -> assertThat(e.status()).isEqualTo(500))
        .hasMessage(message);
  }

  @Test
  void hugeTokensAreRefused() {
    assertThatThrownBy(() -> ContinueToken.parse("a".repeat(ContinueToken.MAX_CHARS + 1)))
        .hasMessage("more than 16384 letters in continue: ask for fewer");
  }
}
