package io.drover.agent.config;

/**
 * Text that must not appear in logs, errors or metrics, not even in part.
 *
 * @param value the text itself; ask for it only where it goes on the wire
 */
public record Secret(String value) {

  /** Whether there is nothing to keep secret. */
  public boolean isEmpty() {
    return value.isEmpty();
  }

  @Override
  public String toString() {
    return "***";
  }
}
