package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.reason.PastProblem;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class PastProblemsTest {
  private final PastProblems past = new PastProblems();

  private static PastProblem seen(Reason reason, int second) {
    return new PastProblem(new Problem(reason, "at " + second), Instant.ofEpochSecond(second));
  }

  @Test
  void problemThatLastsIsOneAndTheNewestIsTheLast() {
    past.add(seen(Reason.DNS_NOT_FOUND, 1));
    past.add(seen(Reason.DNS_NOT_FOUND, 2));
    past.add(seen(Reason.TUNNEL_CUT, 3));
    past.add(seen(Reason.DNS_NOT_FOUND, 4));

    assertThat(past.all())
        .containsExactly(
            seen(Reason.DNS_NOT_FOUND, 2),
            seen(Reason.TUNNEL_CUT, 3),
            seen(Reason.DNS_NOT_FOUND, 4));
  }

  @Test
  void oldestGoesAtTheLimit() {
    for (int i = 0; i < PastProblems.LIMIT + 2; i++) {
      past.add(seen(i % 2 == 0 ? Reason.TUNNEL_CUT : Reason.CONNECT_REFUSED, i));
    }

    assertThat(past.all())
        .hasSize(PastProblems.LIMIT)
        .startsWith(seen(Reason.TUNNEL_CUT, 2))
        .endsWith(seen(Reason.CONNECT_REFUSED, PastProblems.LIMIT + 1));
  }
}
