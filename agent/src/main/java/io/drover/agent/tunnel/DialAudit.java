package io.drover.agent.tunnel;

import java.time.Duration;
import java.util.Optional;

/**
 * Is told of every dial of a tunnel when it is over. Called by the reader, the timer and the
 * streams' threads, several at a time; must not wait.
 */
public interface DialAudit {
  void dialOver(Dialled dial);

  /** For a tunnel whose dialler never leaves the process. */
  static DialAudit none() {
    return _ -> {};
  }

  /** Which end was the first to end the stream. */
  enum Ender {
    /** The server, in order or with an error of its own. */
    SERVER,
    /** The target: it closed, failed, or could not be reached. */
    TARGET,
    /** This agent, by its policy or at one of its limits. */
    AGENT,
    /** Nobody: the tunnel itself was lost or closed. */
    TUNNEL
  }

  /**
   * What the server wanted to reach, whether it might, and what became of it.
   *
   * @param rule of the policy, that allows it; empty: none does, so that nothing was dialled
   * @param sentBytes read from the target, for the server
   * @param receivedBytes of the server, written to the target
   * @param duration from the server's wish to the end
   * @param reason why it ended; the far end's text, not yet fit to be printed
   */
  record Dialled(
      long streamId,
      String network,
      String address,
      Optional<String> rule,
      long sentBytes,
      long receivedBytes,
      Duration duration,
      Ender ender,
      String reason) {}
}
