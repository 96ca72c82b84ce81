package io.drover.agent.gateway.recording;

import java.nio.ByteBuffer;

/** Told what a session is made of, in its order. */
interface Shown {
  /** What somebody types, shows, or how large the window is. */
  enum Kind {
    /** The standard input. */
    TYPED,
    /** The standard output, or what is not known to be anything else. */
    OUTPUT,
    /** The standard error. */
    ERROR,
    /** The window's size: pieces of {@code {"Width":80,"Height":24}}. */
    SIZE
  }

  /** Bytes of one kind; they are the caller's again afterwards. */
  void bytes(Kind kind, ByteBuffer bytes) throws UnreadableException;
}
