package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiReader.WatchEnd;
import io.drover.agent.retry.DoublingWait;
import io.drover.agent.retry.Sleeper;
import io.drover.proto.report.Cause;
import java.time.Duration;
import java.util.Collection;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All objects of one kind, kept up to date by a list and a watch behind it. One thread reads;
 * whoever asks gets what is there now.
 *
 * <p>After a failure the records stay, since what was true is a better guess than nothing, for
 * {@link #MAX_AGE}; then the failure is the answer.
 */
final class Mirror<T> {
  /** How long a watch runs before we ask for a new one; the API server may end it earlier. */
  static final Duration WATCH = Duration.ofHours(1);

  /** A watch that ends sooner was not worth its request: the next one waits. */
  static final Duration SHORT_WATCH = Duration.ofSeconds(10);

  /** How much longer it may take to end than was asked for. */
  static final Duration WATCH_MARGIN = Duration.ofMinutes(1);

  /** Between attempts, doubling. */
  static final Duration FIRST_RETRY = Duration.ofSeconds(2);

  static final Duration LAST_RETRY = Duration.ofMinutes(5);

  /** The same while the API server is away. */
  static final Duration LAST_RETRY_AWAY = Duration.ofMinutes(1);

  /** A report that is older than that would no longer be believed. */
  static final Duration MAX_AGE = Duration.ofMinutes(10);

  private static final Logger log = LoggerFactory.getLogger(Mirror.class);

  private final ApiReader api;
  private final Kind<T> kind;
  private final Supplier<Answer<Discovery>> discovery;
  private final Runnable changed;
  private final Sleeper sleeper;
  private final RandomGenerator random;
  private final LongSupplier nanos;
  private final Map<String, T> records = new ConcurrentHashMap<>();
  private final CountDownLatch tried = new CountDownLatch(1);

  /** Why the records are not what they should be; empty: they are. */
  private volatile Optional<Answer.Missing<T>> failure;

  private volatile long currentNanos;

  private volatile boolean listed;

  Mirror(
      ApiReader api,
      Kind<T> kind,
      Supplier<Answer<Discovery>> discovery,
      Runnable changed,
      Sleeper sleeper,
      RandomGenerator random,
      LongSupplier nanos) {
    this.api = api;
    this.kind = kind;
    this.discovery = discovery;
    this.changed = changed;
    this.sleeper = sleeper;
    this.random = random;
    this.nanos = nanos;
    this.currentNanos = nanos.getAsLong();
    this.failure = Optional.of(new Answer.Missing<>(Cause.TIMEOUT, kind + " is not read yet"));
  }

  /** Never blocks. */
  Answer<Collection<T>> all() {
    var now = failure;
    boolean stale = nanos.getAsLong() - currentNanos > MAX_AGE.toNanos();
    return now.isPresent() && (!listed || stale)
        ? now.get().of()
        : new Answer.Found<>(records.values());
  }

  /** Waits until the first list is there or has failed. */
  CountDownLatch tried() {
    return tried;
  }

  /** Lists and watches until it is interrupted. */
  void run() throws InterruptedException {
    var wait = new DoublingWait(FIRST_RETRY);
    while (true) {
      try {
        if (listAndWatch()) {
          wait.worked();
        }
      } catch (RuntimeException e) {
        log.error("cluster cannot be read, which is a bug: kind={}", kind, e);
        failed(new Answer.Missing<>(Cause.UNREADABLE, kind + ": " + e));
      }
      tried.countDown();
      sleeper.sleep(jittered(wait.next(lastRetry())));
    }
  }

  /** Whether there was a watch that told something, or ended as it should. */
  private boolean listAndWatch() throws InterruptedException {
    var listed = list();
    tried.countDown();
    return listed instanceof Answer.Found<ApiReader.Listed>(var list)
        && watch(list.resourceVersion());
  }

  /** A right may be given at any time; an API server that was away is to be read soon again. */
  private Duration lastRetry() {
    return failure
        .filter(missing -> missing.cause() == Cause.UNAVAILABLE || missing.cause() == Cause.TIMEOUT)
        .map(_ -> LAST_RETRY_AWAY)
        .orElse(LAST_RETRY);
  }

  private Duration jittered(Duration wait) {
    return wait.plusMillis(random.nextLong(wait.toMillis() / 2 + 1));
  }

  private Answer<ApiReader.Listed> list() throws InterruptedException {
    Set<String> seen = new HashSet<>();
    var listed =
        Survey.listed(
            api,
            kind,
            discovery.get(),
            object -> {
              String key = key(object);
              kind.record()
                  .apply(object)
                  .ifPresent(
                      record -> {
                        seen.add(key);
                        records.put(key, record);
                      });
            });
    switch (listed) {
      case Answer.Found<ApiReader.Listed> _ -> {
        records.keySet().retainAll(seen);
        succeeded();
        changed.run();
      }
      case Answer.Missing<ApiReader.Listed> missing -> failed(missing);
    }
    return listed;
  }

  private void succeeded() {
    currentNanos = nanos.getAsLong();
    if (failure.isPresent() && tried.getCount() == 0) {
      log.info("cluster is read again: kind={}", kind);
    }
    failure = Optional.empty();
    listed = true;
  }

  private void failed(Answer.Missing<?> missing) {
    var before = failure;
    failure = Optional.of(missing.of());
    if (before.isEmpty() || before.get().cause() != missing.cause()) {
      changed.run();
      if (missing.cause() != Cause.NOT_SERVED) {
        log.warn(
            "cluster cannot be read: kind={} cause={} reason={}",
            kind,
            missing.cause(),
            missing.detail());
      }
    }
  }

  /** Watches as long as it goes on from where it was; whether it worked at all. */
  private boolean watch(String from) throws InterruptedException {
    var version = new Progress(from);
    boolean worked = false;
    while (true) {
      String served =
          discovery.get().found().flatMap(now -> now.version(kind.group())).orElse(kind.version());
      String path =
          kind.path(served)
              + "?watch=true&allowWatchBookmarks=true&timeoutSeconds="
              + jittered(WATCH.dividedBy(2)).toSeconds()
              + "&resourceVersion="
              + version.reached;
      long startNanos = nanos.getAsLong();
      var end = api.watch(path, kind.watchAccept(), WATCH.plus(WATCH_MARGIN), version);
      switch (end) {
        case Answer.Found<WatchEnd>(var how) -> {
          if (how == WatchEnd.EXPIRED) {
            return worked;
          }
          worked = true;
          currentNanos = nanos.getAsLong();
          if (currentNanos - startNanos < SHORT_WATCH.toNanos()) {
            sleeper.sleep(jittered(FIRST_RETRY));
          }
        }
        case Answer.Missing<WatchEnd> missing -> {
          failed(missing);
          return worked || version.moved;
        }
      }
    }
  }

  private final class Progress implements ApiReader.Events {
    private String reached;
    private boolean moved;

    Progress(String from) {
      reached = from;
    }

    @Override
    public void changed(JsonNode object) {
      String key = key(object);
      Optional<T> record = kind.record().apply(object);
      T before = record.isPresent() ? records.put(key, record.get()) : records.remove(key);
      // Heartbeats change nothing that is kept.
      if (record.isPresent() ? !record.get().equals(before) : before != null) {
        Mirror.this.changed.run();
      }
    }

    @Override
    public void deleted(JsonNode object) {
      if (records.remove(key(object)) != null) {
        Mirror.this.changed.run();
      }
    }

    @Override
    public void reached(String resourceVersion) {
      moved = true;
      currentNanos = nanos.getAsLong();
      if (!resourceVersion.isEmpty()) {
        reached = resourceVersion;
      }
    }
  }

  private static String key(JsonNode object) {
    String namespace = Json.namespace(object);
    return namespace.isEmpty() ? Json.name(object) : namespace + "/" + Json.name(object);
  }
}
