package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.query.Columns;
import io.drover.steve.query.Shape;
import io.drover.steve.schema.ResourceType;
import java.io.IOException;
import java.time.Clock;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Objects of one type as a page that hears of them sees them. One thread at a time. */
final class Shown {
  private final ResourceType type;
  private final Clock clock;

  /** How times are shown in lists, and so here; null: as Kubernetes prints them. */
  private final @Nullable Columns columns;

  /**
   * Shows nothing yet.
   *
   * @param columns of the type, if times are shown as in lists
   */
  Shown(ResourceType type, @Nullable Columns columns, Clock clock) {
    this.type = type;
    this.columns = columns;
    this.clock = clock;
  }

  /** Renames an object, and says what state it is in. */
  void prepare(ObjectNode object) {
    View.name(object, type);
    View.explain(object, clock);
    if (columns != null) {
      columns.keepTimes(object, clock.instant());
      columns.showTimes(object, clock.instant());
    }
  }

  /** A prepared object as it is sent. */
  ObjectNode of(Call call, ObjectNode object, ListRelations.OfList others) throws IOException {
    return view(call).of(object, others.relationships(object));
  }

  private View view(Call call) {
    return new View(call, call.schema(), type, new Shape(List.of(), List.of(), List.of()), clock);
  }
}
