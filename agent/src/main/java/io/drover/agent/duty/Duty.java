package io.drover.agent.duty;

import java.io.IOException;

/** Something small that is done again and again. For one thread. */
interface Duty {
  /**
   * Does what there is to do now, most often nothing.
   *
   * @return whether it was done; false: it is not yet time for it
   * @throws IOException if something could not be done; the next pass tries again
   */
  boolean pass() throws IOException, InterruptedException;
}
