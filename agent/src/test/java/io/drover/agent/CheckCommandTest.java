package io.drover.agent;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CheckCommandTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int execute(String... arguments) {
    return Commands.line(Map.of(), (_, _) -> {})
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }

  @Test
  void withoutAServerItIsBadConfiguration() {
    assertThat(execute("check")).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString()).contains("CATTLE_SERVER is not set");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void failedStepEndsWithOneAndHasItsCode() throws Exception {
    try (var closed = new ClosedPort()) {
      assertThat(execute("check", "--server=https://" + closed.address(), "--token=canary"))
          .isEqualTo(Main.FAILED);
    }

    assertThat(out.toString())
        .contains("✗ tcp")
        .contains("ConnectRefused: the address answers")
        .contains("– websocket")
        .doesNotContain("canary")
        .doesNotContain("\u001b"); // this is no terminal
  }

  @Test
  void jsonIsAnObjectALine() throws Exception {
    try (var closed = new ClosedPort()) {
      assertThat(execute("check", "--json", "--server=https://" + closed.address()))
          .isEqualTo(Main.FAILED);
    }

    assertThat(out.toString().lines()).hasSize(20);
    for (String line : out.toString().lines().toList()) {
      assertThat(new ObjectMapper().readTree(line).path("status").asText())
          .isIn("passed", "warning", "failed", "skipped");
    }
  }

  @Test
  void tokenInAFileIsNotOnTheCommandLine(@TempDir Path directory) throws Exception {
    var file = Files.writeString(directory.resolve("token.txt"), "--token=canary\n");
    try (var closed = new ClosedPort()) {
      assertThat(execute("check", "--server=https://" + closed.address(), "@" + file))
          .isEqualTo(Main.FAILED);
    }

    assertThat(out.toString()).contains("as given").doesNotContain("canary");
  }

  @Test
  void helpFitsATerminal() {
    assertThat(execute("check", "--help")).isZero();

    assertThat(out.toString()).contains("--long").contains("--token=TOKEN");
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
  }
}
