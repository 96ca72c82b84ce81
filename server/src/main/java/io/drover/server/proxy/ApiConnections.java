package io.drover.server.proxy;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.handshake.ConnectParams;
import io.drover.server.cert.Trust;
import io.drover.server.tunnel.Session;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.TunnelStream;
import io.drover.server.tunnel.Tunnels;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Connections to the API servers of all clusters; idle ones are kept for the next request. */
public final class ApiConnections {
  /** Idle connections that are kept for one session. */
  static final int MAX_IDLE = 8;

  /** How long one is kept. */
  static final Duration IDLE_LIMIT = Duration.ofSeconds(60);

  /** How often all of them are looked through for those that are over. */
  static final Duration SWEEP_EVERY = Duration.ofSeconds(5);

  /**
   * How long a kept connection may take to answer a question of the server's own. It may have been
   * cut without a word; a new one then has all the time that there is.
   */
  static final Duration KEPT_LIMIT = Duration.ofSeconds(3);

  /** The agent's dial and the TLS handshake together. */
  static final Duration DIAL_LIMIT = Duration.ofSeconds(15);

  /** What the agent is told that it is dialled for; it minds none. Source: Rancher's proxy. */
  static final String STEVE_ADDRESS = "127.0.0.1:6080";

  /** Of the server's own questions. */
  public static final String USER_AGENT = "drover-server";

  private static final Logger log = LoggerFactory.getLogger(ApiConnections.class);

  private record Idle(ApiConnection connection, long sinceNanos) {}

  private final Tunnels tunnels;
  private final LongSupplier nanoClock;
  private final ReentrantLock lock = new ReentrantLock();
  // Guarded by lock.
  private final Map<Session, Deque<Idle>> idle = new HashMap<>();
  private final Map<Session, SSLSocketFactory> trusts = new HashMap<>();
  private long sweptNanos;

  /** Connections through these tunnels. */
  public ApiConnections(Tunnels tunnels) {
    this(tunnels, System::nanoTime);
  }

  ApiConnections(Tunnels tunnels, LongSupplier nanoClock) {
    this.tunnels = tunnels;
    this.nanoClock = nanoClock;
    this.sweptNanos = nanoClock.getAsLong();
  }

  /** The session that a new request to a cluster uses. */
  Optional<? extends Session> session(String clusterId) {
    return tunnels.newest(new SessionKey(Tunnel.CLUSTER, clusterId));
  }

  /** The session by which the agent's own API is asked. */
  Optional<? extends Session> steve(String clusterId) {
    return tunnels.newest(new SessionKey(Tunnel.STEVE, clusterId));
  }

  /** A connection to that API, in which there is no TLS: it does not leave the agent. */
  static ApiConnection openSteve(Session session) throws IOException {
    var stream = session.open("tcp", STEVE_ADDRESS);
    return new ApiConnection(stream, new TunnelSocket(stream));
  }

  /** An idle connection of that session, if there is one. */
  Optional<ApiConnection> idle(Session session) {
    lock.lock();
    try {
      sweepAll();
      var kept = idle.get(session);
      if (kept == null) {
        return Optional.empty();
      }
      sweep(kept);
      var last = Optional.ofNullable(kept.pollLast()).map(Idle::connection);
      if (kept.isEmpty()) {
        idle.remove(session);
      }
      return last;
    } finally {
      lock.unlock();
    }
  }

  /** Not at every question: there may be thousands of sessions, and as many questions. */
  private void sweepAll() {
    long now = nanoClock.getAsLong();
    if (now - sweptNanos >= SWEEP_EVERY.toNanos()) {
      sweptNanos = now;
      idle.values().forEach(this::sweep);
      idle.values().removeIf(Deque::isEmpty);
      trusts.keySet().removeIf(Session::isEnded);
    }
  }

  private void sweep(Deque<Idle> kept) {
    long now = nanoClock.getAsLong();
    kept.removeIf(
        entry -> {
          boolean over =
              !entry.connection().isOpen() || now - entry.sinceNanos() > IDLE_LIMIT.toNanos();
          if (over) {
            entry.connection().stream().close();
          }
          return over;
        });
  }

  /** Keeps a connection whose exchange is complete. */
  void keep(Session session, ApiConnection connection) {
    boolean kept = false;
    lock.lock();
    try {
      if (connection.isOpen() && !session.isEnded()) {
        var others = idle.computeIfAbsent(session, _ -> new ArrayDeque<>());
        if (others.size() < MAX_IDLE) {
          others.addLast(new Idle(connection, nanoClock.getAsLong()));
          kept = true;
        }
      }
    } finally {
      lock.unlock();
    }
    if (!kept) {
      connection.close();
    }
  }

  /**
   * Opens a connection and checks the API server's certificate against the CA that the agent told.
   *
   * @throws IOException if the agent cannot dial, or TLS fails, or {@link #DIAL_LIMIT} is over
   */
  ApiConnection open(Session session, ConnectParams params) throws IOException {
    var address = Address.parse(params.address());
    var factory = factory(session, params.caCert());
    var stream = session.open("tcp", address.toString());
    boolean done = false;
    try (var _ =
        stream.abortAfter(DIAL_LIMIT, "dial: no answer in " + DIAL_LIMIT.toSeconds() + " s")) {
      var connection = handshake(stream, factory, address);
      done = true;
      return connection;
    } catch (IOException e) {
      throw explained(stream, e);
    } finally {
      if (!done) {
        stream.close();
      }
    }
  }

  /** TLS hides why its transport broke; the stream knows. */
  private static IOException explained(TunnelStream stream, IOException failure) {
    return stream.failure().map(reason -> new IOException(reason, failure)).orElse(failure);
  }

  private static ApiConnection handshake(
      TunnelStream stream, SSLSocketFactory factory, Address address) throws IOException {
    var socket =
        (SSLSocket)
            factory.createSocket(new TunnelSocket(stream), address.host(), address.port(), true);
    var parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    parameters.setApplicationProtocols(new String[] {"http/1.1"});
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return new ApiConnection(stream, socket);
  }

  private SSLSocketFactory factory(Session session, String caCert) throws IOException {
    lock.lock();
    try {
      var known = trusts.get(session);
      if (known == null) {
        known = trusting(caCert);
        trusts.put(session, known);
      }
      return known;
    } finally {
      lock.unlock();
    }
  }

  /** Sessions whose API server's CA is kept. */
  int trustCount() {
    lock.lock();
    try {
      return trusts.size();
    } finally {
      lock.unlock();
    }
  }

  private static SSLSocketFactory trusting(String caCert) throws IOException {
    try {
      return Trust.of(new ByteArrayInputStream(caCert.getBytes(UTF_8))).getSocketFactory();
    } catch (GeneralSecurityException e) {
      throw new IOException("the cluster's CA is not usable: " + e.getMessage(), e);
    }
  }

  /**
   * What an API server is asked.
   *
   * @param contentType of the body; empty if there is none
   */
  public record Asked(String method, String target, String contentType, String body) {}

  /** Asks one question of the server's own; see {@link #send(String, Asked, Duration, int)}. */
  public Said get(String clusterId, String target, Duration limit, int maxBytes)
      throws IOException {
    return send(clusterId, new Asked("GET", target, "", ""), limit, maxBytes);
  }

  /**
   * Sends a request of the server's own, with the agent's rights; what only reads goes by a
   * connection that was kept, if there is one.
   *
   * @throws IOException also if there is no session, no whole answer within {@code limit}, or more
   *     than {@code maxBytes} of it
   */
  public Said send(String clusterId, Asked asked, Duration limit, int maxBytes) throws IOException {
    var session = session(clusterId).orElseThrow(() -> new IOException(ClusterProxy.DISCONNECTED));
    return send(session, asked, limit, maxBytes);
  }

  /** The same, through a session. */
  Said send(Session session, Asked asked, Duration limit, int maxBytes) throws IOException {
    var params = session.params().orElseThrow();
    // A write that fails may have been done: it is not sent twice.
    var kept = asked.method().equals("GET") ? idle(session) : Optional.<ApiConnection>empty();
    if (kept.isPresent()) {
      try {
        var soon = limit.compareTo(KEPT_LIMIT) < 0 ? limit : KEPT_LIMIT;
        return send(session, params, kept.get(), asked, soon, maxBytes);
      } catch (IOException e) {
        log.debug("kept connection of no use: session={} reason={}", session.key(), e.getMessage());
      }
    }
    return send(session, params, open(session, params), asked, limit, maxBytes);
  }

  private Said send(
      Session session,
      ConnectParams params,
      ApiConnection connection,
      Asked asked,
      Duration limit,
      int maxBytes)
      throws IOException {
    boolean keep = false;
    try (var _ =
        connection.stream().abortAfter(limit, "no answer in " + limit.toSeconds() + " s")) {
      var fields = new ArrayList<ApiConnection.Field>();
      fields.add(new ApiConnection.Field("Host", params.address()));
      fields.add(new ApiConnection.Field("User-Agent", USER_AGENT));
      fields.add(new ApiConnection.Field("Accept", "application/json"));
      fields.add(new ApiConnection.Field("Authorization", "Bearer " + params.token()));
      byte[] content = asked.body().getBytes(UTF_8);
      if (content.length > 0) {
        fields.add(new ApiConnection.Field("Content-Type", asked.contentType()));
        fields.add(new ApiConnection.Field("Content-Length", Integer.toString(content.length)));
      }
      connection.sendHead(asked.method(), asked.target(), fields);
      if (content.length > 0) {
        connection.send(content, content.length);
      }
      var answer = connection.receive(asked.method());
      byte[] body = answer.body().readNBytes(maxBytes + 1);
      if (body.length > maxBytes) {
        throw new IOException("answer too long: limit=" + maxBytes);
      }
      keep = answer.reusable();
      return new Said(answer.status(), new String(body, UTF_8));
    } catch (IOException e) {
      throw explained(connection.stream(), e);
    } finally {
      if (keep) {
        keep(session, connection);
      } else {
        connection.close();
      }
    }
  }
}
