package io.drover.agent.duty;

import io.drover.agent.TestClock;
import io.drover.agent.reason.Problem;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;

/** The Events that one look at the agent's state leads to, for tests of all that is told of it. */
public final class ToldEvents {
  private ToldEvents() {}

  /** A line each: {@code event NAMESPACE/POD ! CODE}. */
  public static List<String> of(
      Map<String, Optional<Problem>> tunnels, SortedMap<String, Problem> degraded)
      throws IOException, InterruptedException {
    var writer = new FakeWriter();
    new TunnelEvents("pod", () -> tunnels, () -> degraded, writer, new TestClock()).pass();
    return writer.taken();
  }
}
