package io.drover.steve.live;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.ObjectId;
import io.drover.steve.kube.Watch;
import io.drover.steve.live.Change.Kind;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.store.ColumnStore;
import io.drover.steve.store.Space;
import io.drover.steve.store.StoreFullException;
import java.io.IOException;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The objects of a type that somebody looks at, in a {@link ColumnStore}: listed once by a thread
 * of their own, while the feed goes on and tells what changes. Any thread.
 */
final class Held implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Held.class);

  private final ApiServer api;
  private final ResourceType type;
  private final Feeds.Form form;
  private final Thread filling;

  // Guarded by this. The store is filled under it too, which is nobody's hurry: pages are read
  // without.
  private @Nullable ColumnStore store;

  /** Objects that have changed since the list was begun: what it says of them is old. */
  private final Set<String> newer = new HashSet<>();

  private boolean filled;
  private boolean unlisted;
  private String why = "";
  private long last;

  private Held(ApiServer api, ResourceType type, Feeds.Form form) {
    this.api = api;
    this.type = type;
    this.form = form;
    this.filling = Thread.ofVirtual().name("explorer-fills-" + type.id()).unstarted(this::fill);
  }

  /** Begins to list; whoever calls tells of every change from before on. */
  static Held start(ApiServer api, ResourceType type, Feeds.Form form, Space space) {
    var held = new Held(api, type, form);
    try {
      held.store = new ColumnStore(form.columns(), space, held::background);
      held.filling.start();
    } catch (StoreFullException e) {
      held.full(e);
    }
    return held;
  }

  /** All objects; empty until they are there, and if there is no room for them. */
  synchronized Optional<ColumnStore> store() {
    return filled ? Optional.ofNullable(store) : Optional.empty();
  }

  /** Why they are not held; empty: they are, or will be. */
  synchronized String refusal() {
    return why;
  }

  /** Whether they could not be listed, which may be otherwise the next time. */
  synchronized boolean isUnlisted() {
    return unlisted;
  }

  private void background(BooleanSupplier step) {
    Thread.ofVirtual()
        .name("explorer-sorts-" + type.id())
        .start(
            () -> {
              var pace = new Unhurried();
              while (step.getAsBoolean()) {
                pace.rest();
              }
            });
  }

  private void fill() {
    var source = new Watch.Source(type.path(""), ApiRequest.TABLE, "includeObject=Object", true, 0);
    try {
      Watch.list(api, source, new Listed());
    } catch (IOException e) {
      synchronized (this) {
        if (store != null) {
          drop("not listed: " + e.getMessage());
          unlisted = true;
        }
      }
    }
  }

  // Guarded by this.
  private void drop(String reason) {
    why = reason;
    filled = false;
    newer.clear();
    if (store != null) {
      store.close();
      store = null;
    }
  }

  private void full(StoreFullException e) {
    drop(String.valueOf(e.getMessage()));
    log.warn(
        "objects are not held, lists of them are passed through: type={} reason={}",
        type.id(),
        e.getMessage());
  }

  /** An object has changed; it is taken apart, and of no more use to the caller. */
  synchronized void changed(Kind kind, long revision, ObjectNode object) {
    var into = store;
    if (into == null) {
      return;
    }
    last = Math.max(last, revision);
    String namespace = object.at("/metadata/namespace").asText("");
    String name = object.at("/metadata/name").asText("");
    try {
      if (!filled) {
        newer.add(ObjectId.of(namespace, name));
      }
      if (kind == Kind.REMOVE) {
        into.delete(namespace, name, revision);
      } else {
        form.prepare().accept(object);
        into.put(object);
      }
    } catch (StoreFullException e) {
      full(e);
    }
  }

  /** Lets go of all objects. */
  @Override
  public void close() {
    filling.interrupt();
    synchronized (this) {
      drop("nobody looks");
    }
  }

  /** What the list tells. */
  private final class Listed implements Watch.Events {
    private final Unhurried pace = new Unhurried();

    @Override
    public void begin() {}

    @Override
    public void changed(ObjectNode object) {
      pace.rest();
      String id = ObjectId.of(object);
      form.prepare().accept(object);
      synchronized (Held.this) {
        try {
          if (store != null && !newer.contains(id)) {
            store.load(object);
          }
        } catch (StoreFullException e) {
          full(e);
        }
      }
    }

    @Override
    public void deleted(ObjectNode object) {}

    @Override
    public void complete() {
      complete("");
    }

    @Override
    public void complete(String version) {
      synchronized (Held.this) {
        if (store != null) {
          last = Math.max(last, Change.revision(version).orElse(0L));
          store.loaded(last);
          newer.clear();
          filled = true;
          log.debug("objects are held: type={} count={}", type.id(), store.size());
        }
      }
    }
  }
}
