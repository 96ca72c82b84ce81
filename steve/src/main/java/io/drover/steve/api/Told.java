package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.schema.UserSchemas;
import java.io.IOException;
import java.util.OptionalLong;

/** Something that a page wants to hear of, and hears of. In the thread of its socket. */
interface Told extends AutoCloseable {
  /** Takes messages. Blocks as long as the peer does not read. */
  @FunctionalInterface
  interface Out {
    void send(ObjectNode message) throws IOException;
  }

  /** What there is to do behind a step. */
  enum After {
    /** The same again at once. */
    GO_ON,
    /** Nothing until it is woken, or due. */
    WAIT,
    /** It is over; whoever asked is to be told. */
    OVER
  }

  /** Whether all that happens from now on is heard; only then the page is told that it begins. */
  default boolean hears() {
    return true;
  }

  /** Sends something of what is there to be sent; called once it hears. */
  After step(Out out) throws IOException;

  /** When something is to be sent by itself; empty: never. */
  default OptionalLong dueNanos() {
    return OptionalLong.empty();
  }

  /** What the user may do now, which may be the same as before. */
  default void look(UserSchemas now) throws IOException {}

  /** Lets go of what it has; called once. */
  @Override
  default void close() {}

  /** Of what never changes. */
  Told SILENT = _ -> After.WAIT;
}
