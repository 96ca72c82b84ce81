package io.drover.standin;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * All objects and their latest changes. Any thread. An object that was handed out is never changed
 * again, and receivers do not change it either; functions passed in get copies.
 */
final class ObjectStore {
  /** Changes that are kept for watchers; who asks for older ones is told to list again. */
  static final int MAX_CHANGES = 5000;

  private static final String NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

  /** Where an object is; namespace empty for cluster-wide types. */
  record ObjectKey(ResourceType type, String namespace, String name) {}

  /** One change; before and after are null where there was or is no object. */
  record Change(
      long version, ResourceType type, @Nullable ObjectNode before, @Nullable ObjectNode after) {}

  /** Objects of one type, and the version at which they were so. */
  record Listing(List<ObjectNode> items, long version) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  // Guarded by lock.
  private final TreeMap<ObjectKey, ObjectNode> objects =
      new TreeMap<>(
          Comparator.comparing((ObjectKey key) -> key.type().resource())
              .thenComparing(ObjectKey::namespace)
              .thenComparing(ObjectKey::name));
  private final ArrayDeque<Change> changes = new ArrayDeque<>();
  private final Defaults defaults = new Defaults();
  private final SplittableRandom random = new SplittableRandom();
  private long version = 1;

  Optional<ObjectNode> find(ObjectKey key) {
    lock.lock();
    try {
      return Optional.ofNullable(objects.get(key));
    } finally {
      lock.unlock();
    }
  }

  ObjectNode get(ObjectKey key) {
    return find(key).orElseThrow(() -> Refusal.notFound(key.type(), key.name()));
  }

  /** All of a type; an empty namespace stands for every one. */
  Listing list(ResourceType type, String namespace) {
    lock.lock();
    try {
      var items =
          objects.entrySet().stream()
              .filter(entry -> entry.getKey().type().equals(type))
              .filter(entry -> namespace.isEmpty() || entry.getKey().namespace().equals(namespace))
              .map(Map.Entry::getValue)
              .toList();
      return new Listing(items, version);
    } finally {
      lock.unlock();
    }
  }

  List<ObjectKey> keys() {
    lock.lock();
    try {
      return List.copyOf(objects.keySet());
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds an object.
   *
   * @param dryRun whether only to tell what would be added
   */
  ObjectNode create(ResourceType type, String namespace, ObjectNode content, boolean dryRun) {
    var object = content.deepCopy();
    var metadata = Json.metadata(object);
    lock.lock();
    try {
      if (Json.metadata(object, "name").isEmpty() && metadata.has("generateName")) {
        metadata.put("name", Json.metadata(object, "generateName") + suffix());
      }
      var key = new ObjectKey(type, namespace, Json.metadata(object, "name"));
      if (key.name().isEmpty()) {
        throw Refusal.invalid("metadata.name: Required value: name or generateName is required");
      }
      if (!namespace.isEmpty() && !objects.containsKey(namespace(namespace))) {
        throw Refusal.notFound(Defaults.NAMESPACES, namespace);
      }
      if (objects.containsKey(key)) {
        throw new Refusal(
            409,
            "AlreadyExists",
            "%s \"%s\" already exists".formatted(type.resource(), key.name()));
      }
      object.put("kind", type.kind()).put("apiVersion", type.apiVersion());
      if (namespace.isEmpty()) {
        metadata.remove("namespace");
      } else {
        metadata.put("namespace", namespace);
      }
      metadata.put("uid", UUID.randomUUID().toString());
      metadata.put("creationTimestamp", now());
      metadata.remove("managedFields");
      if (object.has("spec")) {
        metadata.put("generation", 1);
      }
      defaults.fill(type, object);
      if (!dryRun) {
        put(key, null, object);
      }
      return object;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Replaces an object by what {@code change} makes of a copy of it; nothing happens if that is the
   * same. One with a deletion time goes with its last finalizer.
   */
  ObjectNode update(ObjectKey key, UnaryOperator<ObjectNode> change, boolean dryRun) {
    lock.lock();
    try {
      var before = get(key);
      var after = change.apply(before.deepCopy());
      var metadata = Json.metadata(after);
      String expected = Json.metadata(after, "resourceVersion");
      if (!expected.isEmpty() && !expected.equals(Json.metadata(before, "resourceVersion"))) {
        throw new Refusal(
            409,
            "Conflict",
            "Operation cannot be fulfilled on %s \"%s\": the object has been modified; please apply your changes to the latest version and try again"
                .formatted(key.type().resource(), key.name()));
      }
      for (String fixed :
          List.of(
              "name",
              "namespace",
              "uid",
              "creationTimestamp",
              "deletionTimestamp",
              "generation",
              "resourceVersion")) {
        metadata.remove(fixed);
        if (before.path("metadata").has(fixed)) {
          metadata.set(fixed, before.path("metadata").get(fixed));
        }
      }
      metadata.remove("managedFields");
      after.put("kind", key.type().kind()).put("apiVersion", key.type().apiVersion());
      defaults.fill(key.type(), after);
      if (after.equals(before)) {
        return before;
      }
      if (!Objects.equals(after.get("spec"), before.get("spec"))) {
        metadata.put("generation", before.path("metadata").path("generation").asLong() + 1);
      }
      if (!dryRun) {
        if (metadata.has("deletionTimestamp") && metadata.path("finalizers").isEmpty()) {
          put(key, before, null);
        } else {
          put(key, before, after);
        }
      }
      return after;
    } finally {
      lock.unlock();
    }
  }

  /** Removes an object, or only marks it while it has finalizers. */
  ObjectNode delete(ObjectKey key, boolean dryRun) {
    lock.lock();
    try {
      var before = get(key);
      if (dryRun || before.path("metadata").has("deletionTimestamp")) {
        return before;
      }
      if (before.path("metadata").path("finalizers").isEmpty()) {
        put(key, before, null);
        return before;
      }
      var after = before.deepCopy();
      Json.metadata(after).put("deletionTimestamp", now());
      put(key, before, after);
      return after;
    } finally {
      lock.unlock();
    }
  }

  /** Waits for a change after a version; false if there is none in time. */
  boolean awaitChange(long seen, Duration limit) throws InterruptedException {
    long leftNanos = limit.toNanos();
    lock.lock();
    try {
      while (version <= seen && leftNanos > 0) {
        leftNanos = changed.awaitNanos(leftNanos);
      }
      return version > seen;
    } finally {
      lock.unlock();
    }
  }

  /**
   * The changes after a version, oldest first.
   *
   * @throws Refusal if they are not all kept any more
   */
  List<Change> changesAfter(long seen) {
    lock.lock();
    try {
      if (!changes.isEmpty() && changes.getFirst().version() > seen + 1) {
        throw new Refusal(410, "Expired", "too old resource version: " + seen);
      }
      return changes.stream().filter(change -> change.version() > seen).toList();
    } finally {
      lock.unlock();
    }
  }

  long version() {
    lock.lock();
    try {
      return version;
    } finally {
      lock.unlock();
    }
  }

  // Lock is held.
  private void put(ObjectKey key, @Nullable ObjectNode before, @Nullable ObjectNode after) {
    version++;
    var last = after == null ? Objects.requireNonNull(before).deepCopy() : after;
    Json.metadata(last).put("resourceVersion", Long.toString(version));
    if (after == null) {
      objects.remove(key);
    } else {
      objects.put(key, after);
    }
    changes.add(new Change(version, key.type(), after == null ? last : before, after));
    if (changes.size() > MAX_CHANGES) {
      changes.removeFirst();
    }
    changed.signalAll();
  }

  // Lock is held.
  private String suffix() {
    var text = new StringBuilder();
    for (int i = 0; i < 5; i++) {
      text.append(NAME_LETTERS.charAt(random.nextInt(NAME_LETTERS.length())));
    }
    return text.toString();
  }

  static ObjectKey namespace(String name) {
    return new ObjectKey(Defaults.NAMESPACES, "", name);
  }

  /** The time as Kubernetes writes it. */
  static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
