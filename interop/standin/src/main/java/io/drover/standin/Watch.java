package io.drover.standin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.standin.ObjectStore.Change;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Changes of a list or an object, written as they happen. Blocks the thread of the request. */
final class Watch {
  /** How long a watch lasts unless the client wants less, as in a real API server. */
  static final Duration LIFE = Duration.ofMinutes(30);

  /**
   * How often a client that wants bookmarks gets one; a client that has gone is noticed by that.
   */
  static final Duration BOOKMARK_INTERVAL = Duration.ofSeconds(30);

  private final ObjectStore store;
  private final Request request;
  private final Target target;
  private final Predicate<ObjectNode> wanted;

  Watch(ObjectStore store, Request request, Target target) {
    this.store = store;
    this.request = request;
    this.target = target;
    var selected = Resources.matching(request);
    this.wanted =
        object ->
            (target.namespace().isEmpty()
                    || target.namespace().equals(Json.metadata(object, "namespace")))
                && (target.name().isEmpty() || target.name().equals(Json.metadata(object, "name")))
                && selected.test(object);
  }

  void run() throws IOException, InterruptedException {
    if (request.header("Upgrade").equalsIgnoreCase("websocket")) {
      request.answer(200, ""); // upon which fabric8's client watches by plain HTTP
      return;
    }
    String from = request.query("resourceVersion");
    boolean fromStart = from.isEmpty() || from.equals("0") || request.isSet("sendInitialEvents");
    long seen = fromStart ? 0 : number("resourceVersion", from);
    String limit = request.query("timeoutSeconds");
    var life = limit.isEmpty() ? LIFE : Duration.ofSeconds(number("timeoutSeconds", limit));
    long deadlineNanos = System.nanoTime() + life.toNanos();
    try (var out = request.stream()) {
      if (fromStart) {
        var listing = store.list(target.type(), target.namespace());
        for (ObjectNode object : listing.items()) {
          if (wanted.test(object)) {
            write(out, "ADDED", Resources.form(request, target.type(), object));
          }
        }
        seen = listing.version();
        if (request.isSet("sendInitialEvents")) {
          bookmark(out, seen, true);
        }
      }
      out.flush();
      for (long left = life.toNanos(); left > 0; left = deadlineNanos - System.nanoTime()) {
        var wait = Duration.ofNanos(Math.min(left, BOOKMARK_INTERVAL.toNanos()));
        if (store.awaitChange(seen, wait)) {
          for (Change change : store.changesAfter(seen)) {
            write(out, change);
            seen = change.version();
          }
        } else if (request.isSet("allowWatchBookmarks")) {
          bookmark(out, seen, false);
        }
        out.flush();
      }
    }
  }

  private static long number(String name, String text) {
    try {
      return Long.parseLong(text);
    } catch (NumberFormatException e) {
      throw Refusal.badRequest("%s: not a number: %s".formatted(name, text));
    }
  }

  private void write(OutputStream out, Change change) throws IOException {
    if (!change.type().equals(target.type())) {
      return;
    }
    var before = matching(change.before());
    var after = matching(change.after());
    if (after != null) {
      String type = before == null ? "ADDED" : "MODIFIED";
      write(out, type, Resources.form(request, target.type(), after));
    } else if (before != null) {
      write(out, "DELETED", Resources.form(request, target.type(), before));
    }
  }

  private @Nullable ObjectNode matching(@Nullable ObjectNode object) {
    return object != null && wanted.test(object) ? object : null;
  }

  /** Tells the client how far it has seen; the first one also that it has seen all there was. */
  private void bookmark(OutputStream out, long version, boolean isEndOfStart) throws IOException {
    var bookmark = Json.object(target.type().apiVersion(), target.type().kind());
    var metadata = Json.metadata(bookmark).put("resourceVersion", Long.toString(version));
    if (isEndOfStart) {
      metadata.putObject("annotations").put("k8s.io/initial-events-end", "true");
    }
    write(out, "BOOKMARK", bookmark);
  }

  private static void write(OutputStream out, String type, ObjectNode object) throws IOException {
    var event = Json.MAPPER.createObjectNode().put("type", type);
    event.set("object", object);
    out.write(Json.MAPPER.writeValueAsBytes(event));
    out.write('\n');
  }
}
