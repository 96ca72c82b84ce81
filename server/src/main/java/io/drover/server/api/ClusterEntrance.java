package io.drover.server.api;

import io.drover.server.account.Accounts;
import io.drover.server.account.Principal;
import io.drover.server.account.Rights;
import io.drover.server.account.Role;
import io.drover.server.proxy.ClusterBindings;
import io.drover.server.proxy.ClusterProxy;
import io.drover.server.proxy.KubernetesStatus;
import io.drover.server.proxy.SecurityHeaders;
import io.drover.server.proxy.User;
import io.drover.server.store.Store;
import java.util.List;
import java.util.Locale;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/**
 * {@code /k8s/clusters/ID/REST}: the rest, with its query, goes to the cluster as it came, in the
 * name of whoever sent it. For those who are no members, the cluster is not there.
 */
public final class ClusterEntrance {
  static final String CLUSTERS = "/k8s/clusters/";

  private final Store store;
  private final Principals principals;
  private final Rights rights;
  private final ClusterBindings bindings;
  private final ClusterProxy proxy;

  /** To the clusters of {@code store}. */
  public ClusterEntrance(
      Store store,
      Principals principals,
      Rights rights,
      ClusterBindings bindings,
      ClusterProxy proxy) {
    this.store = store;
    this.principals = principals;
    this.rights = rights;
    this.bindings = bindings;
    this.proxy = proxy;
  }

  /** Where it is. */
  public List<Route> routes() {
    return List.of(
        Route.from(
            CLUSTERS, (request, response, callback, _) -> handle(request, response, callback)));
  }

  /** Answers as an API server would. */
  private void handle(Request request, Response response, Callback callback) {
    try {
      forward(request, response, callback);
    } catch (RefusedException e) {
      Answers.closeIfUnread(request, response);
      KubernetesStatus.write(response, callback, e.status(), e.word(), e.reason());
    }
  }

  private void forward(Request request, Response response, Callback callback)
      throws RefusedException {
    var who =
        principals
            .of(request)
            .orElseThrow(() -> new RefusedException(401, "Unauthorized", "Unauthorized"));
    var rest = request.getHttpURI().getPathQuery().substring(CLUSTERS.length());
    int end = 0;
    while (end < rest.length() && "/?".indexOf(rest.charAt(end)) < 0) {
      end++;
    }
    var clusterId = rest.substring(0, end);
    var role = rights.role(who, clusterId);
    if (role.isEmpty() || store.cluster(clusterId).isEmpty()) {
      throw new RefusedException(404, "NotFound", "cluster not found: " + clusterId);
    }
    if (role.get() != Role.ADMIN && impersonates(request)) {
      throw Access.refused("only an administrator may send Impersonate-* fields");
    }
    SecurityHeaders.putOfCluster(response, who.isBrowser());
    var given = rest.substring(end);
    var target = given.startsWith("/") ? given : "/" + given;
    // The agent's own API takes nobody of system:masters: whoever may see all is bound to a role.
    var as = ClusterProxy.isSteve(target) && role.get() == Role.ADMIN ? Role.OWNER : role.get();
    var problem = bindings.ensure(clusterId, as);
    proxy.handle(request, response, callback, clusterId, target, user(who, as), problem);
  }

  private static boolean impersonates(Request request) {
    return request.getHeaders().stream()
        .anyMatch(field -> field.getName().toLowerCase(Locale.ROOT).startsWith("impersonate-"));
  }

  /** Who that is in the cluster: an id, since a name may be given to somebody else one day. */
  private static User user(Principal who, Role role) {
    var account = who.account();
    return new User(
        account.username().equals(Accounts.ADMIN) ? Accounts.ADMIN : account.id(),
        List.of("system:authenticated", "system:cattle:authenticated", role.group()));
  }
}
