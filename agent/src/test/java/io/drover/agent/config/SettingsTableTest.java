package io.drover.agent.config;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The README's table of settings is what the code reads. */
class SettingsTableTest {
  private static final Path README = Path.of("..", "README.md");
  private static final String START = "<!-- settings -->";
  private static final String END = "<!-- /settings -->";

  @Test
  void readmeHasTheSameTable() throws Exception {
    String readme = Files.exists(README) ? Files.readString(README, UTF_8) : "";
    int start = readme.indexOf(START);
    int end = readme.indexOf(END);
    String found = start < 0 || end < start ? "" : readme.substring(start + START.length(), end);

    assertThat(found.strip().equals(table()))
        .as("table in %s between %s and %s; expected:\n%s\n", README, START, END, table())
        .isTrue();
  }

  private static String table() {
    var table = new StringBuilder("| Variable | Option | Default | Meaning |\n");
    table.append("| --- | --- | --- | --- |");
    for (Setting setting : Setting.values()) {
      table.append(
          "\n| `%s` | %s | %s | %s |"
              .formatted(
                  setting.name(),
                  setting.option().map(option -> "`" + option + "`").orElse(""),
                  setting.standard().isEmpty() ? "" : "`" + setting.standard() + "`",
                  setting.meaning()));
    }
    return table.toString();
  }
}
