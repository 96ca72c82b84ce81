package io.drover.steve.http;

/** Virtual threads run until they wait; who works for long gives others their turn. */
public final class Turn {
  private Turn() {}

  /** Lets others go first: one of them may have to answer {@code /ping}. Called once an object. */
  @SuppressWarnings("ThreadPriorityCheck") // nothing depends on it but how soon others are
  public static void give() {
    Thread.yield();
  }
}
