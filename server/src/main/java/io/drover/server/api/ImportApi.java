package io.drover.server.api;

import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Secret;
import io.drover.server.store.Store;
import java.util.List;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** {@code /v3/import/TOKEN_CLUSTER.yaml}: what is applied to import a cluster. */
public final class ImportApi {
  static final String IMPORT = "/v3/import/";

  private final Store store;
  private final RegistrationTokens tokens;
  private final Installation installation;

  /** For the clusters of {@code store}. */
  public ImportApi(Store store, RegistrationTokens tokens, Installation installation) {
    this.store = store;
    this.tokens = tokens;
    this.installation = installation;
  }

  /** Where that is. */
  public List<Route> routes() {
    return List.of(Route.from(IMPORT, this::manifest));
  }

  private void manifest(Request request, Response response, Callback callback, String name) {
    int underscore = name.indexOf('_');
    if (underscore < 0 || !name.endsWith(".yaml")) {
      Answers.text(response, callback, 404, "not found");
      return;
    }
    var token = name.substring(0, underscore);
    var clusterId = name.substring(underscore + 1, name.length() - ".yaml".length());
    var cluster = tokens.clusterOf(token).filter(found -> found.id().equals(clusterId));
    if (cluster.isEmpty()) {
      Answers.text(response, callback, 400, "cluster not found or invalid token");
      return;
    }
    store.manifestFetched(clusterId);
    Answers.text(
        response,
        callback,
        200,
        Manifest.render(
            installation, installation.urlFor(request), new Secret(token), cluster.get().spec()));
  }
}
