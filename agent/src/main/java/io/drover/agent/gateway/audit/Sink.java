package io.drover.agent.gateway.audit;

import java.io.IOException;
import java.time.Duration;
import java.util.List;

/** Where events go. One thread. */
interface Sink extends AutoCloseable {
  /** Events that it will not take, now or later: to go on without them. */
  final class NotTakenException extends IOException {
    private static final long serialVersionUID = 1;

    NotTakenException(IOException why) {
      super(why.getMessage(), why);
    }
  }

  /** For people: {@code stdout}, a path, or a URL. */
  String name();

  /** How long to wait for more events before some are written. */
  Duration linger();

  /**
   * Writes the first of them, or all. Blocks, for some seconds at most.
   *
   * @param lines each with its end
   * @return how many are written, at least one
   * @throws NotTakenException if none is, and trying again is no use
   * @throws IOException if none is, and they are to be tried again
   */
  int write(List<byte[]> lines) throws IOException;

  @Override
  void close();
}
