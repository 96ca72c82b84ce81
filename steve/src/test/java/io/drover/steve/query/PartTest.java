package io.drover.steve.query;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PartTest {
  @ParameterizedTest
  @CsvSource({
    "web, web-7f9c, true",
    "7f9c, web-7f9c, true",
    "WEB-7F, web-7f9c, true",
    "web, WeB, true",
    "aab, aaab, true", // begins anew one letter further on, not behind the failed attempt
    "web-7f9c0, web-7f9c, false",
    "é, caf\u00e9, true",
    "É, caf\u00e9, false", // no ASCII letter
    "'', web, true",
    "'', '', true",
    "w, '', false",
    "[, '{', false" // differ by what upper and lower case differ by
  })
  void isFoundInAnyCaseOfAsciiLetters(String part, String text, boolean expected) {
    assertThat(new Part(part).isIn(text.getBytes(UTF_8))).isEqualTo(expected);
  }

  @Test
  void agreesWithTheJdk() {
    var random = new Random(7);
    for (int i = 0; i < 20_000; i++) {
      var part = letters(random, random.nextInt(4));
      var text = letters(random, random.nextInt(12));
      assertThat(new Part(part).isIn(text.getBytes(UTF_8)))
          .as("%s in %s", part, text)
          .isEqualTo(lower(text).contains(lower(part)));
    }
  }

  private static String letters(Random random, int length) {
    var letters = new StringBuilder();
    for (int i = 0; i < length; i++) {
      letters.append("aAbB-".charAt(random.nextInt(5)));
    }
    return letters.toString();
  }

  private static String lower(String text) {
    return text.replace('A', 'a').replace('B', 'b');
  }
}
