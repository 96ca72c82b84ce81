package io.drover.steve;

import io.drover.steve.api.Api;
import io.drover.steve.api.ClusterStore;
import io.drover.steve.api.CountStore;
import io.drover.steve.api.DefinitionStore;
import io.drover.steve.api.GroupStore;
import io.drover.steve.api.HeldLists;
import io.drover.steve.api.KubeStore;
import io.drover.steve.api.ListRelations;
import io.drover.steve.api.PreferenceStore;
import io.drover.steve.api.RootStore;
import io.drover.steve.api.SchemaStore;
import io.drover.steve.api.SubscribeStore;
import io.drover.steve.http.Answer;
import io.drover.steve.http.Handler;
import io.drover.steve.http.Request;
import io.drover.steve.kube.ApiAccess;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Stopping;
import io.drover.steve.live.Feeds;
import io.drover.steve.live.LiveCounts;
import io.drover.steve.query.Dialect;
import io.drover.steve.schema.Cluster;
import io.drover.steve.shell.ShellImage;
import io.drover.steve.shell.Shells;
import io.drover.steve.store.Budget;
import io.drover.steve.store.Space;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What Rancher's Explorer asks for, answered. Before the first request nothing is opened, asked, or
 * even loaded: most agents are never asked. Any thread.
 */
public final class Explorer implements Handler, AutoCloseable {
  /** The feature's name in the chart's rights. */
  public static final String FEATURE = "explorer";

  /**
   * How to answer.
   *
   * @param features Rancher's list, which says what its dashboard speaks
   * @param serverVersion Rancher's, which says it too; empty: a new one
   * @param mastersAllowed whether a user may be a member of {@code system:masters}
   * @param shellImage of the pods of kubectl shells
   * @param directory of files, on a disk, for what is held; empty: there is memory only
   */
  public record Options(
      String features,
      String serverVersion,
      boolean mastersAllowed,
      ShellImage shellImage,
      Optional<Path> directory) {
    private Space space() {
      return new Space(
          new Budget(HELD_BYTES),
          directory.map(path -> new Space.Disk(path, new Budget(HELD_DISK_BYTES))));
    }
  }

  /** What may be held in memory of changes and objects that somebody looks at. */
  static final long HELD_BYTES = 16L * 1024 * 1024;

  /**
   * What files may take of a disk; the chart's volume is larger than that. 100,000 pods take 64 MiB
   * of it ({@code StoreSizeTest}).
   */
  static final long HELD_DISK_BYTES = 512L * 1024 * 1024;

  private final ApiAccess access;
  private final Guard guard;
  private final Options options;

  // Set under this lock.
  private volatile @Nullable Parts parts;

  // Guarded by this.
  private boolean closed;

  /** Does nothing yet, and lets users do what their roles allow. */
  public Explorer(ApiAccess access, Options options) {
    this(access, Guard.NONE, options);
  }

  /**
   * Does nothing yet.
   *
   * @param guard what limits users beside their roles
   */
  public Explorer(ApiAccess access, Guard guard, Options options) {
    this.access = access;
    this.guard = guard;
    this.options = options;
  }

  /** All of it. */
  private record Parts(
      ApiServer api,
      Cluster cluster,
      Feeds feeds,
      LiveCounts counts,
      Shells shells,
      Api answering) {
    static Parts of(ApiAccess access, Guard guard, Options options) {
      var clock = Clock.systemUTC();
      var api = new ApiServer(access, guard);
      var cluster = new Cluster(api, System::nanoTime);
      var space = options.space();
      var counts = new LiveCounts(api, CountStore::accept, clock, System::nanoTime);
      var dialect = Dialect.of(options.features(), options.serverVersion());
      var feeds =
          new Feeds(api, space, System::nanoTime, type -> HeldLists.form(type, dialect, clock));
      var relations = new ListRelations(api, counts, clock);
      var shells = new Shells(api, options.shellImage(), clock);
      shells.sweep();
      return new Parts(
          api,
          cluster,
          feeds,
          counts,
          shells,
          new Api(
              cluster,
              options.mastersAllowed(),
              Map.of(
                  "schema",
                      new SchemaStore(api, Dialect.isWithoutDefinitions(options.serverVersion())),
                  "apiRoot", new RootStore(),
                  "apigroup", new GroupStore(api),
                  "count", new CountStore(api, counts, clock),
                  "schemaDefinition", new DefinitionStore(api),
                  "subscribe",
                      new SubscribeStore(
                          api,
                          cluster,
                          feeds,
                          relations,
                          counts,
                          dialect,
                          clock,
                          System::nanoTime,
                          options.serverVersion()),
                  "userpreference", new PreferenceStore(api),
                  "management.cattle.io.cluster", new ClusterStore(api, shells, clock)),
              new KubeStore(api, feeds, relations, counts, dialect, clock)));
    }
  }

  private synchronized Parts parts() throws IOException {
    if (closed) {
      throw Stopping.late();
    }
    if (parts == null) {
      parts = Parts.of(access, guard, options);
    }
    return parts;
  }

  @Override
  public void handle(Request request, Answer answer) throws IOException {
    parts().answering().handle(request, answer);
  }

  /**
   * The first right that the agent's own account lacks for it, as far as somebody has looked;
   * empty: nothing is known to be missing. Never blocks.
   */
  public Optional<String> missingRight() {
    var now = parts;
    return now == null ? Optional.empty() : now.api().missingRight();
  }

  /** Ends what is asked, and forgets everything. */
  @Override
  public synchronized void close() {
    closed = true;
    if (parts != null) {
      parts.shells().close();
      parts.feeds().close();
      parts.counts().close();
      parts.cluster().close();
      parts.api().close();
    }
  }
}
