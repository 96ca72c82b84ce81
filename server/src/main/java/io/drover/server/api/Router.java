package io.drover.server.api;

import io.drover.server.account.AuditLog;
import io.drover.server.account.BusyException;
import io.drover.server.page.Page;
import io.drover.server.proxy.ClusterProxy;
import io.drover.server.proxy.SecurityHeaders;
import io.drover.server.store.DatabaseException;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Every request comes here, on a virtual thread of its own, and is answered before it leaves. */
public final class Router extends Handler.Abstract {
  private static final Logger log = LoggerFactory.getLogger(Router.class);

  private final AuditTrail trail;
  private final List<Route> routes;
  private final Page page = Page.load();

  /**
   * Serves these, and the page.
   *
   * @param audit where requests are noted
   * @param routes no two of them for one path
   */
  public Router(AuditLog audit, List<Route> routes) {
    this.trail = new AuditTrail(audit);
    this.routes = List.copyOf(routes);
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
      log.warn("request failed: path={} reason={}", logged(request), e.getMessage());
      Answers.error(response, callback, 503, "ServiceUnavailable", String.valueOf(e.getMessage()));
    } catch (IOException e) {
      log.warn("request failed: path={} reason={}", logged(request), e.toString());
      Answers.error(response, callback, 500, "ServerError", String.valueOf(e.getMessage()));
    }
    return true;
  }

  private void route(Request request, Response response, Callback callback)
      throws IOException, RefusedException {
    if (page.isAsked(request)) {
      page.handle(request, response, callback);
      return;
    }
    var path = path(request);
    for (var route : routes) {
      var rest = route.rest(path);
      if (rest.isPresent()) {
        route.handling().handle(request, response, callback, rest.get());
        return;
      }
    }
    Answers.error(response, callback, 404, "NotFound", "no such path");
  }

  private static String path(Request request) {
    return Objects.requireNonNullElse(request.getHttpURI().getPath(), "/");
  }

  private static String logged(Request request) {
    return AuditTrail.withoutToken(path(request));
  }
}
