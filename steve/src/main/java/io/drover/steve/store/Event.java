package io.drover.steve.store;

/**
 * A change of one object.
 *
 * @param id {@code namespace/name}, or a name
 */
public record Event(long resourceVersion, String id, Kind kind) {
  public enum Kind {
    CREATE,
    CHANGE,
    REMOVE
  }
}
