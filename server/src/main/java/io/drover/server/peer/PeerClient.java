package io.drover.server.peer;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.server.cert.Trust;
import io.drover.server.proxy.AnswerInput;
import io.drover.server.store.Replicas;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.store.Secret;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import javax.net.ssl.SSLSocketFactory;
import org.apache.hc.core5.http.ClassicHttpResponse;

/**
 * Asks other servers for their sessions. Of each the very certificate is trusted that it has
 * written down in the database, so it need not bear the name that it is reached by. Any thread.
 */
final class PeerClient implements AutoCloseable {
  /** Dial, TLS and the head of the answer together. */
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  private final String id;
  private final Secret token;
  private final Replicas replicas;
  private final Duration limit;
  private final AtomicLong numbers = new AtomicLong();
  private final Map<String, Trusted> trusts = new ConcurrentHashMap<>();
  private final Map<String, Set<PeerStream>> streams = new ConcurrentHashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("peer-timer").factory());

  private record Trusted(String certificates, SSLSocketFactory factory) {}

  /** The other server does not know the session any more. */
  static final class UnknownSessionException extends IOException {
    private static final long serialVersionUID = 1L;

    UnknownSessionException() {
      super("tunnel disconnect"); // as a session of our own says it
    }
  }

  /** An answer whose head was read. */
  private record Answer(ClassicHttpResponse head, Socket socket, InputStream in, OutputStream out) {
    int status() {
      return head.getCode();
    }
  }

  /**
   * @param id which server we are
   * @param token what shows that to others
   */
  PeerClient(String id, Secret token, Replicas replicas) {
    this(id, token, replicas, CONNECT_LIMIT);
  }

  PeerClient(String id, Secret token, Replicas replicas, Duration limit) {
    this.id = id;
    this.token = token;
    this.replicas = replicas;
    this.limit = limit;
  }

  /**
   * What an agent said when it opened a session.
   *
   * @throws IOException if the server cannot be reached, or does not know the session
   */
  Optional<ConnectParams> params(String replicaId, String sessionId) throws IOException {
    var replica = find(replicaId);
    var answer = ask(replica, PeerEntrance.SESSIONS + sessionId, "");
    answer.socket().close();
    if (answer.status() != 200) {
      throw refused(replica, answer);
    }
    try {
      return Optional.ofNullable(answer.head().getFirstHeader(TunnelHeaders.PARAMS))
          .map(field -> ConnectParams.fromHeader(field.getValue()));
    } catch (IllegalArgumentException e) {
      throw new IOException(named(replica) + " answered rubbish", e);
    }
  }

  /**
   * Opens a stream in a session.
   *
   * @throws IOException if the server cannot be reached, does not know the session, or opens none
   */
  PeerStream open(String replicaId, String sessionId, String network, String address)
      throws IOException {
    var replica = find(replicaId);
    var target =
        PeerEntrance.SESSIONS
            + sessionId
            + "?"
            + PeerEntrance.NETWORK
            + "="
            + URLEncoder.encode(network, UTF_8)
            + "&"
            + PeerEntrance.ADDRESS
            + "="
            + URLEncoder.encode(address, UTF_8);
    var upgrade = "Connection: Upgrade\r\nUpgrade: " + PeerEntrance.PROTOCOL + "\r\n";
    var answer = ask(replica, target, upgrade);
    if (answer.status() != 101) {
      answer.socket().close();
      throw refused(replica, answer);
    }
    var ofReplica = streams.computeIfAbsent(replicaId, _ -> ConcurrentHashMap.newKeySet());
    var stream =
        new PeerStream(
            numbers.incrementAndGet(),
            answer.socket(),
            new DataInputStream(answer.in()),
            answer.out(),
            timer,
            ofReplica::remove);
    ofReplica.add(stream);
    stream.start();
    return stream;
  }

  /** Each time anew: it may show another certificate by now. */
  private Replica find(String replicaId) throws IOException {
    return replicas.find(replicaId).orElseThrow(UnknownSessionException::new);
  }

  private static IOException refused(Replica replica, Answer answer) {
    return answer.status() == 404
        ? new UnknownSessionException()
        : new IOException(named(replica) + " answered " + answer.status());
  }

  private static String named(Replica replica) {
    return "server " + replica.id() + " at " + replica.url();
  }

  private Answer ask(Replica replica, String target, String fields) throws IOException {
    var socket = new Socket();
    var late = new AtomicBoolean(); // set before the socket tells who waits for it
    var cut =
        timer.schedule(
            () -> {
              late.set(true);
              close(socket);
            },
            limit.toNanos(),
            TimeUnit.NANOSECONDS);
    boolean done = false;
    try {
      var answer = ask(socket, replica, target, fields);
      done = cut.cancel(false);
      if (!done) {
        throw new IOException("no answer in time"); // the socket is closed, or just being
      }
      return answer;
    } catch (IOException e) {
      var reason = late.get() ? "no answer in time" : e.getMessage();
      throw new IOException(named(replica) + " cannot be reached: " + reason, e);
    } finally {
      if (!done) {
        cut.cancel(false);
        close(socket);
      }
    }
  }

  private Answer ask(Socket socket, Replica replica, String target, String fields)
      throws IOException {
    var url = replica.url();
    socket.setTcpNoDelay(true);
    socket.setKeepAlive(true); // a stream may be quiet for days
    socket.connect(
        new InetSocketAddress(withoutBrackets(url.getHost()), port(url)), (int) limit.toMillis());
    var tls =
        factory(replica).createSocket(socket, withoutBrackets(url.getHost()), port(url), true);
    var out = tls.getOutputStream();
    var head =
        "GET %s HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nAuthorization: Bearer %s\r\n%s\r\n"
            .formatted(
                target, url.getRawAuthority(), PeerEntrance.REPLICA, id, token.value(), fields);
    out.write(head.getBytes(ISO_8859_1));
    out.flush();
    var in = new AnswerInput(tls.getInputStream());
    return new Answer(in.head(), socket, in.rest(), out);
  }

  private SSLSocketFactory factory(Replica replica) throws IOException {
    var known = trusts.get(replica.id());
    if (known == null || !known.certificates().equals(replica.certificates())) {
      try {
        known =
            new Trusted(
                replica.certificates(),
                Trust.of(new ByteArrayInputStream(replica.certificates().getBytes(UTF_8)))
                    .getSocketFactory());
      } catch (GeneralSecurityException e) {
        throw new IOException("its certificate is not usable: " + e.getMessage(), e);
      }
      trusts.put(replica.id(), known);
    }
    return known.factory();
  }

  static int port(URI url) {
    return url.getPort() < 0 ? 443 : url.getPort();
  }

  private static String withoutBrackets(String host) {
    return host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
  }

  private static void close(Socket socket) {
    try {
      socket.close();
    } catch (IOException e) {
      // It is gone in any case.
    }
  }

  /** Ends all streams by a server that is gone: it may have been cut off without a word. */
  void forget(String replicaId) {
    trusts.remove(replicaId);
    var ended = streams.remove(replicaId);
    if (ended != null) {
      List.copyOf(ended).forEach(stream -> stream.abort("the other server is gone"));
    }
  }

  /** Streams that are open. */
  int streamCount() {
    return streams.values().stream().mapToInt(Set::size).sum();
  }

  /** Ends all streams. */
  @Override
  public void close() {
    List.copyOf(streams.keySet()).forEach(this::forget);
  }
}
