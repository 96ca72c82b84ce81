package io.drover.steve.kube;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.http.Query;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The objects of a type, watched in our own name by a virtual thread until closed: all of them, or
 * only what happens to them from now on. Objects come without {@code managedFields}, and with their
 * cells as {@code metadata.fields} if a Table was asked for.
 */
public final class Watch implements AutoCloseable {
  /** Objects in an answer to a list. */
  static final int CHUNK = 500;

  /** After which the API server ends a watch, so that none is believed for ever. */
  static final Duration LENGTH = Duration.ofMinutes(30);

  /** Failures one behind the other, without an event between, after which all is listed again. */
  static final int MAX_FAILURES = 5;

  static final Duration FIRST_WAIT = Duration.ofSeconds(1);
  static final Duration LAST_WAIT = Duration.ofMinutes(1);

  private static final Logger log = LoggerFactory.getLogger(Watch.class);

  /**
   * What is watched.
   *
   * @param path of the list, without a query
   * @param query what is asked besides, such as {@code includeObject=Object}; may be empty
   * @param listed whether the objects that are there come first
   * @param from a version that somebody has seen, and wants to know what came behind it; it is
   *     where to begin if the API server still knows. 0: now
   */
  public record Source(String path, String accept, String query, boolean listed, long from) {
    /** All objects as they are. */
    public static Source of(String path, String accept) {
      return new Source(path, accept, "", true, 0);
    }
  }

  /** Who is told of the objects, in the watch's thread. */
  public interface Events {
    /** What was told before is void: all objects come again. */
    void begin();

    /** An object is new; while all of them come, each is. */
    default void created(ObjectNode object) {
      changed(object);
    }

    /** An object is different. */
    void changed(ObjectNode object);

    /** An object is gone. */
    void deleted(ObjectNode object);

    /** All that there were have come. */
    void complete();

    /** The same, and they are as they were at a version. Called in place of the other. */
    default void complete(String version) {
      complete();
    }

    /** From now on what happens is heard. */
    default void heard() {}

    /** Nothing is heard; it is tried again. */
    default void failed(IOException why) {}
  }

  private final ApiServer api;
  private final Source source;
  private final Events events;
  private final CountDownLatch first = new CountDownLatch(1);
  private final Thread thread;

  // Of the watch's thread.
  private String reached = "";
  private boolean moved;

  private Watch(ApiServer api, Source source, Events events) {
    this.api = api;
    this.source = source;
    this.events = events;
    this.thread = Thread.ofVirtual().name("explorer-watch" + source.path()).unstarted(this::run);
  }

  /** Begins. */
  public static Watch start(ApiServer api, Source source, Events events) {
    var watch = new Watch(api, source, events);
    watch.thread.start();
    return watch;
  }

  /**
   * Lists all objects once, in the caller's thread.
   *
   * @throws IOException if not all of them have come
   */
  public static void list(ApiServer api, Source source, Events events) throws IOException {
    events.begin();
    new Watch(api, source, events).list("");
  }

  /** Waits until all objects have come once; false if that takes too long. */
  public boolean await(Duration limit) throws InterruptedException {
    return first.await(limit.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void run() {
    int failures = 0;
    var wait = FIRST_WAIT;
    try {
      while (!Thread.interrupted()) {
        moved = false;
        try {
          if (reached.isEmpty()) {
            reached = list();
            first.countDown();
          }
          if (reached.isEmpty()) {
            throw new IOException("a list without a version");
          }
          watch();
          failures = 0;
          wait = FIRST_WAIT;
        } catch (IOException e) {
          log.debug("watch failed: path={} reason={}", source.path(), e.toString());
          events.failed(e);
          if (moved) {
            failures = 0;
            wait = FIRST_WAIT;
          }
          failures++;
          if (failures > MAX_FAILURES) {
            reached = ""; // it may be of no use any more
          }
          Thread.sleep(wait);
          wait = wait.multipliedBy(2).compareTo(LAST_WAIT) > 0 ? LAST_WAIT : wait.multipliedBy(2);
        }
      }
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  /** Returns from where on to watch. */
  private String list() throws IOException {
    events.begin();
    if (!source.listed() || source.from() > 0) {
      String now = versionNow();
      boolean known = source.from() > 0 && isBefore(source.from(), now) && first.getCount() > 0;
      String version = known ? Long.toString(source.from()) : now;
      if (!source.listed()) {
        events.complete(version);
        return version;
      }
      try {
        return known
            ? list("resourceVersion=" + version + "&resourceVersionMatch=Exact")
            : list("");
      } catch (Refusal e) {
        if (!known || e.status() != HttpURLConnection.HTTP_GONE) {
          throw e;
        }
        events.begin();
      }
    }
    return list("");
  }

  private static boolean isBefore(long from, String now) {
    try {
      return from <= Long.parseLong(now);
    } catch (NumberFormatException _) {
      return false;
    }
  }

  private String versionNow() throws IOException {
    return versionNow(api, source.path());
  }

  /** The version that a list would have now. */
  public static String versionNow(ApiServer api, String path) throws IOException {
    try (var answer = api.send(ApiRequest.get(path + "?limit=1", ApiRequest.METADATA))) {
      return Json.object(answer.body()).at("/metadata/resourceVersion").asText("");
    }
  }

  private String list(String version) throws IOException {
    var metadata = Json.MAPPER.createObjectNode();
    do {
      String next = metadata.path("continue").asText("");
      var query = Query.parse(source.query()).with("limit", Integer.toString(CHUNK));
      query = next.isEmpty() ? with(query, version) : query.with("continue", next);
      try (var answer =
          api.send(ApiRequest.get(source.path() + "?" + query.text(), source.accept()))) {
        Json.fields(
            answer.body(),
            (name, json) -> {
              if (name.equals("metadata")) {
                metadata.setAll((ObjectNode) Json.tree(json));
              } else if ((name.equals("items") || name.equals("rows"))
                  && json.currentToken() == JsonToken.START_ARRAY) {
                while (json.nextToken() == JsonToken.START_OBJECT) {
                  events.created(object((ObjectNode) Json.tree(json)));
                }
              } else {
                json.skipChildren();
              }
            });
      }
      if (next.equals(metadata.path("continue").asText(""))) {
        metadata.remove("continue");
      }
    } while (!metadata.path("continue").asText("").isEmpty());
    String listed = metadata.path("resourceVersion").asText("");
    events.complete(listed);
    return listed;
  }

  private static Query with(Query query, String more) {
    var all = query;
    for (var value : Query.parse(more).values().entrySet()) {
      all = all.with(value.getKey(), value.getValue().getFirst());
    }
    return all;
  }

  /** Of an item, a row, or a Table with one row. */
  private static ObjectNode object(ObjectNode item) {
    var row = item.path("kind").asText("").equals("Table") ? item.at("/rows/0") : item;
    var object = row.has("cells") && row.get("object") instanceof ObjectNode inner ? inner : item;
    if (object.get("metadata") instanceof ObjectNode metadata) {
      metadata.remove("managedFields");
      if (row.has("cells")) {
        metadata.set("fields", row.get("cells"));
      }
    }
    return object;
  }

  /** Watches from what was reached on; if that is too old, all must be listed again. */
  private void watch() throws IOException {
    var query =
        Query.parse(source.query())
            .with("watch", "1")
            .with("allowWatchBookmarks", "true")
            .with("resourceVersion", reached)
            .with("timeoutSeconds", Long.toString(LENGTH.toSeconds()));
    var request = ApiRequest.watch(source.path() + "?" + query.text(), source.accept());
    long begunNanos = System.nanoTime();
    try (var answer = api.watch(request)) {
      events.heard(); // before the parser is made, which waits for the first event
      read(answer.body());
      if (!moved && System.nanoTime() - begunNanos < FIRST_WAIT.toNanos()) {
        throw new IOException("it ended at once, without a word");
      }
      moved = true; // its time was over
    } catch (Refusal e) {
      if (e.status() != HttpURLConnection.HTTP_GONE) {
        throw e;
      }
      reached = "";
    }
  }

  private void read(InputStream body) throws IOException {
    try (var json = Json.MAPPER.createParser(body)) {
      while (json.nextToken() != null) {
        var event = Json.tree(json);
        if (!(event.path("object") instanceof ObjectNode object)) {
          throw new IOException("a watch brings what is no event");
        }
        switch (event.path("type").asText("")) {
          case "ADDED" -> events.created(object(object));
          case "MODIFIED" -> events.changed(object(object));
          case "DELETED" -> events.deleted(object(object));
          case "BOOKMARK" -> {} // only its version matters
          default -> {
            if (object.path("code").asInt() == HttpURLConnection.HTTP_GONE) {
              reached = "";
              return;
            }
            throw new IOException("watch failed: " + object.path("message").asText(""));
          }
        }
        moved = true;
        String version = object.at("/metadata/resourceVersion").asText("");
        reached =
            version.isEmpty()
                ? object(object).at("/metadata/resourceVersion").asText(reached)
                : version;
      }
    }
  }

  /** Ends it; does not wait. */
  @Override
  public void close() {
    thread.interrupt();
  }
}
