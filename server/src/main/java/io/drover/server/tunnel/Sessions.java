package io.drover.server.tunnel;

import io.drover.proto.handshake.ConnectParams;
import io.drover.server.tunnel.SessionKey.Tunnel;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.eclipse.jetty.websocket.core.FrameHandler;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * All live sessions. A cluster may have several of one kind for a while, after a network cut or
 * while an agent is replaced; new streams go to the newest one that shows life.
 */
public final class Sessions implements Tunnels, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Sessions.class);

  private final Timing timing;
  private final List<Consumer<SessionKey>> listeners = new CopyOnWriteArrayList<>();
  private final Map<SessionKey, List<ServerSession>> byKey = new ConcurrentHashMap<>();
  private final ScheduledExecutorService timer =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("session-timer").factory());

  /** No sessions yet. */
  public Sessions() {
    this(Timing.STANDARD);
  }

  Sessions(Timing timing) {
    this.timing = timing;
  }

  @Override
  public void onChange(Consumer<SessionKey> listener) {
    listeners.add(listener);
  }

  /** The handler of a websocket that is about to be accepted. */
  public FrameHandler accept(SessionKey key, @Nullable ConnectParams params) {
    return new WebSocketLink(
        link -> new ServerSession(key, params, link, timer, timing),
        this::add,
        this::remove,
        timer);
  }

  private void add(ServerSession session) {
    byKey.merge(
        session.key(),
        List.of(session),
        (old, added) -> Stream.concat(old.stream(), added.stream()).toList());
    session.start();
    log.info("session started: session={}", session.key());
    listeners.forEach(listener -> listener.accept(session.key()));
  }

  private void remove(ServerSession session) {
    byKey.computeIfPresent(
        session.key(),
        (_, old) -> {
          var left = old.stream().filter(other -> other != session).toList();
          return left.isEmpty() ? null : left;
        });
    listeners.forEach(listener -> listener.accept(session.key()));
  }

  /** The newest healthy session; else the newest that is not over. */
  @Override
  public Optional<ServerSession> newest(SessionKey key) {
    var sessions = byKey.getOrDefault(key, List.of()).reversed();
    return sessions.stream()
        .filter(ServerSession::isHealthy)
        .findFirst()
        .or(() -> sessions.stream().filter(session -> !session.isEnded()).findFirst());
  }

  @Override
  public boolean isConnected(SessionKey key) {
    return newest(key).isPresent();
  }

  /** The session of that id, if it is not over. */
  public Optional<ServerSession> find(String id) {
    return all().filter(session -> session.id().equals(id)).findFirst();
  }

  /** All that are not over, oldest first of each kind of each cluster. */
  public Stream<ServerSession> all() {
    return byKey.values().stream().flatMap(List::stream).filter(session -> !session.isEnded());
  }

  /** What the sessions of a cluster carry: those of the cluster tunnel first, oldest first. */
  public List<ServerSession.Traffic> traffic(String clusterId) {
    return Stream.of(Tunnel.values())
        .flatMap(
            tunnel -> byKey.getOrDefault(new SessionKey(tunnel, clusterId), List.of()).stream())
        .map(ServerSession::traffic)
        .toList();
  }

  @Override
  public void end(String clusterId) {
    byKey.values().stream()
        .flatMap(List::stream)
        .filter(session -> session.key().clusterId().equals(clusterId))
        .forEach(session -> session.end(Link.GOING_AWAY, "cluster deleted"));
  }

  /** Ends all sessions with close code 1001. */
  @Override
  public void close() {
    byKey.values().stream()
        .flatMap(List::stream)
        .forEach(session -> session.end(Link.GOING_AWAY, "server stops"));
  }
}
