package io.drover.steve.kube;

import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All objects of a type, listed and watched in our own name by a virtual thread, until closed. */
public final class Watch implements AutoCloseable {
  /** Objects in an answer to a list. */
  static final int CHUNK = 500;

  /** After which the API server ends a watch, so that none is believed for ever. */
  static final Duration LENGTH = Duration.ofMinutes(30);

  static final Duration FIRST_WAIT = Duration.ofSeconds(1);
  static final Duration LAST_WAIT = Duration.ofMinutes(1);

  private static final Logger log = LoggerFactory.getLogger(Watch.class);

  /** Who is told of the objects, in the watch's thread. */
  public interface Events {
    /** What was told before is void: all objects come again. */
    void begin();

    /** An object is there, or is different. */
    void changed(ObjectNode object);

    /** An object is gone. */
    void deleted(ObjectNode object);

    /** All that there were have come. */
    void complete();
  }

  private final ApiServer api;
  private final String path;
  private final String accept;
  private final Events events;
  private final CountDownLatch first = new CountDownLatch(1);
  private final Thread thread;

  private Watch(ApiServer api, String path, String accept, Events events) {
    this.api = api;
    this.path = path;
    this.accept = accept;
    this.events = events;
    this.thread = Thread.ofVirtual().name("explorer-watch" + path).unstarted(this::run);
  }

  /**
   * Begins.
   *
   * @param path of the list, without a query
   */
  public static Watch start(ApiServer api, String path, String accept, Events events) {
    var watch = new Watch(api, path, accept, events);
    watch.thread.start();
    return watch;
  }

  /** Waits until all objects have come once; false if that takes too long. */
  public boolean await(Duration limit) throws InterruptedException {
    return first.await(limit.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void run() {
    var wait = FIRST_WAIT;
    try {
      while (!Thread.interrupted()) {
        try {
          String version = list();
          first.countDown();
          wait = FIRST_WAIT;
          while (!version.isEmpty()) {
            version = watch(version);
          }
        } catch (IOException e) {
          log.debug("watch failed: path={} reason={}", path, e.toString());
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
    var metadata = Json.MAPPER.createObjectNode();
    do {
      String next = metadata.path("continue").asText("");
      String query =
          io.drover.steve.http.Query.parse("limit=" + CHUNK).with("continue", next).text();
      try (var answer = api.send(ApiRequest.get(path + "?" + query, accept))) {
        Json.fields(
            answer.body(),
            (name, json) -> {
              if (name.equals("metadata")) {
                metadata.setAll((ObjectNode) Json.tree(json));
              } else if (name.equals("items") && json.currentToken() == JsonToken.START_ARRAY) {
                while (json.nextToken() == JsonToken.START_OBJECT) {
                  events.changed((ObjectNode) Json.tree(json));
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
    events.complete();
    return metadata.path("resourceVersion").asText("");
  }

  /** Returns from where on to watch again; empty: all must be listed again. */
  private String watch(String from) throws IOException {
    String reached = from;
    String query =
        "?watch=1&allowWatchBookmarks=true&resourceVersion=%s&timeoutSeconds=%d"
            .formatted(from, LENGTH.toSeconds());
    try (var answer = api.send(ApiRequest.get(path + query, accept));
        var json = Json.MAPPER.createParser(answer.body())) {
      while (json.nextToken() != null) {
        var event = Json.tree(json);
        if (!(event.path("object") instanceof ObjectNode object)) {
          throw new IOException("a watch brings what is no event");
        }
        switch (event.path("type").asText("")) {
          case "ADDED", "MODIFIED" -> events.changed(object);
          case "DELETED" -> events.deleted(object);
          case "BOOKMARK" -> {} // only its version matters
          default -> {
            if (object.path("code").asInt() == HttpURLConnection.HTTP_GONE) {
              return "";
            }
            throw new IOException("watch failed: " + object.path("message").asText(""));
          }
        }
        reached = object.path("metadata").path("resourceVersion").asText(reached);
      }
    } catch (Refusal e) {
      if (e.status() == HttpURLConnection.HTTP_GONE) {
        return "";
      }
      throw e;
    }
    return reached;
  }

  /** Ends it; does not wait. */
  @Override
  public void close() {
    thread.interrupt();
  }
}
