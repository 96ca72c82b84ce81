package io.drover.steve.query;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A column of the rows that kubectl prints, as Kubernetes describes it.
 *
 * @param source where in the object the cell comes from, if that is known, as it is of a CRD's
 */
public record TableColumn(String name, String type, String description, @Nullable Field source) {
  private static final Field CREATED = Field.parse("metadata.creationTimestamp");

  /** Whether the cell says how long ago something was. */
  boolean isTime() {
    return type.equals("date")
        || name.equals("Age")
        || name.equals("First Seen")
        || name.equals("Last Seen")
        || name.equals("Last Schedule");
  }

  /** Where the moment of a time stands, if that is known: the cell is less exact. */
  @Nullable Field moment() {
    return source == null && name.equals("Age") ? CREATED : source;
  }

  boolean isNumber() {
    return type.equals("integer")
        || type.equals("number")
        || type.equals("boolean")
        || description.toLowerCase(Locale.ROOT).contains("number of");
  }
}
