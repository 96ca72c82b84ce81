package io.drover.agent.health;

import io.drover.agent.reason.PastProblem;
import io.drover.agent.reason.Problem;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * One tunnel at one moment. Numbers count from the start of the process.
 *
 * @param tunnel {@code cluster} or {@code steve}
 * @param wanted whether there is to be a session; if not, its absence is no fault
 * @param connected whether a session is open
 * @param since when {@code connected} last changed
 * @param problem why it is not connected; null if it is
 * @param past the last problem, which may be {@code problem}; null: there has been none
 * @param sessions opened so far
 * @param streamsOpen now
 * @param streamsTotal opened so far
 * @param bytesReceived payload from the server
 * @param bytesSent payload to the server
 * @param dialFailures streams whose target was refused or not reached
 * @param queuedBytes received and not yet written to their targets, now
 */
public record TunnelReading(
    String tunnel,
    boolean wanted,
    boolean connected,
    Instant since,
    @Nullable Problem problem,
    @Nullable PastProblem past,
    long sessions,
    long streamsOpen,
    long streamsTotal,
    long bytesReceived,
    long bytesSent,
    long dialFailures,
    long queuedBytes) {
  /** Whether all is as it should be. */
  boolean isReady() {
    return connected || !wanted;
  }
}
