package io.drover.server.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.server.account.Rights;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * Tells pages of clusters as they change, by server-sent events: {@code cluster} with all of it,
 * {@code removed} with its id, and {@code whole} once all were told for the first time. Any thread;
 * who listens is told in a thread of his own, and waits for nobody else.
 */
public final class ClusterEvents implements AutoCloseable {
  /** Who listens at one time. */
  static final int LISTENERS = 256;

  /** How often is looked what has changed, however many listen. */
  static final Duration PACE = Duration.ofSeconds(1);

  /** Looks between which something is sent at least, so that a reader that has gone is noticed. */
  static final int QUIET_LOOKS = 15;

  private final Supplier<Map<String, String>> clusters;
  private final Duration pace;
  private final Semaphore places = new Semaphore(LISTENERS);
  private final CountDownLatch closing = new CountDownLatch(1);

  // Guarded by this.
  private Map<String, String> newest = Map.of();
  private long lookedNanos;
  private boolean looked;

  /**
   * Nobody listens yet.
   *
   * @param clusters JSON by id
   * @param pace such as {@link #PACE}
   */
  ClusterEvents(Supplier<Map<String, String>> clusters, Duration pace) {
    this.clusters = clusters;
    this.pace = pace;
  }

  /** Of these clusters, at {@link #PACE}. */
  public static ClusterEvents of(ClusterApi clusters) {
    return new ClusterEvents(clusters::texts, PACE);
  }

  /** Where they are told: to everybody, of the clusters that he may know. */
  public List<Route> routes(Principals principals, Rights rights) {
    return List.of(
        Route.at(
            "/v3/events",
            principals.known(
                (request, response, callback, who, _) ->
                    tell(
                        response,
                        callback,
                        () -> principals.isStill(request, who),
                        () -> rights.visible(who)))));
  }

  /**
   * Tells until the reader goes, or the server does, or he is not who he was.
   *
   * @param isStill whether he is; asked only if there is something to tell, since many listen, and
   *     so at least every {@link #QUIET_LOOKS}
   * @param mayKnow which clusters the reader may know of, by id; asked anew at each look
   */
  void tell(
      Response response,
      Callback callback,
      BooleanSupplier isStill,
      Supplier<Predicate<String>> mayKnow) {
    if (!places.tryAcquire()) {
      Answers.error(
          response, callback, 503, "TooManyListeners", "too many pages listen: " + LISTENERS);
      return;
    }
    try {
      response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream");
      try (var out = Content.Sink.asOutputStream(response)) {
        var told = new HashMap<String, String>();
        boolean isFirst = true;
        int quiet = 0;
        do {
          var text = changes(told, mayKnow.get());
          if (isFirst) {
            text.append(whole(told.keySet()));
          } else if (text.isEmpty() && ++quiet == QUIET_LOOKS) {
            text.append(":\n\n");
          }
          if (!text.isEmpty()) {
            if (!isStill.getAsBoolean()) {
              break; // he may come again, as who he is now
            }
            out.write(text.toString().getBytes(UTF_8));
            out.flush();
            quiet = 0;
          }
          isFirst = false;
        } while (!closing.await(pace.toNanos(), TimeUnit.NANOSECONDS));
      }
      callback.succeeded();
    } catch (IOException e) {
      callback.failed(e); // the reader has gone
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      callback.failed(e);
    } finally {
      places.release();
    }
  }

  /** All that there are, for a page that knew others before. */
  private static String whole(Set<String> ids) {
    var json = Answers.JSON.createObjectNode();
    ids.forEach(json.putArray("ids")::add);
    return "event: whole\ndata: " + json + "\n\n";
  }

  private StringBuilder changes(Map<String, String> told, Predicate<String> mayKnow) {
    var text = new StringBuilder();
    var now = new LinkedHashMap<String, String>();
    newest()
        .forEach(
            (id, json) -> {
              if (mayKnow.test(id)) {
                now.put(id, json);
              }
            });
    now.forEach(
        (id, json) -> {
          if (!json.equals(told.put(id, json))) {
            text.append("event: cluster\ndata: ").append(json).append("\n\n");
          }
        });
    told.keySet()
        .removeIf(
            id -> {
              boolean hasGone = !now.containsKey(id);
              if (hasGone) {
                text.append("event: removed\ndata: {\"id\":\"").append(id).append("\"}\n\n");
              }
              return hasGone;
            });
    return text;
  }

  /** As they are, or were less than a pace ago. */
  private synchronized Map<String, String> newest() {
    long now = System.nanoTime();
    if (!looked || now - lookedNanos >= pace.toNanos()) {
      newest = clusters.get();
      lookedNanos = now;
      looked = true;
    }
    return newest;
  }

  /** Ends every reader's answer. */
  @Override
  public void close() {
    closing.countDown();
  }
}
