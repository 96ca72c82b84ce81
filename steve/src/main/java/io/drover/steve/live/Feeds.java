package io.drover.steve.live;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Stopping;
import io.drover.steve.query.Columns;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.store.ColumnStore;
import io.drover.steve.store.Space;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The types that somebody looks at. A feed goes on for some minutes behind the last who looked,
 * since a page that is opened again wants to know what came between. Any thread.
 */
public final class Feeds implements AutoCloseable {
  /** How long a feed goes on that nobody looks at. */
  static final Duration KEPT = Duration.ofMinutes(5);

  /** How often we look for those. */
  static final Duration LOOK_EVERY = Duration.ofSeconds(30);

  /** Two lists of a type within that time are reason enough to hold its objects. */
  static final Duration LISTED_AGAIN = Duration.ofMinutes(2);

  /** Feeds at one time; the page of a type beyond them is told to do without. */
  static final int MAX_FEEDS = 96;

  private static final Logger log = LoggerFactory.getLogger(Feeds.class);

  private final ApiServer api;
  private final Space space;
  private final LongSupplier nanoTime;
  private final Function<ResourceType, Optional<Form>> forms;

  // Guarded by this.
  private final Map<ResourceType, Used> open = new HashMap<>();
  private final Map<ResourceType, Long> lists = new LinkedHashMap<>();
  private @Nullable Thread looking;
  private boolean closed;

  private static final class Used {
    private final Feed feed;
    private int viewers;
    private long lastUseNanos;

    Used(Feed feed) {
      this.feed = feed;
    }
  }

  /**
   * How the objects of a type are held.
   *
   * @param columns by which they can be found
   * @param prepare makes an object as the API server prints it one that has these columns
   */
  public record Form(Columns columns, Consumer<ObjectNode> prepare) {}

  /**
   * Starts nothing yet.
   *
   * @param space for changes and objects; changes are always in memory
   * @param forms how objects of a type are held; empty: never
   */
  public Feeds(
      ApiServer api,
      Space space,
      LongSupplier nanoTime,
      Function<ResourceType, Optional<Form>> forms) {
    this.api = api;
    this.forms = forms;
    this.space = space;
    this.nanoTime = nanoTime;
  }

  /** A feed that somebody looks at, until he closes this. */
  public final class View implements AutoCloseable {
    private final Used used;
    private final Runnable viewer;
    private boolean left; // guarded by Feeds

    private View(Used used, Runnable viewer) {
      this.used = used;
      this.viewer = viewer;
    }

    /** What he looks at. */
    public Feed feed() {
      return used.feed;
    }

    @Override
    public void close() {
      synchronized (Feeds.this) {
        if (!left) {
          left = true;
          used.viewers--;
          used.lastUseNanos = nanoTime.getAsLong();
        }
      }
      used.feed.leave(viewer);
    }
  }

  /**
   * Looks at a type.
   *
   * @param from a version that is known already; 0: none
   * @param viewer told when there is something to read; may not block
   * @throws Refusal if too many types are looked at
   */
  public View look(ResourceType type, long from, Runnable viewer) throws IOException {
    Used used;
    synchronized (this) {
      if (closed) {
        throw Stopping.late();
      }
      var known = open.get(type);
      if (known == null) {
        makeRoom();
        known =
            new Used(Feed.start(api, type, space, from, forms.apply(type).orElse(null), nanoTime));
        open.put(type, known);
      }
      used = known;
      used.viewers++;
      if (looking == null) {
        looking = Thread.ofVirtual().name("explorer-feeds").start(this::lookAgain);
      }
    }
    used.feed.join(viewer);
    return new View(used, viewer);
  }

  /** What is known of a list that is asked for. */
  public sealed interface Listed {
    /** All objects are here. */
    record Here(ColumnStore store) implements Listed {}

    /**
     * They are not, and must be asked for.
     *
     * @param why if they were to be; otherwise empty
     */
    record NotHere(String why) implements Listed {}
  }

  /**
   * Somebody lists a type. If somebody did so not long ago its objects are held from soon on: a
   * page that is shown is asked for again and again.
   */
  public Listed list(ResourceType type) throws IOException {
    boolean again;
    synchronized (this) {
      long now = nanoTime.getAsLong();
      var before = lists.put(type, now);
      again = before != null && now - before < LISTED_AGAIN.toNanos();
      if (lists.size() > MAX_FEEDS) {
        lists.remove(lists.keySet().iterator().next());
      }
      var used = open.get(type);
      if (used != null) {
        used.lastUseNanos = now;
        var store = used.feed.store();
        if (store.isPresent()) {
          return new Listed.Here(store.get());
        }
        again |= used.feed.isToBeHeld();
      }
    }
    if (!again || forms.apply(type).isEmpty()) {
      return new Listed.NotHere("");
    }
    try (var look = look(type, 0, () -> {})) {
      look.feed().hold();
      return new Listed.NotHere(look.feed().whyNotHeld());
    } catch (Refusal e) {
      return new Listed.NotHere(e.getMessage());
    }
  }

  // Guarded by this.
  private void makeRoom() throws Refusal {
    if (open.size() < MAX_FEEDS) {
      return;
    }
    ResourceType oldest = null;
    for (var entry : open.entrySet()) {
      if (entry.getValue().viewers == 0
          && (oldest == null || isOlder(entry.getValue(), open.get(oldest)))) {
        oldest = entry.getKey();
      }
    }
    if (oldest == null) {
      throw new Refusal(503, "TooManyWatches", "more than " + MAX_FEEDS + " types are looked at");
    }
    end(oldest);
  }

  private static boolean isOlder(Used one, @Nullable Used other) {
    return other == null || one.lastUseNanos - other.lastUseNanos < 0;
  }

  // Guarded by this.
  private void end(ResourceType type) {
    var used = open.remove(type);
    if (used != null) {
      used.feed.close();
      log.debug("explorer watches no more: type={}", type.id());
    }
  }

  private void lookAgain() {
    try {
      do {
        Thread.sleep(LOOK_EVERY);
      } while (!endIdle());
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  /** Ends feeds that nobody has looked at for long enough; returns whether none is left. */
  public synchronized boolean endIdle() {
    long now = nanoTime.getAsLong();
    open.entrySet().stream()
        .filter(
            entry ->
                entry.getValue().viewers == 0
                    && now - entry.getValue().lastUseNanos > KEPT.toNanos())
        .map(Map.Entry::getKey)
        .toList()
        .forEach(this::end);
    if (open.isEmpty()) {
      looking = null;
      return true;
    }
    return false;
  }

  /** How many types are watched. */
  public synchronized int size() {
    return open.size();
  }

  @Override
  public synchronized void close() {
    closed = true;
    List.copyOf(open.keySet()).forEach(this::end);
    if (looking != null) {
      looking.interrupt();
    }
  }
}
