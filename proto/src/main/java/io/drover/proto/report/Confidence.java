package io.drover.proto.report;

/** How much a value can be relied on. */
public enum Confidence {
  /** Seen itself, or said by what decides it. */
  CERTAIN,
  /** Follows from what was seen, unless somebody took pains. */
  LIKELY,
  /** The usual value, with nothing seen that speaks against it. */
  ASSUMED
}
