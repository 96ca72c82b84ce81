package io.drover.steve.http;

import java.util.ArrayList;
import java.util.List;

/** The header fields of a message, in their order; names in any case. One thread. */
public final class Fields {
  /** One of them. */
  public record Field(String name, String value) {}

  private final List<Field> fields = new ArrayList<>();

  /** Adds a field behind those that are there. */
  public Fields add(String name, String value) {
    fields.add(new Field(name, value));
    return this;
  }

  /** The first value, or the empty text. */
  public String first(String name) {
    for (var field : fields) {
      if (field.name().equalsIgnoreCase(name)) {
        return field.value();
      }
    }
    return "";
  }

  /** Every value of a name. */
  public List<String> every(String name) {
    return fields.stream()
        .filter(field -> field.name().equalsIgnoreCase(name))
        .map(Field::value)
        .toList();
  }

  /** Whether a field is there, even if it is empty. */
  public boolean has(String name) {
    return fields.stream().anyMatch(field -> field.name().equalsIgnoreCase(name));
  }

  /** All of them. */
  public List<Field> all() {
    return List.copyOf(fields);
  }
}
