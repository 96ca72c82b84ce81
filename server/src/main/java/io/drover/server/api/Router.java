package io.drover.server.api;

import io.drover.server.account.AuditLog;
import io.drover.server.account.BusyException;
import io.drover.server.account.People;
import io.drover.server.account.Rights;
import io.drover.server.health.HealthChecks;
import io.drover.server.health.Refusals;
import io.drover.server.page.Page;
import io.drover.server.peer.PeerEntrance;
import io.drover.server.proxy.ClusterBindings;
import io.drover.server.proxy.ClusterProxy;
import io.drover.server.proxy.SecurityHeaders;
import io.drover.server.removal.Removals;
import io.drover.server.store.Conditions;
import io.drover.server.store.DatabaseException;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Reports;
import io.drover.server.store.Secret;
import io.drover.server.store.Store;
import io.drover.server.tunnel.Sessions;
import java.io.IOException;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Optional;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.core.WebSocketComponents;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every request comes here, on a virtual thread of its own, and is answered before it leaves. */
public final class Router extends Handler.Abstract {
  private static final String IMPORT = "/v3/import/";
  private static final String V3_CLUSTERS = "/v3/clusters";
  private static final String TOKENS = "/v3/clusterregistrationtokens";
  private static final String RESOURCES = "/v1/management.cattle.io.clusters";
  private static final Logger log = LoggerFactory.getLogger(Router.class);

  private final Store store;
  private final Installation installation;
  private final Page page = Page.load();
  private final ClusterEvents events;
  private final Rights rights;
  private final AgentEntrance entrance;
  private final ReportEntrance reports;
  private final ClusterApi clusters;
  private final RegistrationTokens tokens;
  private final TokenApi tokenApi;
  private final FleetMetrics metrics;
  private final Principals principals;
  private final AccountApi accounts;
  private final OidcApi oidc;
  private final ApiTokenApi apiTokens;
  private final MemberApi members;
  private final ClusterEntrance clusterEntrance;
  private final AuditTrail trail;
  private final Optional<PeerEntrance> peers;

  /**
   * All that requests are about.
   *
   * @param peers for other servers that are one with this one; empty: it is alone
   */
  public Router(
      Store store,
      RegistrationTokens tokens,
      Conditions conditions,
      Reports reports,
      Sessions sessions,
      HealthChecks health,
      Removals removals,
      Refusals refusals,
      InstantSource clock,
      ClusterBindings bindings,
      ClusterProxy proxy,
      Installation installation,
      Secret adminToken,
      People people,
      AuditLog audit,
      WebSocketComponents components,
      Optional<PeerEntrance> peers) {
    this.peers = peers;
    this.store = store;
    this.installation = installation;
    this.tokens = tokens;
    this.entrance = new AgentEntrance(store, tokens, refusals, clock, sessions, components);
    this.reports = new ReportEntrance(tokens, reports);
    var rights = people.rights();
    this.clusters =
        new ClusterApi(
            store,
            reports,
            conditions,
            health,
            removals,
            sessions,
            installation,
            rights,
            people.tokens(),
            clock);
    this.rights = rights;
    this.events = new ClusterEvents(clusters::texts, ClusterEvents.PACE);
    this.tokenApi = new TokenApi(tokens, installation, clock);
    this.metrics = new FleetMetrics(store, reports, health, sessions, clock);
    this.principals = new Principals(adminToken, people);
    this.accounts = new AccountApi(people);
    this.oidc = new OidcApi(people, accounts, installation);
    this.apiTokens = new ApiTokenApi(people.tokens(), rights);
    this.members = new MemberApi(store, people.members(), rights);
    this.clusterEntrance = new ClusterEntrance(store, principals, rights, bindings, proxy);
    this.trail = new AuditTrail(audit);
  }

  @Override
  public boolean handle(Request request, Response response, Callback callback) {
    SecurityHeaders.putOurs(response);
    response.getHeaders().put(ClusterProxy.REQUEST_ID, trail.begin(request));
    try {
      route(request, response, callback);
    } catch (IllegalArgumentException e) {
      Answers.error(response, callback, 422, "InvalidBodyContent", String.valueOf(e.getMessage()));
    } catch (RefusedException e) {
      Answers.closeIfUnread(request, response);
      Answers.error(response, callback, e.status(), e.word(), e.reason());
    } catch (BusyException e) {
      Answers.error(response, callback, 503, "ServiceUnavailable", String.valueOf(e.getMessage()));
    } catch (DatabaseException e) {
      log.warn("request failed: path={} reason={}", request.getHttpURI().getPath(), e.getMessage());
      Answers.error(response, callback, 503, "ServiceUnavailable", String.valueOf(e.getMessage()));
    } catch (IOException e) {
      log.warn("request failed: path={} reason={}", request.getHttpURI().getPath(), e.toString());
      Answers.error(response, callback, 500, "ServerError", String.valueOf(e.getMessage()));
    }
    return true;
  }

  private void route(Request request, Response response, Callback callback)
      throws IOException, RefusedException {
    var path = Objects.requireNonNullElse(request.getHttpURI().getPath(), "/");
    if (page.isAsked(request)) {
      page.handle(request, response, callback);
      return;
    }
    switch (path) {
      case "/" -> root(response, callback);
      case "/ping" -> Answers.text(response, callback, 200, "pong");
      case "/healthz" -> Answers.text(response, callback, 200, "ok");
      case "/v3/settings/cacerts" -> authority(response, callback);
      case "/v3/connect", "/v3/connect/register" -> entrance.handle(request, response, callback);
      case "/metrics" -> {
        Access.requireAdminsView(principals.require(request));
        metrics.write(response, callback);
      }
      case "/v3/reports" -> reports.handle(request, response, callback);
      case "/v3/events" -> {
        var who = principals.require(request);
        events.tell(response, callback, () -> rights.visible(who));
      }
      case OidcApi.PROVIDERS -> oidc.providers(response, callback);
      case OidcApi.LOGIN -> oidc.login(request, response, callback);
      case OidcApi.CALLBACK -> oidc.callback(request, response, callback);
      case AccountApi.LOGIN -> accounts.login(request, response, callback);
      default -> {
        if (peers.isPresent() && path.startsWith(PeerEntrance.SESSIONS)) {
          peers.get().handle(request, response, callback);
        } else if (path.startsWith(IMPORT)) {
          manifest(request, response, callback, path.substring(IMPORT.length()));
        } else if (path.startsWith(ClusterEntrance.CLUSTERS)) {
          clusterEntrance.handle(request, response, callback);
        } else if (isAt(path, TOKENS)) {
          Access.requireAdmin(principals.require(request));
          tokenApi.handle(request, response, callback, path.substring(TOKENS.length()));
        } else if (isAt(path, V3_CLUSTERS)) {
          var rest = path.substring(V3_CLUSTERS.length());
          clusters.clusters(request, response, callback, principals.require(request), rest);
        } else if (isAt(path, RESOURCES)) {
          var rest = path.substring(RESOURCES.length());
          clusters.resources(request, response, callback, principals.require(request), rest);
        } else if (isAt(path, AccountApi.USERS)) {
          var rest = path.substring(AccountApi.USERS.length());
          accounts.users(request, response, callback, principals.require(request), rest);
        } else if (isAt(path, ApiTokenApi.TOKENS)) {
          tokens(request, response, callback, path.substring(ApiTokenApi.TOKENS.length()));
        } else if (isAt(path, MemberApi.MEMBERS)) {
          var rest = path.substring(MemberApi.MEMBERS.length());
          members.handle(request, response, callback, principals.require(request), rest);
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
    Answers.text(
        response,
        callback,
        200,
        Manifest.render(
            installation, installation.urlFor(request), new Secret(token), cluster.get().spec()));
  }

  /** Rancher has both at one path. */
  private void tokens(Request request, Response response, Callback callback, String rest)
      throws IOException, RefusedException {
    var who = principals.require(request);
    if ("action=logout".equals(request.getHttpURI().getQuery())) {
      accounts.logout(request, response, callback);
    } else {
      apiTokens.handle(request, response, callback, who, rest);
    }
  }

  /** Ends what goes on for as long as somebody looks. */
  @Override
  protected void doStop() throws Exception {
    events.close();
    super.doStop();
  }
}
