package io.drover.server.api;

import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.server.health.Refusals;
import io.drover.server.proxy.SecurityHeaders;
import io.drover.server.store.Cluster;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Store;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Sessions;
import java.io.IOException;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.eclipse.jetty.http.HttpMethod;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.websocket.core.Configuration.ConfigurationCustomizer;
import org.eclipse.jetty.websocket.core.FrameHandler;
import org.eclipse.jetty.websocket.core.WebSocketComponents;
import org.eclipse.jetty.websocket.core.server.ServerUpgradeRequest;
import org.eclipse.jetty.websocket.core.server.ServerUpgradeResponse;
import org.eclipse.jetty.websocket.core.server.WebSocketMappings;
import org.eclipse.jetty.websocket.core.server.WebSocketNegotiator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets agents in: codes and texts are Rancher's. A wrong token is 400, not 401, and credentials are
 * looked at before anything else. Source: rancher {@code pkg/tunnelserver}.
 */
public final class AgentEntrance {
  static final String NOT_FOUND = "cluster not found";
  static final String FAILED = "failed authentication";

  private static final String BEARER = "Bearer ";
  private static final Logger log = LoggerFactory.getLogger(AgentEntrance.class);

  private final Store store;
  private final RegistrationTokens tokens;
  private final Refusals refusals;
  private final InstantSource clock;
  private final Sessions sessions;
  private final WebSocketMappings websockets;

  /** Why an agent is not let in. */
  private static final class RefusedException extends Exception {
    private static final long serialVersionUID = 1L;

    final int code;

    RefusedException(int code, String message) {
      super(message);
      this.code = code;
    }
  }

  private record Admitted(SessionKey key, @Nullable ConnectParams params) {}

  /** For the agents of the clusters of {@code store}. */
  public AgentEntrance(
      Store store,
      RegistrationTokens tokens,
      Refusals refusals,
      InstantSource clock,
      Sessions sessions,
      WebSocketComponents components) {
    this.store = store;
    this.tokens = tokens;
    this.refusals = refusals;
    this.clock = clock;
    this.sessions = sessions;
    this.websockets = new WebSocketMappings(components);
  }

  /** Where agents come. */
  public List<Route> routes() {
    return List.of(route(TunnelHeaders.CONNECT_PATH), route(TunnelHeaders.REGISTER_PATH));
  }

  private Route route(String path) {
    return Route.at(path, (request, response, callback, _) -> handle(request, response, callback));
  }

  private void handle(Request request, Response response, Callback callback) throws IOException {
    Admitted admitted;
    try {
      admitted = admit(request);
    } catch (RefusedException e) {
      log.info("agent refused: from={} reason={}", Request.getRemoteAddr(request), e.getMessage());
      Answers.text(response, callback, e.code, String.valueOf(e.getMessage()));
      return;
    }
    if (!HttpMethod.GET.is(request.getMethod())) {
      Answers.text(response, callback, 405, "websocket: request method is not GET");
      return;
    }
    var negotiator = new PlainNegotiator(() -> sessions.accept(admitted.key(), admitted.params()));
    response.getHeaders().clear(); // a websocket's answer is its three fields
    if (!websockets.upgrade(negotiator, request, response, callback, null)) {
      SecurityHeaders.putOurs(response);
      Answers.text(response, callback, 400, "websocket: the client is not using the protocol");
    }
  }

  private Admitted admit(Request request) throws RefusedException {
    var headers = request.getHeaders();
    var token = Objects.requireNonNullElse(headers.get(TunnelHeaders.TOKEN), "");
    if (!token.isEmpty()) {
      var cluster = clusterOf(token).orElseThrow(() -> new RefusedException(400, NOT_FOUND));
      return admitCluster(
          cluster,
          Objects.requireNonNullElse(headers.get(TunnelHeaders.PARAMS), ""),
          Request.getRemoteAddr(request));
    }
    var authorization = Objects.requireNonNullElse(headers.get(TunnelHeaders.AUTHORIZATION), "");
    var steve = BEARER + TunnelHeaders.STEVE_TOKEN_PREFIX;
    var cluster =
        authorization.startsWith(steve)
            ? clusterOf(authorization.substring(steve.length())).orElse(null)
            : null;
    if (cluster == null) {
      throw new RefusedException(401, FAILED);
    }
    return new Admitted(new SessionKey(Tunnel.STEVE, cluster.id()), null);
  }

  private Optional<Cluster> clusterOf(String token) {
    var shown = tokens.shown(token);
    if (shown.isEmpty()) {
      return Optional.empty();
    } else if (!shown.get().token().isTaken(clock.instant())) {
      refusals.refused(shown.get().token()); // so that it can be told why the agent is missing
      return Optional.empty();
    }
    return shown.map(RegistrationTokens.Shown::cluster);
  }

  private Admitted admitCluster(Cluster cluster, String header, String address)
      throws RefusedException {
    ConnectParams params;
    try {
      params = ConnectParams.fromHeader(header);
    } catch (IllegalArgumentException e) {
      throw new RefusedException(400, Objects.requireNonNullElse(e.getMessage(), "bad params"));
    }
    store.connected(cluster.id(), "https://" + params.address());
    store.contacted(cluster.id(), address);
    return new Admitted(new SessionKey(Tunnel.CLUSTER, cluster.id()), params);
  }

  /** Accepts without extensions and subprotocols, whatever the agent offers. */
  private static final class PlainNegotiator extends ConfigurationCustomizer
      implements WebSocketNegotiator {
    private final Supplier<FrameHandler> handler;

    PlainNegotiator(Supplier<FrameHandler> handler) {
      this.handler = handler;
    }

    @Override
    public FrameHandler negotiate(
        ServerUpgradeRequest request, ServerUpgradeResponse response, Callback callback) {
      response.setExtensions(List.of());
      return handler.get();
    }
  }
}
