package io.drover.agent.control;

import java.io.IOException;
import java.io.InputStream;

/** What the agent tells at the socket when it is asked. */
@FunctionalInterface
public interface ControlPage {
  /**
   * The page as it is now; whoever asks for it reads and closes it.
   *
   * @throws IOException if there is none; the message says why
   */
  InputStream open() throws IOException;
}
