package io.drover.server.tunnel;

import java.io.Closeable;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Optional;

/**
 * One TCP connection that the agent opens for us. There is no half-close: closing ends both
 * directions. One thread may read while another writes; any thread may close, which wakes both.
 */
public interface TunnelStream extends Closeable {
  /** A number, for logs. */
  long id();

  /** What the agent sends. Reading fails with the agent's text if its dial or connection failed. */
  InputStream input();

  /** What goes to the agent. Writing waits while too much is on its way. */
  OutputStream output();

  /** Whether both ends still know the stream. */
  boolean isOpen();

  /** Why the stream broke, in the agent's words or ours; empty if it did not. */
  Optional<String> failure();

  /** Ends the stream after what was written; what was not read is dropped. Does not wait. */
  @Override
  void close();

  /** Ends the stream at once, for both ends; a waiting reader gets the reason as its error. */
  void abort(String reason);

  /** Aborts the stream after {@code duration}, unless the limit is closed before. */
  Limit abortAfter(Duration duration, String reason);

  /** A time limit on what is done with a stream. */
  interface Limit extends AutoCloseable {
    /** Takes the limit away. */
    @Override
    void close();
  }
}
