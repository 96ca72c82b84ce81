package io.drover.agent.report;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a label, an annotation or a name is compared with.
 *
 * @param value null: any
 */
record Term(String key, @Nullable String value) {
  /** Of {@code key} or {@code key=value}. */
  static Term parse(String text) {
    int equals = text.indexOf('=');
    return equals < 0
        ? new Term(text, null)
        : new Term(text.substring(0, equals), text.substring(equals + 1));
  }

  boolean isIn(Map<String, String> labels) {
    String found = labels.get(key);
    return found != null && (value == null || value.equals(found));
  }

  @Override
  public String toString() {
    return value == null ? key : key + "=" + value;
  }
}
