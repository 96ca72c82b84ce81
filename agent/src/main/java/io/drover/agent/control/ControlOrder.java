package io.drover.agent.control;

import java.io.IOException;

/** What the agent does when it is told to at the socket. */
@FunctionalInterface
public interface ControlOrder {
  /**
   * Does it, or begins with what takes longer.
   *
   * @throws IOException if it cannot be; the message says why
   */
  void carryOut() throws IOException;
}
