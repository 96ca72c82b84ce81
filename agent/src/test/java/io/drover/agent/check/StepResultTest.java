package io.drover.agent.check;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StepResultTest {
  private static final Problem REFUSED = new Problem(Reason.CONNECT_REFUSED, "dial tcp: refused");

  private static StepResult result(Status status, @Nullable Problem problem) {
    return new StepResult(
        "tcp", status, Duration.ofMillis(12), "dial tcp: refused", List.of("one"), problem);
  }

  @Test
  void failureSaysItsCodeAndWhatToDo() {
    assertThat(result(Status.FAILED, REFUSED).text(false).lines())
        .containsExactly(
            "✗ tcp               12 ms  dial tcp: refused",
            "    one",
            "    ConnectRefused: the address answers, but nothing listens at that port",
            "    next: check the port in the server's URL, and that the server runs",
            "    see:  docs/troubleshooting.md#connectrefused");
  }

  @Test
  void skippedStepHasNoTime() {
    assertThat(result(Status.SKIPPED, null).text(false)).doesNotContain("ms").startsWith("– tcp");
  }

  @Test
  void onlyTheMarkHasColour() {
    assertThat(result(Status.PASSED, null).text(true)).startsWith("\u001b[32m✓\u001b[0m tcp");
    assertThat(result(Status.PASSED, null).text(false)).doesNotContain("\u001b");
  }

  @Test
  void jsonIsOneLineWithWhatTheTextSays() throws Exception {
    String json = result(Status.FAILED, REFUSED).json();

    assertThat(json).doesNotContain("\n");
    assertThat(new ObjectMapper().readTree(json))
        .isEqualTo(
            new ObjectMapper()
                .readTree(
                    """
                    {"step": "tcp", "status": "failed", "millis": 12,
                     "detail": "dial tcp: refused", "more": ["one"], "reason": "ConnectRefused",
                     "sentence": "the address answers, but nothing listens at that port",
                     "nextStep": "check the port in the server's URL, and that the server runs",
                     "page": "docs/troubleshooting.md#connectrefused"}
                    """));
    assertThat(new ObjectMapper().readTree(result(Status.PASSED, null).json()).has("reason"))
        .isFalse();
  }
}
