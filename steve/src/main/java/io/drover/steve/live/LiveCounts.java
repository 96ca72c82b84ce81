package io.drover.steve.live;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.counts.Count;
import io.drover.steve.counts.TypeCounts;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.Stopping;
import io.drover.steve.kube.Watch;
import io.drover.steve.query.Scope;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.schema.Types;
import io.drover.steve.state.Relationship;
import io.drover.steve.state.Summary;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How many objects of every type there are, while somebody looks at the counts: a page keeps its
 * menu right by them. Of an object nothing is kept but what {@link TypeCounts} keeps, and what it
 * says to belong to, if it says so ({@link Applied}). Any thread.
 */
public final class LiveCounts implements AutoCloseable {
  /** How long it goes on behind the last who looked. */
  static final Duration KEPT = Duration.ofMinutes(5);

  static final Duration LOOK_EVERY = Duration.ofSeconds(30);

  /** Types that are counted. */
  static final int MAX_TYPES = 400;

  /**
   * Objects that are counted, of all types: some 12 MB, and those of a type once more while it is
   * listed anew. A type that goes beyond is left out.
   */
  static final int MAX_OBJECTS = 300_000;

  /** Objects that say by an annotation to belong to another one, of all types: some 1 MB. */
  static final int MAX_APPLIED = 5_000;

  /**
   * Types whose objects are listed at one time at the beginning, and how long one is waited for.
   */
  private static final int PARALLEL = 4;

  private static final Duration TYPE_LIMIT = Duration.ofSeconds(2);

  private static final Logger log = LoggerFactory.getLogger(LiveCounts.class);

  /** Who looks; may not block. */
  public interface Viewer {
    /** The objects of a type have been counted for the first time. */
    void first(String typeId);

    /** There are more, or fewer, or they are in another state. */
    void changed(String typeId);
  }

  /** Is told of an object that belongs to another one. */
  public interface Member {
    void is(String typeId, String id, Summary summary);
  }

  /** What is kept of the objects of a type. */
  private record Known(TypeCounts counts, Applied applied) {}

  private final ApiServer api;
  private final Function<ResourceType, String> accept;
  private final Clock clock;
  private final LongSupplier nanoTime;
  private final int maxObjects;
  private final Map<String, Counted> counted = new ConcurrentHashMap<>();
  private final Set<Viewer> viewers = ConcurrentHashMap.newKeySet();
  private final AtomicInteger objects = new AtomicInteger();
  private final AtomicInteger applied = new AtomicInteger();

  // Written under this.
  private volatile @Nullable Types types;

  // Guarded by this.
  private @Nullable Thread following;
  private long lastUseNanos;
  private boolean closed;

  /**
   * Starts nothing yet.
   *
   * @param accept in which form objects of a type are asked for: whole, if what is in them says how
   *     they are
   */
  public LiveCounts(
      ApiServer api, Function<ResourceType, String> accept, Clock clock, LongSupplier nanoTime) {
    this(api, accept, clock, nanoTime, MAX_OBJECTS);
  }

  /** The same with another limit of objects. */
  LiveCounts(
      ApiServer api,
      Function<ResourceType, String> accept,
      Clock clock,
      LongSupplier nanoTime,
      int maxObjects) {
    this.maxObjects = maxObjects;
    this.api = api;
    this.accept = accept;
    this.clock = clock;
    this.nanoTime = nanoTime;
  }

  /**
   * Looks at the counts.
   *
   * @param viewer is told of what is counted from now on
   */
  public void join(Types now, Viewer viewer) throws IOException {
    viewers.add(viewer);
    follow(now);
  }

  /** Looks no more. */
  public synchronized void leave(Viewer viewer) {
    viewers.remove(viewer);
    lastUseNanos = nanoTime.getAsLong();
  }

  /** Counts these types, if that is news. */
  public synchronized void follow(Types now) throws IOException {
    if (closed) {
      throw Stopping.late();
    }
    types = now;
    lastUseNanos = nanoTime.getAsLong();
    if (following == null) {
      following = Thread.ofVirtual().name("explorer-counting").start(this::followTypes);
    } else {
      notifyAll();
    }
  }

  /** How many objects of a type somebody may see; null: that is not known now. */
  public @Nullable Count count(String typeId, Scope scope) {
    var one = counted.get(typeId);
    var known = one == null ? null : one.known;
    return known == null ? null : known.counts().count(scope);
  }

  /**
   * Tells, of what is counted now, which objects say by an annotation to belong to that one. Who
   * may see them is for the caller to know.
   */
  public void applied(String typeId, String id, Member member) {
    if (applied.get() == 0) {
      return;
    }
    var found = new TreeMap<String, Map<String, Summary>>();
    counted.forEach(
        (type, one) -> {
          var known = one.known;
          var some = known == null ? Map.<String, Summary>of() : known.applied().of(typeId, id);
          if (!some.isEmpty()) {
            found.put(type, some);
          }
        });
    found.forEach(
        (type, some) -> some.forEach((itsId, summary) -> member.is(type, itsId, summary)));
  }

  private boolean isNamespaced(String typeId) {
    var now = types;
    return now != null && now.isNamespaced(typeId);
  }

  private void followTypes() {
    Types done = null;
    try {
      while (true) {
        Types now;
        synchronized (this) {
          while (types == done && !isIdle()) {
            wait(LOOK_EVERY.toMillis());
          }
          if (endIfIdle()) {
            return;
          }
          now = types;
        }
        if (now != null) {
          take(now);
        }
        done = now;
      }
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  // Guarded by this.
  private boolean isIdle() {
    return closed || (viewers.isEmpty() && nanoTime.getAsLong() - lastUseNanos > KEPT.toNanos());
  }

  /** Ends if nobody has looked for long enough; returns whether nothing is counted. */
  synchronized boolean endIfIdle() {
    if (following != null && isIdle()) {
      following.interrupt();
      end();
    }
    return following == null;
  }

  // Guarded by this.
  private void end() {
    counted.values().forEach(Counted::close);
    counted.clear();
    following = null;
    types = null;
    log.debug("explorer counts no more");
  }

  private void take(Types now) throws InterruptedException {
    var wanted = new HashMap<String, ResourceType>();
    for (var type : now.all()) {
      if (type.verbs().containsAll(List.of("list", "watch")) && wanted.size() < MAX_TYPES) {
        wanted.put(type.id(), type);
      }
    }
    counted
        .values()
        .removeIf(
            one -> {
              boolean gone = !one.isOf(wanted.get(one.type.id()));
              if (gone) {
                one.close();
              }
              return gone;
            });
    var first = new ArrayDeque<Counted>();
    for (var type : wanted.values()) {
      if (!counted.containsKey(type.id())) {
        var one = new Counted(type);
        synchronized (this) {
          if (isIdle()) {
            return;
          }
          counted.put(type.id(), one);
          one.start();
        }
        first.add(one);
        if (first.size() >= PARALLEL) {
          first.removeFirst().await();
        }
      }
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (following != null) {
      following.interrupt();
      end();
    }
  }

  /** The objects of one type. While they are listed anew the old ones count. */
  private final class Counted implements Watch.Events {
    private final ResourceType type;
    private volatile @Nullable Known known;
    private @Nullable Known listed = nothing();
    private @Nullable Watch watch;

    Counted(ResourceType type) {
      this.type = type;
    }

    private Known nothing() {
      return new Known(new TypeCounts(), new Applied(applied, MAX_APPLIED));
    }

    /** Whether a type would be counted in the same way. */
    boolean isOf(@Nullable ResourceType other) {
      return other != null && type.path("").equals(other.path(""));
    }

    void start() {
      watch = Watch.start(api, Watch.Source.of(type.path(""), accept.apply(type)), this);
    }

    void await() throws InterruptedException {
      if (watch != null) {
        watch.await(TYPE_LIMIT);
      }
    }

    void close() {
      if (watch != null) {
        watch.close();
      }
      forget(known);
      known = null;
    }

    private void forget(@Nullable Known what) {
      if (what != null) {
        objects.addAndGet(-size(what));
        what.applied().close();
      }
    }

    private static int size(@Nullable Known of) {
      return of == null ? 0 : of.counts().size();
    }

    @Override
    public void begin() {
      dropListed();
      listed = nothing();
    }

    private void dropListed() {
      if (listed != null) {
        listed.applied().close();
        listed = null;
      }
    }

    @Override
    public void changed(ObjectNode object) {
      var into = listed == null ? known : listed;
      if (into == null) {
        return;
      }
      type.declare(object);
      var summary = Summary.of(object, clock);
      int before = into.counts().size();
      into.counts().put(namespace(object), name(object), summary.error(), summary.transitioning());
      into.applied()
          .put(
              ObjectId.of(object),
              Relationship.applied(object, LiveCounts.this::isNamespaced),
              summary);
      if (listed == null) {
        objects.addAndGet(into.counts().size() - before);
      }
      if (all() > maxObjects) {
        log.warn("not counted any more: type={} limit={}", type.id(), maxObjects);
        dropListed();
        close();
      } else if (listed == null) {
        tell();
      }
    }

    /** Objects of all types; of this one the new ones, if it is listed anew. */
    private int all() {
      return listed == null ? objects.get() : objects.get() - size(known) + size(listed);
    }

    @Override
    public void deleted(ObjectNode object) {
      var into = known;
      if (into != null) {
        int before = into.counts().size();
        into.counts().remove(namespace(object), name(object));
        into.applied().remove(ObjectId.of(object));
        objects.addAndGet(into.counts().size() - before);
        tell();
      }
    }

    @Override
    public void complete() {
      var old = known;
      var now = listed;
      if (now != null) {
        objects.addAndGet(size(now) - size(old)); // at once: others look at the sum
        listed = null;
        known = now;
        if (old == null) {
          viewers.forEach(viewer -> viewer.first(type.id()));
        } else {
          old.applied().close();
          tell();
        }
      }
    }

    private void tell() {
      viewers.forEach(viewer -> viewer.changed(type.id()));
    }

    private static String namespace(ObjectNode object) {
      return object.at("/metadata/namespace").asText("");
    }

    private static String name(ObjectNode object) {
      return object.at("/metadata/name").asText("");
    }
  }
}
