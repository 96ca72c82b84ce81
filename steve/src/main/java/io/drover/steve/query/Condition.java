package io.drover.steve.query;

/** What must hold of an object. */
public sealed interface Condition permits Comparison, Substring {
  Field field();
}
