package io.drover.server.api;

import io.drover.server.health.HealthChecks;
import io.drover.server.health.Refusals;
import io.drover.server.proxy.ClusterProxy;
import io.drover.server.proxy.KubernetesStatus;
import io.drover.server.proxy.User;
import io.drover.server.store.Conditions;
import io.drover.server.store.DatabaseException;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Reports;
import io.drover.server.store.Secret;
import io.drover.server.store.Store;
import io.drover.server.tunnel.Sessions;
import java.io.IOException;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.core.WebSocketComponents;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every request comes here, on a virtual thread of its own, and is answered before it leaves. */
public final class Router extends Handler.Abstract {
  private static final String CLUSTERS = "/k8s/clusters/";
  private static final String IMPORT = "/v3/import/";
  private static final String V3_CLUSTERS = "/v3/clusters";
  private static final String TOKENS = "/v3/clusterregistrationtokens";
  private static final String RESOURCES = "/v1/management.cattle.io.clusters";
  private static final String BEARER = "Bearer ";

  /** The only user so far. The group lets it do everything in every cluster. */
  private static final User ADMIN =
      new User(
          "admin",
          List.of("system:authenticated", "system:cattle:authenticated", "system:masters"));

  private static final Logger log = LoggerFactory.getLogger(Router.class);

  private final Store store;
  private final Installation installation;
  private final Secret adminToken;
  private final AgentEntrance entrance;
  private final ReportEntrance reports;
  private final ClusterApi clusters;
  private final RegistrationTokens tokens;
  private final TokenApi tokenApi;
  private final FleetMetrics metrics;
  private final ClusterProxy proxy;

  /** All that requests are about. */
  public Router(
      Store store,
      RegistrationTokens tokens,
      Conditions conditions,
      Reports reports,
      Sessions sessions,
      HealthChecks health,
      Refusals refusals,
      InstantSource clock,
      ClusterProxy proxy,
      Installation installation,
      Secret adminToken,
      WebSocketComponents components) {
    this.store = store;
    this.installation = installation;
    this.adminToken = adminToken;
    this.tokens = tokens;
    this.entrance = new AgentEntrance(store, tokens, refusals, clock, sessions, components);
    this.reports = new ReportEntrance(tokens, reports);
    this.clusters =
        new ClusterApi(store, reports, conditions, health, sessions, installation, adminToken);
    this.tokenApi = new TokenApi(tokens, installation, clock);
    this.metrics = new FleetMetrics(store, reports, health, sessions, clock);
    this.proxy = proxy;
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    try {
      route(request, response, callback);
    } catch (IllegalArgumentException e) {
      Answers.error(response, callback, 422, "InvalidBodyContent", String.valueOf(e.getMessage()));
    } catch (DatabaseException e) {
      log.warn("request failed: path={} reason={}", request.getHttpURI().getPath(), e.getMessage());
      Answers.error(response, callback, 503, "ServiceUnavailable", String.valueOf(e.getMessage()));
    } catch (IOException e) {
      log.warn("request failed: path={} reason={}", request.getHttpURI().getPath(), e.toString());
      Answers.error(response, callback, 500, "ServerError", String.valueOf(e.getMessage()));
    }
    return true;
  }

  private void route(Request request, Response response, Callback callback) throws IOException {
    var path = Objects.requireNonNullElse(request.getHttpURI().getPath(), "/");
    switch (path) {
      case "/" -> root(response, callback);
      case "/ping" -> Answers.text(response, callback, 200, "pong");
      case "/healthz" -> Answers.text(response, callback, 200, "ok");
      case "/v3/settings/cacerts" -> authority(response, callback);
      case "/v3/connect", "/v3/connect/register" -> entrance.handle(request, response, callback);
      case "/metrics" -> {
        if (isAdmin(request, response, callback)) {
          metrics.write(response, callback);
        }
      }
      case "/v3/reports" -> reports.handle(request, response, callback);
      default -> {
        if (path.startsWith(IMPORT)) {
          manifest(request, response, callback, path.substring(IMPORT.length()));
        } else if (path.startsWith(CLUSTERS)) {
          forward(request, response, callback);
        } else if (isAt(path, TOKENS)) {
          if (isAdmin(request, response, callback)) {
            tokenApi.handle(request, response, callback, path.substring(TOKENS.length()));
          }
        } else if (isAt(path, V3_CLUSTERS)) {
          if (isAdmin(request, response, callback)) {
            clusters.clusters(request, response, callback, path.substring(V3_CLUSTERS.length()));
          }
        } else if (isAt(path, RESOURCES)) {
          if (isAdmin(request, response, callback)) {
            clusters.resources(request, response, callback, path.substring(RESOURCES.length()));
          }
        } else {
          Answers.error(response, callback, 404, "NotFound", "no such path");
        }
      }
    }
  }

  private static boolean isAt(String path, String root) {
    return path.equals(root) || path.startsWith(root + "/");
  }

  private void root(Response response, Callback callback) {
    Answers.json(
        response,
        callback,
        200,
        Answers.JSON
            .createObjectNode()
            .put("type", "apiRoot")
            .put("product", "drover-server")
            .put("version", installation.version()));
  }

  private void authority(Response response, Callback callback) {
    Answers.json(
        response,
        callback,
        200,
        Answers.JSON
            .createObjectNode()
            .put("type", "setting")
            .put("id", "cacerts")
            .put("value", installation.caPem()));
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
    response.getHeaders().put("Cache-Control", "no-cache, no-store, must-revalidate");
    Answers.text(
        response,
        callback,
        200,
        Manifest.render(
            installation, installation.urlFor(request), new Secret(token), cluster.get().spec()));
  }

  /** {@code /k8s/clusters/ID/REST}: the rest, with its query, goes to the cluster as it came. */
  private void forward(Request request, Response response, Callback callback) {
    if (!hasAdminToken(request)) {
      KubernetesStatus.write(response, callback, 401, "Unauthorized", "Unauthorized");
      return;
    }
    var rest = request.getHttpURI().getPathQuery().substring(CLUSTERS.length());
    int end = 0;
    while (end < rest.length() && "/?".indexOf(rest.charAt(end)) < 0) {
      end++;
    }
    var clusterId = rest.substring(0, end);
    if (store.cluster(clusterId).isEmpty()) {
      KubernetesStatus.write(
          response, callback, 404, "NotFound", "cluster not found: " + clusterId);
      return;
    }
    var target = rest.substring(end);
    proxy.handle(
        request,
        response,
        callback,
        clusterId,
        target.startsWith("/") ? target : "/" + target,
        ADMIN);
  }

  private boolean isAdmin(Request request, Response response, Callback callback) {
    if (hasAdminToken(request)) {
      return true;
    }
    Answers.error(response, callback, 401, "Unauthorized", "must authenticate");
    return false;
  }

  private boolean hasAdminToken(Request request) {
    var value = Objects.requireNonNullElse(request.getHeaders().get(HttpHeader.AUTHORIZATION), "");
    return value.startsWith(BEARER) && adminToken.matches(value.substring(BEARER.length()));
  }
}
