package io.drover.agent.reason;

import java.time.Instant;

/** What did not work, and when that was last seen. */
public record PastProblem(Problem problem, Instant at) {}
