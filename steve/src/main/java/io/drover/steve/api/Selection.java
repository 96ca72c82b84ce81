package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.live.Change;
import io.drover.steve.live.Change.Kind;
import io.drover.steve.live.LabelSelector;
import java.io.IOException;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which objects a selector selects, as they change: one that does not match any more is gone for
 * the page that looks. One thread at a time.
 */
final class Selection {
  /** Objects that a selector may select at the beginning. */
  static final int MAX_SELECTED = 10_000;

  private final String text;
  private final LabelSelector selector;
  private final boolean mapped;
  private final Set<String> selected = new HashSet<>();

  /**
   * Nothing is selected yet.
   *
   * @param text of labels; empty: everything is selected. One that cannot be understood the API
   *     server will refuse
   * @param mapped whether what begins or ceases to match is told as new or gone; otherwise as what
   *     has happened to it
   */
  Selection(String text, boolean mapped) {
    this.text = text;
    this.mapped = mapped;
    this.selector = selector(text);
  }

  private static LabelSelector selector(String text) {
    try {
      return new LabelSelector(text);
    } catch (IllegalArgumentException _) {
      return new LabelSelector("");
    }
  }

  /** Whether everything is selected. */
  boolean isEverything() {
    return text.isEmpty();
  }

  /** The selector as the page wrote it. */
  String text() {
    return text;
  }

  /** The API server has selected an object. */
  void select(ObjectNode object) throws IOException {
    if (isEverything()) {
      return;
    }
    if (selected.size() == MAX_SELECTED) {
      throw new IOException("the selector selects more than " + MAX_SELECTED + " objects");
    }
    selected.add(ObjectId.of(object));
  }

  /** What a change is for those who look at selected objects only; null: nothing. */
  @Nullable Kind kind(Change change) {
    if (isEverything()) {
      return change.kind();
    }
    boolean matches = selector.selects(change.labels());
    if (change.kind() == Kind.REMOVE) {
      return (selected.remove(change.id()) || matches) ? Kind.REMOVE : null;
    }
    boolean matched;
    if (matches && (selected.size() < MAX_SELECTED || selected.contains(change.id()))) {
      matched = !selected.add(change.id());
    } else {
      matched = selected.remove(change.id());
    }
    if (!matches && !matched) {
      return null;
    }
    if (!mapped) {
      return change.kind();
    }
    if (!matches) {
      return Kind.REMOVE;
    }
    return matched ? Kind.CHANGE : Kind.CREATE;
  }
}
