package io.drover.steve;

import io.drover.steve.api.Api;
import io.drover.steve.api.ClusterStore;
import io.drover.steve.api.CountStore;
import io.drover.steve.api.DefinitionStore;
import io.drover.steve.api.GroupStore;
import io.drover.steve.api.KubeStore;
import io.drover.steve.api.PreferenceStore;
import io.drover.steve.api.RootStore;
import io.drover.steve.api.SchemaStore;
import io.drover.steve.api.SubscribeStore;
import io.drover.steve.http.Answer;
import io.drover.steve.http.Handler;
import io.drover.steve.http.Request;
import io.drover.steve.kube.ApiAccess;
import io.drover.steve.kube.ApiServer;
import io.drover.steve.query.Dialect;
import io.drover.steve.schema.Cluster;
import java.io.IOException;
import java.time.Clock;
import java.util.Map;

/** What Rancher's Explorer asks for, answered. Any thread. */
public final class Explorer implements Handler, AutoCloseable {
  private final ApiServer api;
  private final Cluster cluster;
  private final Api answering;

  /**
   * Opens nothing and asks nothing before the first request.
   *
   * @param dialect that the server's dashboard speaks
   * @param mastersAllowed whether a user may be a member of {@code system:masters}
   */
  public Explorer(ApiAccess access, Dialect dialect, boolean mastersAllowed) {
    var clock = Clock.systemUTC();
    api = new ApiServer(access);
    cluster = new Cluster(api, System::nanoTime);
    answering =
        new Api(
            cluster,
            mastersAllowed,
            Map.of(
                "schema", new SchemaStore(),
                "apiRoot", new RootStore(),
                "apigroup", new GroupStore(api),
                "count", new CountStore(api, clock),
                "schemaDefinition", new DefinitionStore(api),
                "subscribe", new SubscribeStore(),
                "userpreference", new PreferenceStore(),
                "management.cattle.io.cluster", new ClusterStore()),
            new KubeStore(api, dialect, clock));
  }

  @Override
  public void handle(Request request, Answer answer) throws IOException {
    answering.handle(request, answer);
  }

  /** Ends what is asked, and forgets everything. */
  @Override
  public void close() {
    cluster.close();
    api.close();
  }
}
