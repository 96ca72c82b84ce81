package io.drover.steve.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.api.ToldObjects.Around;
import io.drover.steve.api.ToldObjects.Manner;
import io.drover.steve.http.Query;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Watch;
import io.drover.steve.live.Change;
import io.drover.steve.live.Feed;
import io.drover.steve.live.Feeds;
import io.drover.steve.schema.ResourceType;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * How a page begins to hear of a type: the place in its {@link Feed} from which on changes are
 * told, and before that the objects that are there. A virtual thread of its own works on it, since
 * the API server may take its time.
 */
final class Beginning implements AutoCloseable {
  /** For the type to be watched. */
  static final Duration START_LIMIT = Duration.ofSeconds(20);

  /** Objects that are there and that the page has not yet been sent. */
  private static final int MAX_UNSENT = 16;

  /**
   * Where in the feed it begins.
   *
   * @param first what is told first
   * @param skipped a version: what is not behind it is known, and not told
   * @param noticed the version that the page is told of at once, if it hears only that something
   *     has changed; -1: none
   */
  record Place(Feeds.View view, long first, long skipped, long noticed) {}

  private final Wanted wanted;
  private final String resourceVersion;
  private final Around around;
  private final Call call;
  private final ResourceType type;
  private final Selection selection;
  private final Shown shown;
  private final Thread thread;

  private final BlockingQueue<ObjectNode> there = new ArrayBlockingQueue<>(MAX_UNSENT);

  // Written once by the thread, behind all that it does.
  private volatile @Nullable Place place;
  private volatile @Nullable String failure;

  /**
   * Begins. What is given is the thread's until there is a place, or a failure.
   *
   * @param resourceVersion what the page has seen; may be empty
   */
  Beginning(
      Wanted wanted,
      String resourceVersion,
      Call call,
      Around around,
      Selection selection,
      Shown shown) {
    this.wanted = wanted;
    this.resourceVersion = resourceVersion;
    this.call = call;
    this.around = around;
    this.type = call.schema().type().orElseThrow();
    this.selection = selection;
    this.shown = shown;
    this.thread = Thread.ofVirtual().name("explorer-start-" + type.id()).start(this::run);
  }

  /** Whether all that happens from now on is heard, or will never be. */
  boolean hears() {
    return place != null || failure != null || !there.isEmpty();
  }

  /** Where it begins; null: that is not known yet. Behind it nothing more is {@link #there}. */
  @Nullable Place place() {
    return place;
  }

  /** Why nothing will be heard; null: something will. */
  @Nullable String failure() {
    return failure;
  }

  /** The next of the objects that are there, as it is sent; null: none for now. */
  @Nullable ObjectNode there() {
    return there.poll();
  }

  private void run() {
    try {
      place = find();
    } catch (Refusal e) {
      failure = stopped(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      failure = "event watch error: " + e.getMessage();
    } catch (InterruptedException _) {
      return; // nobody wants it any more
    }
    around.wake().run();
  }

  private String stopped(String why) {
    return "stopping watch for %1$s: %2$s: %2$s".formatted(type.id(), why);
  }

  /** Null if it has failed, which is said. */
  private @Nullable Place find() throws IOException, InterruptedException {
    long revision = Change.revision(resourceVersion).orElse(0L);
    boolean isGiven = !resourceVersion.isEmpty();
    if (isGiven && Change.revision(resourceVersion).isEmpty()) {
      failure = notANumber();
      return null;
    }
    var view = around.feeds().look(type, revision, around.wake());
    Place found = null;
    try {
      found = find(view, revision, isGiven);
      return found;
    } finally {
      if (found == null) {
        view.close();
      }
    }
  }

  private String notANumber() {
    if (around.manner() == Manner.SQL) {
      return "resourceversion too old";
    }
    return stopped(
        "resourceVersion: Invalid value: \"%1$s\": strconv.ParseUint: parsing \"%1$s\": invalid syntax"
            .formatted(resourceVersion));
  }

  private @Nullable Place find(Feeds.View view, long revision, boolean isGiven)
      throws IOException, InterruptedException {
    var feed = view.feed();
    if (!feed.await(START_LIMIT)) {
      failure = feed.refusal().orElse("not watched within " + START_LIMIT.toSeconds() + " s");
      return null;
    }
    if (wanted.id().isEmpty()) {
      feed.hold(); // it is a list that is looked at
    }
    boolean fromNow = !isGiven || (revision <= 0 && around.manner() == Manner.CLASSIC);
    if (fromNow) {
      // "-1" is now without what is there.
      return revision == 0 && around.manner() == Manner.CLASSIC
          ? tellWhatIsThere(view)
          : new Place(view, selectFrom(feed, 0), 0, -1);
    }
    if (revision > feed.last() && around.manner() == Manner.SQL && isToCome(revision)) {
      failure = tooOld(feed);
      return null;
    }
    var first = feed.place(revision);
    if (first.isEmpty()) {
      failure = tooOld(feed);
      return null;
    }
    selectFrom(feed, revision);
    return new Place(view, first.get(), revision, -1);
  }

  /** What is said of a version from which on changes are not known any more. */
  String tooOld(Feed feed) {
    return around.manner() == Manner.SQL
        ? "resourceversion too old"
        : "event watch error: too old resource version: %s (%d)"
            .formatted(resourceVersion.isEmpty() ? "0" : resourceVersion, feed.last());
  }

  private boolean isToCome(long revision) throws IOException {
    return Change.revision(Watch.versionNow(around.api(), type.path(""))).orElse(0L) < revision;
  }

  /** The place from which on the selected objects are known, if they must be. */
  private long selectFrom(Feed feed, long revision) throws IOException {
    long first = feed.end();
    if (!selection.isEverything()) {
      var query = query();
      try {
        list(
            revision > 0
                ? query
                    .with("resourceVersion", Long.toString(revision))
                    .with("resourceVersionMatch", "Exact")
                : query,
            ApiRequest.METADATA,
            selection::select);
      } catch (Refusal e) {
        if (e.status() != HttpURLConnection.HTTP_GONE) {
          throw e;
        }
        list(query, ApiRequest.METADATA, selection::select);
      }
    }
    return first;
  }

  private Query query() {
    var query = Query.parse("");
    if (!wanted.id().isEmpty()) {
      query = query.with("fieldSelector", "metadata.name=" + wanted.name());
    }
    return selection.isEverything() ? query : query.with("labelSelector", selection.text());
  }

  private interface Each {
    void object(ObjectNode object) throws IOException;
  }

  /** Returns the version of the list. */
  private String list(Query query, String accept, Each each) throws IOException {
    String namespace = type.namespaced() ? wanted.namespace() : "";
    String target = type.path(ApiRequest.segment(namespace)) + "?" + query.text();
    try (var answer = around.api().send(ApiRequest.get(target, accept))) {
      return new Rows(false)
          .list(answer.body(), (object, _) -> each.object(object))
          .path("resourceVersion")
          .asText("");
    }
  }

  private Place tellWhatIsThere(Feeds.View view) throws IOException, InterruptedException {
    long first = view.feed().end();
    if (wanted.isOfChanges()) {
      selectFrom(view.feed(), 0);
      return new Place(view, first, 0, view.feed().last());
    }
    String version;
    try (var others = around.relations().of(call.in(wanted.namespace()), true, false)) {
      version =
          list(
              query().with("includeObject", "Object"),
              ApiRequest.TABLE,
              object -> {
                selection.select(object);
                if (wanted.isFor(call, object)) {
                  shown.prepare(object);
                  put(shown.of(call, object, others));
                }
              });
    } catch (LeftException _) {
      throw new InterruptedException("nobody wants it any more");
    }
    // What came while the list was read is not told again.
    return new Place(view, first, Change.revision(version).orElse(0L), -1);
  }

  private void put(ObjectNode object) throws LeftException {
    try {
      there.put(object);
    } catch (InterruptedException _) {
      throw new LeftException();
    }
    around.wake().run();
  }

  /** An interruption, where only another kind of exception may be thrown. */
  private static final class LeftException extends IOException {
    private static final long serialVersionUID = 1;
  }

  /** Ends it, and lets go of its place. */
  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    var here = place;
    if (here != null) {
      here.view().close();
    }
  }
}
