package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.handshake.TunnelHeaders;
import io.drover.server.proxy.RawRelay;
import io.drover.server.store.Hashes;
import io.drover.server.store.Replicas;
import io.drover.server.store.Secret;
import io.drover.server.tunnel.ServerSession;
import io.drover.server.tunnel.Sessions;
import io.drover.server.tunnel.TunnelStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.HttpStream;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.UrlEncoded;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What other servers ask this one for: {@code GET /v3/peers/sessions/ID} is what an agent said when
 * it came, and upgraded, a stream in that session. Who asks shows the token whose hash it has
 * written down in the database. Only sessions that end here are known: nothing goes in circles.
 */
public final class PeerEntrance {
  /** Below which everything is. */
  public static final String SESSIONS = "/v3/peers/sessions/";

  /** Which server asks. */
  static final String REPLICA = "X-Drover-Replica";

  static final String NETWORK = "network";
  static final String ADDRESS = "address";

  /** To what a connection is upgraded. */
  static final String PROTOCOL = "drover-stream";

  /** Streams of all other servers; as many as an agent's session may have. */
  static final int MAX_STREAMS = 4096;

  private static final String BEARER = "Bearer ";
  private static final Logger log = LoggerFactory.getLogger(PeerEntrance.class);

  private final Replicas replicas;
  private final Sessions sessions;
  private final Semaphore places;
  private final Map<String, Set<TunnelStream>> streams = new ConcurrentHashMap<>();

  PeerEntrance(Replicas replicas, Sessions sessions) {
    this(replicas, sessions, MAX_STREAMS);
  }

  PeerEntrance(Replicas replicas, Sessions sessions, int maxStreams) {
    this.replicas = replicas;
    this.sessions = sessions;
    this.places = new Semaphore(maxStreams);
  }

  /** Serves a request whose path begins with {@link #SESSIONS}; waits for the database. */
  public void handle(Request request, Response response, Callback callback) {
    var path = Objects.requireNonNullElse(request.getHttpURI().getPath(), "");
    var replicaId = Objects.requireNonNullElse(request.getHeaders().get(REPLICA), "");
    if (!isKnown(replicaId, request.getHeaders().get(HttpHeader.AUTHORIZATION))) {
      log.info("other server refused: from={}", Request.getRemoteAddr(request));
      answer(response, callback, 401);
      return;
    }
    var session = sessions.find(path.substring(SESSIONS.length())).orElse(null);
    if (session == null || !request.getMethod().equals("GET")) {
      answer(response, callback, 404);
    } else if (PROTOCOL.equals(request.getHeaders().get(HttpHeader.UPGRADE))) {
      open(request, response, callback, session, replicaId);
    } else {
      session
          .params()
          .ifPresent(params -> response.getHeaders().put(TunnelHeaders.PARAMS, params.toHeader()));
      answer(response, callback, 200);
    }
  }

  private boolean isKnown(String replicaId, @Nullable String shown) {
    if (shown == null || !shown.startsWith(BEARER)) {
      return false;
    }
    var hash = Hashes.sha256(shown.substring(BEARER.length()));
    return replicas
        .find(replicaId)
        .filter(replica -> new Secret(replica.tokenHash()).matches(hash))
        .isPresent();
  }

  private static void answer(Response response, Callback callback, int status) {
    response.setStatus(status);
    response.getHeaders().put(HttpHeader.CONTENT_LENGTH, 0);
    response.write(true, null, callback);
  }

  private void open(
      Request request,
      Response response,
      Callback callback,
      ServerSession session,
      String replicaId) {
    var target = new Fields();
    UrlEncoded.decodeTo(
        Objects.requireNonNullElse(request.getHttpURI().getQuery(), ""), target::add, UTF_8);
    if (!places.tryAcquire()) {
      log.warn("stream of another server refused: replica={} reason=too many", replicaId);
      answer(response, callback, 503);
      return;
    }
    TunnelStream stream;
    try {
      stream =
          session.open(
              Objects.requireNonNullElse(target.getValue(NETWORK), ""),
              Objects.requireNonNullElse(target.getValue(ADDRESS), ""));
    } catch (IOException | IllegalArgumentException e) {
      places.release();
      log.info("stream of another server refused: replica={} reason={}", replicaId, e.toString());
      answer(response, callback, session.isEnded() ? 404 : 503);
      return;
    }
    var ofReplica = streams.computeIfAbsent(replicaId, _ -> ConcurrentHashMap.newKeySet());
    ofReplica.add(stream);
    var isClosed = new AtomicBoolean();
    Runnable close =
        () -> {
          stream.close();
          if (isClosed.compareAndSet(false, true)) {
            ofReplica.remove(stream);
            places.release();
          }
        };
    upgrade(request, response, callback, stream, close);
  }

  private static void upgrade(
      Request request, Response response, Callback callback, TunnelStream stream, Runnable close) {
    var endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
    endPoint.setIdleTimeout(0); // a watch may be quiet for hours
    response.getHeaders().clear();
    response.setStatus(101);
    response.getHeaders().put(HttpHeader.CONNECTION, "Upgrade");
    response.getHeaders().put(HttpHeader.UPGRADE, PROTOCOL);
    request.setAttribute(
        HttpStream.UPGRADE_CONNECTION_ATTRIBUTE,
        new RawRelay(
            endPoint,
            request.getConnectionMetaData().getConnector().getExecutor(),
            "peer-" + stream.id(),
            Frames.of(stream.input()),
            stream.output(),
            close));
    response.write(
        true,
        null,
        Callback.from(
            callback::succeeded,
            failure -> {
              close.run();
              callback.failed(failure);
            }));
  }

  /** Ends all streams of a server that is gone: it may have been cut off without a word. */
  void forget(String replicaId) {
    var ended = streams.remove(replicaId);
    if (ended != null) {
      List.copyOf(ended).forEach(stream -> stream.abort("the other server is gone"));
    }
  }

  /** Streams that other servers have open. */
  int streamCount() {
    return streams.values().stream().mapToInt(Set::size).sum();
  }
}
