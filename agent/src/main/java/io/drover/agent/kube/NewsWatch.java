package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.ApiReader.WatchEnd;
import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.DoublingWait;
import io.drover.agent.retry.Sleeper;
import io.drover.proto.report.Cause;
import java.net.URLEncoder;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells when one of a few objects changes or goes: those that what the server is told is made of.
 * Each is watched by its name, and without its content; whoever is told reads it. A hint only,
 * which may be missing: the right to watch, the API server, or a moment at the beginning of a
 * watch. So the objects are to be looked at now and then all the same. Any thread; a virtual one an
 * object.
 */
public final class NewsWatch implements AutoCloseable {
  /** The feature's name in the chart's rights. */
  public static final String FEATURE = "watch";

  /** The API server ends a watch after so long, and a new one begins. Bookmarks keep it alive. */
  static final Duration WATCH = Duration.ofHours(1);

  /** A watch that nobody ends is ended here, so much later. */
  static final Duration WATCH_MARGIN = Duration.ofSeconds(30);

  /** Before another attempt; doubles to {@link #LAST_RETRY} as long as there is no watch. */
  static final Duration FIRST_RETRY = Duration.ofSeconds(2);

  static final Duration LAST_RETRY = Duration.ofMinutes(5);

  private static final Logger log = LoggerFactory.getLogger(NewsWatch.class);

  /** Where objects of one kind are; one of each is followed. */
  public enum Followed {
    SERVICE_ACCOUNT("serviceaccounts"),
    ROOT_CA("configmaps"),
    /** With the service account's token. */
    TOKEN("secrets"),
    /** With the registration token, if it is not read from files. */
    CREDENTIALS("secrets");

    private final String plural;

    Followed(String plural) {
      this.plural = plural;
    }
  }

  private record Follower(String name, Thread thread) {}

  private final ApiReader api;
  private final String namespace;
  private final Runnable changed;
  private final Sleeper sleeper;
  private final ChangeLog changes = ChangeLog.ofLoop(log, System::nanoTime);
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private final Map<Followed, Follower> followers = new HashMap<>();
  private final SortedMap<Followed, String> forbidden = new TreeMap<>();
  private boolean closed;

  /**
   * Follows nothing yet.
   *
   * @param namespace of all objects
   * @param changed is called when something may be new; must not block
   */
  public NewsWatch(ApiReader api, String namespace, Runnable changed, Sleeper sleeper) {
    this.api = api;
    this.namespace = namespace;
    this.changed = changed;
    this.sleeper = sleeper;
  }

  /** From now on this object, in place of the one before; nothing changes if it is the same. */
  public void follow(Followed what, String name) {
    @Nullable Follower before;
    lock.lock();
    try {
      before = followers.get(what);
      if (closed || (before != null && before.name().equals(name))) {
        return;
      }
      var thread = Thread.ofVirtual().name("news-" + what.plural).unstarted(() -> run(what, name));
      followers.put(what, new Follower(name, thread));
      thread.start();
    } finally {
      lock.unlock();
    }
    if (before != null) {
      before.thread().interrupt();
    }
  }

  /** The right that is missing; empty: none is, as far as it is known. Never blocks. */
  public Optional<Problem> problem() {
    lock.lock();
    try {
      return forbidden.isEmpty()
          ? Optional.empty()
          : Optional.of(new Problem(Reason.FORBIDDEN, String.join("; ", forbidden.values())));
    } finally {
      lock.unlock();
    }
  }

  private void run(Followed what, String name) {
    var seen = new Seen();
    var wait = new DoublingWait(FIRST_RETRY);
    try {
      while (true) {
        var end = api.watch(path(what, name), ObjectMetadata.FORM, WATCH.plus(WATCH_MARGIN), seen);
        noteRight(what, end);
        if (end.found().isPresent()) {
          wait.worked();
        }
        sleeper.sleep(wait.next(LAST_RETRY));
      }
    } catch (InterruptedException _) {
      // Closed, or another object is followed.
    }
  }

  private String path(Followed what, String name) {
    return "/api/v1/namespaces/%s/%s?watch=true&allowWatchBookmarks=true&timeoutSeconds=%d&fieldSelector=%s"
        .formatted(
            namespace,
            what.plural,
            WATCH.toSeconds(),
            URLEncoder.encode("metadata.name=" + name, UTF_8));
  }

  private void noteRight(Followed what, Answer<WatchEnd> end) {
    lock.lock();
    try {
      if (end instanceof Answer.Missing<WatchEnd>(var cause, var detail)
          && cause == Cause.FORBIDDEN) {
        forbidden.put(what, "watch " + what.plural + ": " + detail);
      } else {
        forbidden.remove(what);
      }
    } finally {
      lock.unlock();
    }
    var problem = problem();
    if (problem.isPresent()) {
      changes.bad(
          problem.get().reason().code(),
          "a right is missing: feature=%s reason=%s".formatted(FEATURE, problem.get().text()));
    } else {
      changes.works("changes are watched for again: feature=" + FEATURE);
    }
  }

  /** Of one object, for its thread. A watch begins with the object as it is. */
  private final class Seen implements ApiReader.Events {
    private String version = "";

    @Override
    public void changed(JsonNode object) {
      String now = object.path("metadata").path("resourceVersion").asText();
      boolean isNews = !version.isEmpty() && !version.equals(now);
      version = now;
      if (isNews) {
        changed.run();
      }
    }

    @Override
    public void deleted(JsonNode object) {
      changed.run();
    }

    @Override
    public void reached(String resourceVersion) {}
  }

  /** Ends all watches. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      followers.values().forEach(follower -> follower.thread().interrupt());
    } finally {
      lock.unlock();
    }
  }
}
