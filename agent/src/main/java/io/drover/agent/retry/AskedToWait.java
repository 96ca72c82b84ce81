package io.drover.agent.retry;

import java.time.Duration;

/** A refusal that may say when to come again. */
public interface AskedToWait {
  /** How long the other side asks to be left alone; zero if it does not. */
  Duration retryAfter();
}
