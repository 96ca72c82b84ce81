package io.drover.steve.live;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Watch;
import io.drover.steve.live.Change.Kind;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.store.Budget;
import io.drover.steve.store.ColumnStore;
import io.drover.steve.store.Space;
import io.drover.steve.store.StoreFullException;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The last changes of one type's objects, read in our own name by one watch for all who look. Any
 * thread; only {@link #await} blocks.
 */
public final class Feed implements AutoCloseable {
  /** Source: Rancher's setting {@code sql-cache-gc-keep-count}. */
  static final int MAX_CHANGES = 1000;

  /** What the changes of one type may take; older ones go. */
  static final long MAX_BYTES = 1024 * 1024;

  /**
   * From one list of all objects that failed to the next, so that lists are not asked for twice.
   */
  static final Duration FILL_AGAIN = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(Feed.class);

  private final ResourceType type;
  private final ApiServer api;
  private final Space space;
  private final Budget budget;
  private final Feeds.@Nullable Form form;
  private final boolean secret;
  private final LongSupplier nanoTime;

  // Guarded by this.
  private final ArrayDeque<Change> changes = new ArrayDeque<>();
  private final Set<Runnable> viewers = new HashSet<>();
  private long bytes;
  private long number;
  private boolean listing = true;
  private boolean heard;
  private boolean wantsHeld;
  private @Nullable Refusal refused;

  /** The version behind which every change is known. */
  private long before;

  private long last;
  private @Nullable Watch watch;
  private @Nullable Held held;
  private long fillBegunNanos;

  private Feed(
      ApiServer api,
      ResourceType type,
      Space space,
      Feeds.@Nullable Form form,
      LongSupplier nanoTime) {
    this.api = api;
    this.type = type;
    this.space = space;
    this.budget = space.memory();
    this.form = form;
    this.nanoTime = nanoTime;
    this.secret = type.id().equals("secret");
  }

  /**
   * Begins.
   *
   * @param from a version that the first who looks has seen; 0: none
   * @param form how its objects are held, when that is wanted; null: never
   */
  static Feed start(
      ApiServer api,
      ResourceType type,
      Space space,
      long from,
      Feeds.@Nullable Form form,
      LongSupplier nanoTime) {
    var feed = new Feed(api, type, space, form, nanoTime);
    var source =
        new Watch.Source(
            type.path(""),
            ApiRequest.TABLE,
            feed.secret ? "includeObject=Metadata" : "includeObject=Object",
            false,
            from);
    synchronized (feed) {
      feed.watch = Watch.start(api, source, feed.new Told());
    }
    return feed;
  }

  /** Of which type it is. */
  public ResourceType type() {
    return type;
  }

  /** Whether changes have only the metadata of their objects. */
  public boolean isHollow() {
    return secret;
  }

  /**
   * Waits until changes are heard.
   *
   * @throws Refusal if the API server says no
   * @return false if that takes too long
   */
  public synchronized boolean await(Duration limit) throws InterruptedException, Refusal {
    long untilNanos = System.nanoTime() + limit.toNanos();
    while (listing && refused == null) {
      long leftNanos = untilNanos - System.nanoTime();
      if (leftNanos <= 0) {
        return false;
      }
      TimeUnit.NANOSECONDS.timedWait(this, leftNanos);
    }
    if (refused != null) {
      throw new Refusal(refused.status(), refused.code(), refused.getMessage());
    }
    return true;
  }

  /** Why nothing is heard any more; empty: it is, or it is tried again. */
  public synchronized Optional<String> refusal() {
    return Optional.ofNullable(refused).map(Refusal::getMessage);
  }

  /** Somebody looks, and is told when there is something to {@link #read}; may not block. */
  synchronized void join(Runnable viewer) {
    viewers.add(viewer);
  }

  synchronized void leave(Runnable viewer) {
    viewers.remove(viewer);
  }

  /** The newest version that is known. */
  public synchronized long last() {
    return last;
  }

  /** The place from which all that is to come is read. */
  public synchronized long end() {
    return number;
  }

  /** The place behind a version; empty if that is too old to know. */
  public synchronized Optional<Long> place(long revision) {
    if (listing || revision < before) {
      return Optional.empty();
    }
    long place = number - changes.size();
    for (var change : changes) {
      if (change.revision() > revision) {
        break;
      }
      place++;
    }
    return Optional.of(place);
  }

  /**
   * What comes from a place on, or the first of it.
   *
   * @return empty if it is too late: some of it is not known any more
   */
  public synchronized Optional<List<Change>> read(long place, int most) {
    long first = number - changes.size();
    if (place < first) {
      return Optional.empty();
    }
    var found = new ArrayList<Change>();
    for (var change : changes) {
      if (change.number() >= place) {
        if (found.size() == most) {
          break;
        }
        found.add(change);
      }
    }
    return Optional.of(found);
  }

  /**
   * From soon on all objects are held as well, if there is room for them. Asked for again, it is
   * tried again if they could not be listed.
   */
  public synchronized void hold() {
    wantsHeld = true;
    startHeld();
  }

  // Guarded by this.
  private void startHeld() {
    if (wantsHeld && form != null && !listing && (held == null || mayFillAgain(held))) {
      fillBegunNanos = nanoTime.getAsLong();
      held = Held.start(api, type, form, space);
    }
  }

  // Guarded by this.
  private boolean mayFillAgain(Held before) {
    return before.isUnlisted() && nanoTime.getAsLong() - fillBegunNanos >= FILL_AGAIN.toNanos();
  }

  /** Whether {@link #hold} has been asked for. */
  synchronized boolean isToBeHeld() {
    return wantsHeld;
  }

  /** All objects; empty if they are not held, or may be others by now. */
  synchronized Optional<ColumnStore> store() {
    return (held == null || !heard) ? Optional.empty() : held.store();
  }

  /** Why objects that were to be held are not; empty: nobody wanted it, or they are. */
  synchronized String whyNotHeld() {
    return held == null ? "" : held.refusal();
  }

  /** What its changes take, in bytes. */
  synchronized long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    synchronized (this) {
      if (watch != null) {
        watch.close();
      }
      forget();
      listing = true;
    }
    wake();
  }

  // Guarded by this.
  private void forget() {
    heard = false;
    if (held != null) {
      held.close();
      held = null;
    }
    budget.give(bytes);
    changes.clear();
    bytes = 0;
    number++; // nobody's place is good any more
  }

  private void wake() {
    List<Runnable> all;
    synchronized (this) {
      all = List.copyOf(viewers);
    }
    all.forEach(Runnable::run);
  }

  // Guarded by this.
  private void keep(Change change) {
    while (!changes.isEmpty()
        && (changes.size() >= MAX_CHANGES || bytes + change.bytes() > MAX_BYTES)) {
      drop();
    }
    while (true) {
      try {
        budget.take(change.bytes());
        changes.addLast(change);
        bytes += change.bytes();
        return;
      } catch (StoreFullException _) {
        if (changes.isEmpty()) {
          before = change.revision(); // whoever looks has missed it, and must list
          return;
        }
        drop();
      }
    }
  }

  // Guarded by this.
  private void drop() {
    var oldest = changes.removeFirst();
    before = oldest.revision();
    bytes -= oldest.bytes();
    budget.give(oldest.bytes());
  }

  /** What the watch tells. */
  private final class Told implements Watch.Events {
    @Override
    public void begin() {
      synchronized (Feed.this) {
        forget();
        listing = true;
      }
      wake();
    }

    @Override
    public void created(ObjectNode object) {
      add(Kind.CREATE, object);
    }

    @Override
    public void changed(ObjectNode object) {
      add(Kind.CHANGE, object);
    }

    @Override
    public void deleted(ObjectNode object) {
      add(Kind.REMOVE, object);
    }

    private void add(Kind kind, ObjectNode object) {
      synchronized (Feed.this) {
        if (listing) {
          return;
        }
        var version = object.at("/metadata/resourceVersion").asText("");
        last = Math.max(last, Change.revision(version).orElse(last));
        try {
          if (object.path("kind").asText("").isEmpty() || secret) {
            type.declare(object);
          }
          keep(Change.of(number, last, kind, object));
        } catch (IOException e) {
          throw new IllegalStateException("what was read cannot be written", e);
        }
        number++;
        if (held != null) {
          held.changed(kind, last, object);
        }
      }
      wake();
    }

    @Override
    public void heard() {
      synchronized (Feed.this) {
        heard = true;
      }
    }

    @Override
    public void complete() {
      complete("");
    }

    @Override
    public void complete(String version) {
      synchronized (Feed.this) {
        before = Change.revision(version).orElse(0L);
        last = before;
        listing = false;
        refused = null;
        number++; // who has looked before it began has missed something
        startHeld();
        Feed.this.notifyAll();
      }
      wake();
      log.debug("explorer watches: type={} version={}", type.id(), version);
    }

    @Override
    public void failed(IOException why) {
      boolean never =
          why instanceof Refusal refusal
              && (refusal.status() == HttpURLConnection.HTTP_FORBIDDEN
                  || refusal.status() == HttpURLConnection.HTTP_NOT_FOUND
                  || refusal.status() == HttpURLConnection.HTTP_BAD_METHOD);
      synchronized (Feed.this) {
        heard = false;
        if (!never) {
          return;
        }
        refused = (Refusal) why;
        forget();
        listing = true;
        Feed.this.notifyAll();
      }
      wake();
    }
  }
}
