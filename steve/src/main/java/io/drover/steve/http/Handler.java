package io.drover.steve.http;

import java.io.IOException;

/** Answers requests. */
@FunctionalInterface
public interface Handler {
  /**
   * Answers one, in the virtual thread of its connection. What is not answered at the end is a
   * fault of ours and becomes a 500.
   *
   * @throws IOException if the peer is gone, or the rest of an answer cannot be had: the connection
   *     is closed then, so that the peer does not take the part for the whole
   */
  void handle(Request request, Answer answer) throws IOException;
}
