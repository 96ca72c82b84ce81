package io.drover.agent.terminal;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PageTest {
  @Test
  void paragraphIsBrokenBetweenWords() {
    var page = new Page(false, Page.MIN_WIDTH);

    page.paragraph("word ".repeat(25) + "x".repeat(80));

    assertThat(page.text())
        .isEqualTo(
            "    %s\n    %s\n    %s\n    %s\n"
                .formatted(
                    "word ".repeat(11).strip(),
                    "word ".repeat(11).strip(),
                    "word ".repeat(3).strip(),
                    "x".repeat(80)));
  }

  @ParameterizedTest
  @CsvSource({"'',100", "wide,100", "10,60", "132,132"})
  void widthIsThatOfTheShell(String columns, int width) {
    assertThat(Page.width(columns)).isEqualTo(width);
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "1023, 1023",
    "1024, 1Ki",
    "16694054912, 15.5Gi",
    "1099511627776, 1Ti",
    "1180591620717411303424, 1024Ei"
  })
  void sizesArePutForPeople(BigDecimal bytes, String text) {
    assertThat(Binary.text(bytes)).isEqualTo(text);
  }
}
