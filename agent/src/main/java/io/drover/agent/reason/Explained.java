package io.drover.agent.reason;

/** An exception that knows its reason. */
public interface Explained {
  Reason reason();
}
