package io.drover.steve.schema;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.access.Rbac;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Limits;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Stopping;
import io.drover.steve.kube.User;
import io.drover.steve.kube.Watch;
import io.drover.steve.kube.Watch.Source;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Types and rights, kept up to date from the first question on until nobody has asked for a while.
 * Any thread.
 */
public final class Cluster implements AutoCloseable {
  /** How long all of it is kept behind the last question. */
  static final Duration KEPT = Duration.ofMinutes(5);

  /** How often we look whether it is still wanted. */
  static final Duration LOOK_EVERY = Duration.ofSeconds(30);

  /** For the first answer. */
  static final Duration START_LIMIT = Duration.ofSeconds(30);

  /** For roles, bindings and definitions to be there once. */
  static final Duration LISTS_LIMIT = Duration.ofSeconds(10);

  /** Changes of types come in bursts. */
  static final Duration SETTLE = Duration.ofMillis(500);

  /** Before types are read again that could not be read. */
  static final Duration AGAIN_AFTER = Duration.ofSeconds(5);

  /** Users whose choice is kept. */
  static final int MAX_USERS = 50;

  private static final String API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices";

  private static final Logger log = LoggerFactory.getLogger(Cluster.class);

  private final ApiServer api;
  private final LongSupplier nanoTime;

  // Guarded by this.
  private @Nullable Kept kept;
  private long lastUseNanos;
  private boolean closed;

  /** Asks nothing yet. */
  public Cluster(ApiServer api, LongSupplier nanoTime) {
    this.api = api;
    this.nanoTime = nanoTime;
  }

  /**
   * The types that a user is shown now. Waits for the first question's answer.
   *
   * @throws Refusal if there is none in time, or it is not known yet what limits him
   */
  public UserSchemas of(User user) throws IOException {
    var limits = api.guard().of(user);
    Kept current;
    synchronized (this) {
      if (closed) {
        throw Stopping.late();
      }
      lastUseNanos = nanoTime.getAsLong();
      if (kept == null) {
        kept = new Kept();
        log.debug("explorer begins to follow types and rights");
      }
      current = kept;
    }
    return current.of(user, limits);
  }

  /** Forgets everything if nobody has asked for long enough; returns whether nothing is kept. */
  synchronized boolean forgetIfIdle() {
    if (kept != null && nanoTime.getAsLong() - lastUseNanos > KEPT.toNanos()) {
      kept.end();
      kept = null;
      api.rest();
      log.debug("explorer has forgotten types and rights: nobody looks");
    }
    return kept == null;
  }

  @Override
  public synchronized void close() {
    closed = true;
    if (kept != null) {
      kept.end();
      kept = null;
    }
  }

  /** What is known, and the threads that keep it up to date. */
  private final class Kept {
    private final Rbac rbac = new Rbac();
    private final Semaphore changed = new Semaphore(1); // the first reading
    private final Crds crds = new Crds(changed::release);
    private final TypeReader reader = new TypeReader(api, crds);
    private final CountDownLatch first = new CountDownLatch(1);
    private final List<Watch> watches = new ArrayList<>();
    private final long listsUntilNanos = System.nanoTime() + LISTS_LIMIT.toNanos();
    private final Thread reading;
    private final Thread looking;
    private volatile @Nullable Types types;

    private record Choice(long rights, Limits limits, Types types, UserSchemas schemas) {}

    // Guarded by itself.
    private final Map<User, Choice> choices =
        new LinkedHashMap<>(16, 0.75f, true) {
          @Override
          protected boolean removeEldestEntry(Map.Entry<User, Choice> eldest) {
            return size() > MAX_USERS;
          }
        };

    Kept() {
      for (var kind : Rbac.Kind.values()) {
        watches.add(Watch.start(api, Source.of(kind.path(), ApiRequest.JSON), rbac.of(kind)));
      }
      watches.add(Watch.start(api, Source.of(Crds.PATH, ApiRequest.JSON), crds));
      watches.add(
          Watch.start(
              api, Source.of(API_SERVICES, ApiRequest.METADATA), new AnyChange(changed::release)));
      reading = Thread.ofVirtual().name("explorer-types").start(this::read);
      looking = Thread.ofVirtual().name("explorer-idle").start(this::look);
    }

    UserSchemas of(User user, Limits limits) throws IOException {
      try {
        if (!first.await(START_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
          throw new Refusal(
              503, "ClusterUnavailable", "the API server has not yet told its types and roles");
        }
      } catch (InterruptedException e) {
        throw Stopping.interrupted(e);
      }
      var known = types;
      if (known == null) {
        throw new IllegalStateException("types are there from the first reading on");
      }
      long now = rbac.changes();
      synchronized (choices) {
        var choice = choices.get(user);
        if (choice == null
            || choice.rights() != now
            || choice.types() != known
            || !choice.limits().equals(limits)) {
          var schemas = new UserSchemas(rbac.of(user).within(limits), known);
          choice = new Choice(now, limits, known, schemas);
          choices.put(user, choice);
        }
        return choice.schemas();
      }
    }

    private void read() {
      try {
        while (true) {
          changed.acquire();
          if (first.getCount() == 0) {
            Thread.sleep(SETTLE);
          }
          changed.drainPermits();
          readOnce();
        }
      } catch (InterruptedException _) {
        // It is over.
      }
    }

    private void awaitLists() throws InterruptedException {
      for (var watch : watches) { // what cannot be listed holds nothing up for longer
        watch.await(Duration.ofNanos(Math.max(0, listsUntilNanos - System.nanoTime())));
      }
    }

    private void readOnce() throws InterruptedException {
      try {
        types = reader.read(this::awaitLists);
        first.countDown();
      } catch (IOException e) {
        log.warn("types cannot be read: reason={}", e.toString());
        Thread.sleep(AGAIN_AFTER);
        changed.release();
      }
    }

    private void look() {
      try {
        do {
          Thread.sleep(LOOK_EVERY);
        } while (!forgetIfIdle());
      } catch (InterruptedException _) {
        // It is over.
      }
    }

    void end() {
      watches.forEach(Watch::close);
      reading.interrupt();
      if (Thread.currentThread() != looking) {
        looking.interrupt();
      }
    }
  }

  /** Only that there was one. */
  private static final class AnyChange implements Watch.Events {
    private final Runnable onChange;
    private boolean listing;

    AnyChange(Runnable onChange) {
      this.onChange = onChange;
    }

    @Override
    public void begin() {
      listing = true;
    }

    @Override
    public void changed(ObjectNode object) {
      if (!listing) {
        onChange.run();
      }
    }

    @Override
    public void deleted(ObjectNode object) {
      onChange.run();
    }

    @Override
    public void complete() {
      listing = false;
      onChange.run();
    }
  }
}
