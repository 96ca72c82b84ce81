package io.drover.agent.gateway;

import io.drover.steve.http.Fields;
import io.drover.steve.http.UpstreamConnection;
import io.drover.steve.http2.Http2Connection;
import io.drover.steve.http2.Http2Stream;
import io.drover.steve.kube.ApiAccess;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.function.LongSupplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections to the API server, one for each request that is being answered: one that nobody reads
 * then holds up nobody else. Those that are free are used again. What goes on for long may share
 * one with others. Any thread.
 */
final class Upstream implements AutoCloseable {
  /** For a connection: its address, and TLS. */
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** Kept for the next request at most. */
  static final int MAX_IDLE = 32;

  /** Kept for so long; the API server itself ends them after 90 s. */
  static final Duration IDLE = Duration.ofSeconds(30);

  /** A path that is cut is noticed after {@code KEEP_ALIVE} and three probes. */
  private static final int KEEP_ALIVE_SECONDS = 30;

  private static final int PROBE_SECONDS = 10;
  private static final int PROBES = 3;
  private static final int HTTPS_PORT = 443;
  private static final int HTTP_PORT = 80;
  private static final String HTTP_1_1 = "http/1.1";
  private static final Logger log = LoggerFactory.getLogger(Upstream.class);

  /**
   * A connection for one request.
   *
   * @param used whether there were others before, so that the API server may have ended it
   *     meanwhile
   */
  record Taken(UpstreamConnection connection, boolean used) {}

  /**
   * A request on a connection that others use too.
   *
   * @param used as above
   */
  record Shared(Http2Stream stream, boolean used) {}

  private record Idle(UpstreamConnection connection, long sinceNanos) {}

  private final ApiAccess access;
  private final URI url;
  private final LongSupplier nanoTime;
  private final SharedUpstream shared;

  // Guarded by this.
  private final Deque<Idle> idle = new ArrayDeque<>();
  private @Nullable SSLContext tls;
  private boolean closed;

  /** Opens nothing yet. */
  Upstream(ApiAccess access, LongSupplier nanoTime) {
    this.access = access;
    this.url = access.url();
    this.nanoTime = nanoTime;
    this.shared = new SharedUpstream(this::connectShared, nanoTime);
  }

  /** Adds what every request has: the API server's name, and our own credentials. */
  void addOwn(Fields fields) throws IOException {
    fields.add("Host", url.getAuthority());
    // Only to get our credentials, which are made for such a request.
    var request = HttpRequest.newBuilder(url);
    access.authorize(request);
    request
        .build()
        .headers()
        .map()
        .forEach((name, values) -> values.forEach(value -> fields.add(name, value)));
  }

  /** Adds the API server's name alone. */
  void addHost(Fields fields) {
    fields.add("Host", url.getAuthority());
  }

  /**
   * A connection for one request, to be given back or closed.
   *
   * @throws IOException if the API server cannot be reached
   */
  Taken take() throws IOException {
    for (var found = pollIdle(); found.isPresent(); found = pollIdle()) {
      var kept = found.get();
      if (nanoTime.getAsLong() - kept.sinceNanos() < IDLE.toNanos()) {
        return new Taken(kept.connection(), true);
      }
      closeQuietly(kept.connection());
    }
    return new Taken(open(), false);
  }

  private synchronized Optional<Idle> pollIdle() {
    return Optional.ofNullable(idle.pollFirst());
  }

  /** The same, surely a new one. */
  UpstreamConnection open() throws IOException {
    return new UpstreamConnection(connect());
  }

  /**
   * Asks for something that goes on for long, on a connection that others use too.
   *
   * @return empty if it has to have a connection of its own
   * @throws IOException if the API server cannot be reached
   */
  Optional<Shared> share(String target, Fields fields) throws IOException {
    return "https".equals(url.getScheme()) ? shared.get(target, fields) : Optional.empty();
  }

  /** Empty: the API server does not want HTTP/2. */
  private Optional<Socket> connectShared() throws IOException {
    var socket = connect(Http2Connection.NAME, HTTP_1_1);
    if (socket instanceof SSLSocket tlsSocket
        && Http2Connection.NAME.equals(tlsSocket.getApplicationProtocol())) {
      return Optional.of(socket);
    }
    giveBack(new UpstreamConnection(socket));
    return Optional.empty();
  }

  /**
   * A new connection.
   *
   * @param protocols that are offered, the best one first; none: that is HTTP/1.1
   */
  private Socket connect(String... protocols) throws IOException {
    var tlsNow = tls();
    boolean secure = "https".equals(url.getScheme());
    int port = url.getPort() < 0 ? (secure ? HTTPS_PORT : HTTP_PORT) : url.getPort();
    String host = url.getHost().replaceAll("[\\[\\]]", "");
    var plain = new Socket(Proxy.NO_PROXY); // whatever the JVM is told: that is for other ways
    boolean opened = false;
    try {
      plain.connect(new InetSocketAddress(host, port), (int) CONNECT_LIMIT.toMillis());
      plain.setTcpNoDelay(true);
      plain.setKeepAlive(true);
      plain.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEP_ALIVE_SECONDS);
      plain.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, PROBE_SECONDS);
      plain.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, PROBES);
      plain.setSoTimeout((int) CONNECT_LIMIT.toMillis());
      var socket = secure ? secured(plain, tlsNow, host, port, protocols) : plain;
      plain.setSoTimeout(0);
      opened = true;
      return socket;
    } finally {
      if (!opened) {
        plain.close();
      }
    }
  }

  private static SSLSocket secured(
      Socket plain, SSLContext tls, String host, int port, String... protocols) throws IOException {
    var socket = (SSLSocket) tls.getSocketFactory().createSocket(plain, host, port, true);
    var parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    parameters.setApplicationProtocols(protocols);
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  /** Made once: sessions go on from others of the same. A CA that is new is looked at anyway. */
  private synchronized SSLContext tls() throws IOException {
    if (closed) {
      throw new IOException("the agent stops");
    }
    var made = tls;
    if (made == null) {
      made = access.tls();
      tls = made;
    }
    return made;
  }

  /** Takes back a connection whose last answer has been read to its end. */
  void giveBack(UpstreamConnection connection) {
    synchronized (this) {
      if (!closed && idle.size() < MAX_IDLE && connection.waiting() == 0) {
        idle.addFirst(new Idle(connection, nanoTime.getAsLong()));
        return;
      }
    }
    closeQuietly(connection);
  }

  static void closeQuietly(Closeable closeable) {
    try {
      closeable.close();
    } catch (IOException e) {
      log.debug("connection not closed: reason={}", e.toString());
    }
  }

  /** Closes those that are free, and those that are shared; the others are their requests'. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    for (var found = pollIdle(); found.isPresent(); found = pollIdle()) {
      closeQuietly(found.get().connection());
    }
    shared.close();
  }
}
