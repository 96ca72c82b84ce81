package io.drover.steve.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.live.Feeds;
import io.drover.steve.live.Feeds.Listed;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Projects;
import io.drover.steve.query.Query;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.store.ColumnStore;
import java.io.IOException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Pages of types that somebody looks at, whose objects are held. Any thread. */
public final class HeldLists {
  /** Rows of a page; a longer one is passed through, which needs no memory. */
  static final int MAX_ROWS = 1000;

  /** What these may be as JSON, in bytes. */
  static final long MAX_BYTES = 4L * 1024 * 1024;

  private static final String WHO_WROTE = "metadata.managedFields";

  /**
   * A page.
   *
   * @param count of all objects that the query asks for
   * @param all objects there are, whosever
   * @param tallied what the query's tally counted, or null
   */
  record Page(
      List<ObjectNode> rows, int count, int all, long revision, @Nullable JsonNode tallied) {
    Page {
      rows = List.copyOf(rows);
    }
  }

  private final Feeds feeds;

  HeldLists(Feeds feeds) {
    this.feeds = feeds;
  }

  /** How the objects of a type are held; empty: they are not. Values of Secrets never are. */
  public static Optional<Feeds.Form> form(ResourceType type, Dialect dialect, Clock clock) {
    if (!dialect.hasColumns()
        || type.id().equals("secret")
        || !type.verbs().containsAll(List.of("list", "watch"))) {
      return Optional.empty();
    }
    var columns = KubeLists.columns(type);
    return Optional.of(
        new Feeds.Form(
            columns,
            object -> {
              View.name(object, type);
              View.explain(object, clock);
              columns.keepTimes(object, clock.instant());
            }));
  }

  /** The page that is asked for; empty: it must be asked of the API server. */
  Optional<Page> page(Call call, Query query, Projects projects) throws IOException {
    var type = call.schema().type().orElseThrow();
    if (call.schema().rights().isLimitedByName("list") || Namespaces.isOnlyKnown(call, type, "")) {
      return Optional.empty();
    }
    return switch (feeds.list(type)) {
      case Listed.NotHere(String why) -> {
        if (!why.isEmpty()) {
          call.reply().from("passed through; " + why);
        }
        yield Optional.empty();
      }
      case Listed.Here(ColumnStore store) -> {
        var page = isWithoutWriters(query) ? page(call, query, projects, store) : null;
        if (page != null) {
          call.reply().from("held");
        }
        yield Optional.ofNullable(page);
      }
    };
  }

  /** Who wrote which field is not held; pages do not want it. */
  private static boolean isWithoutWriters(Query query) {
    var shape = query.shape();
    return shape.exclude().contains(WHO_WROTE)
        || shape.exclude().contains("metadata")
        || (!shape.include().isEmpty()
            && !shape.include().contains("metadata")
            && shape.include().stream().noneMatch(path -> path.startsWith(WHO_WROTE)));
  }

  private static @Nullable Page page(Call call, Query query, Projects projects, ColumnStore store)
      throws IOException {
    var mine = Scopes.listed(call.schema().rights(), call.schema().namespaced());
    var scope = call.namespace().isEmpty() ? mine : mine.in(call.namespace());
    var held = store.page(query, scope, projects, MAX_ROWS, MAX_BYTES);
    if (held.isEmpty()) {
      return null;
    }
    var found = held.get();
    if (!query.revision().isEmpty() && Long.parseLong(query.revision()) > found.revision()) {
      return null; // the server knows of something newer
    }
    var rows = new ArrayList<ObjectNode>();
    for (var row : found.rows()) {
      rows.add((ObjectNode) Json.MAPPER.readTree(row.json()));
    }
    return new Page(rows, found.count(), found.size(), found.revision(), found.tallied());
  }
}
