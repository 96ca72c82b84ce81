package io.drover.server.peer;

import io.drover.proto.handshake.ConnectParams;
import io.drover.server.store.DatabaseException;
import io.drover.server.store.Duty;
import io.drover.server.store.Hashes;
import io.drover.server.store.RandomText;
import io.drover.server.store.Replicas;
import io.drover.server.store.Replicas.Held;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.store.Secret;
import io.drover.server.tunnel.ServerSession;
import io.drover.server.tunnel.Session;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Sessions;
import io.drover.server.tunnel.Tunnels;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tunnels of all servers that share a database. One thread of each gives a sign of life, notes
 * which sessions have come and gone, and takes out others that have been silent for too long: what
 * is in the database is then true for all of them alike.
 *
 * <p>Where this server has a session that shows life, that is used; else the newest of another one.
 */
public final class Peers implements Tunnels, AutoCloseable {
  /** How often a server says that it lives, and looks at the others. */
  static final Duration BEAT = Duration.ofSeconds(3);

  /** A server that has not said so for that long is dead. */
  static final Duration DEAD_AFTER = Duration.ofSeconds(15);

  /** Changes of sessions that are written down in one transaction. */
  static final int MAX_CHANGES = 50;

  /** How long a server that stops waits for what it is about to write. */
  static final Duration STOP_LIMIT = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(Peers.class);

  private final Replicas replicas;
  private final Sessions sessions;
  private final PeerEntrance entrance;
  private final PeerClient client;
  private final String id = RandomText.replicaId();
  private final Secret token = new Secret(RandomText.token());
  private final URI url;
  private final LongSupplier nanoClock;
  private final List<Consumer<SessionKey>> listeners = new CopyOnWriteArrayList<>();
  private final Map<String, PeerSession> others = new ConcurrentHashMap<>();

  /** Whose sessions have changed, each once: at most two of each cluster. */
  private final Set<SessionKey> changed = ConcurrentHashMap.newKeySet();

  private final Semaphore wake = new Semaphore(0);

  private final Thread ticker;
  private volatile String certificates;
  private volatile boolean stopping;

  // Of whoever looks: the ticker, or a test.
  private final Map<String, Seen> seen = new HashMap<>();
  private long lookedNanos;
  private boolean isInTrouble;

  /** When a server was last seen to live, by our clock. */
  private record Seen(long beats, long nanos) {}

  private Peers(
      Replicas replicas, Sessions sessions, URI url, String certificates, LongSupplier nanoClock) {
    this.replicas = replicas;
    this.sessions = sessions;
    this.url = url;
    this.certificates = certificates;
    this.nanoClock = nanoClock;
    this.entrance = new PeerEntrance(replicas, sessions);
    this.client = new PeerClient(id, token, replicas);
    this.lookedNanos = nanoClock.getAsLong();
    this.ticker = Thread.ofVirtual().name("replica").unstarted(this::run);
  }

  /**
   * Joins the others, or waits for them.
   *
   * @param url where they reach this server
   * @param certificate the one that it shows there, as PEM
   */
  public static Peers start(Replicas replicas, Sessions sessions, URI url, String certificate) {
    var peers = join(replicas, sessions, url, certificate, System::nanoTime);
    peers.ticker.start();
    return peers;
  }

  static Peers join(
      Replicas replicas, Sessions sessions, URI url, String certificate, LongSupplier nanoClock) {
    var peers = new Peers(replicas, sessions, url, certificate, nanoClock);
    peers.register();
    sessions.onChange(peers::changed);
    log.info("server joined: replica={} url={}", peers.id, url);
    return peers;
  }

  private void changed(SessionKey key) {
    if (changed.add(key)) {
      wake.release();
    }
  }

  private void register() {
    replicas.add(new Replica(id, url, certificates, Hashes.sha256(token.value()), 0));
  }

  /** Names this server, until it stops. */
  public String id() {
    return id;
  }

  /** What others ask this server for. */
  public PeerEntrance entrance() {
    return entrance;
  }

  /** Which clusters this server looks after. */
  public Duty duty() {
    return replicas.dutyOf(id);
  }

  /**
   * Another certificate is about to be shown. Until that is so, the others trust both.
   *
   * @param certificate as PEM
   */
  public void replaceCertificate(String certificate) {
    replicas.setCertificates(id, certificates + certificate);
    certificates = certificate; // written down alone with the next sign of life
  }

  @Override
  public Optional<? extends Session> newest(SessionKey key) {
    var ours = sessions.newest(key);
    if (ours.filter(ServerSession::isHealthy).isPresent()) {
      return ours;
    }
    for (var tunnel : replicas.tunnels(key.clusterId(), key.tunnel().name())) {
      if (!tunnel.replicaId().equals(id)) {
        var session = session(tunnel);
        if (session.isPresent()) {
          return session;
        }
      }
    }
    return ours;
  }

  private Optional<PeerSession> session(Replicas.Tunnel tunnel) {
    var known = others.get(tunnel.sessionId());
    if (known != null) {
      return Optional.of(known).filter(session -> !session.isEnded());
    }
    var key = new SessionKey(Tunnel.valueOf(tunnel.kind()), tunnel.clusterId());
    try {
      var params =
          switch (key.tunnel()) {
            case CLUSTER -> client.params(tunnel.replicaId(), tunnel.sessionId());
            case STEVE -> Optional.<ConnectParams>empty();
          };
      var found = new PeerSession(tunnel.replicaId(), tunnel.sessionId(), key, params, client);
      var before = others.putIfAbsent(tunnel.sessionId(), found);
      return Optional.of(before == null ? found : before);
    } catch (IOException e) {
      log.info("session of another server not used: session={} reason={}", key, e.getMessage());
      return Optional.empty();
    }
  }

  @Override
  public boolean isConnected(SessionKey key) {
    return sessions.isConnected(key)
        || replicas.tunnels(key.clusterId(), key.tunnel().name()).stream()
            .anyMatch(tunnel -> !tunnel.replicaId().equals(id));
  }

  @Override
  public void onChange(Consumer<SessionKey> listener) {
    listeners.add(listener);
  }

  /** Those of other servers end when these notice that the cluster is not there any more. */
  @Override
  public void end(String clusterId) {
    sessions.end(clusterId);
  }

  private void run() {
    long nextNanos = nanoClock.getAsLong();
    try {
      while (!stopping) {
        long leftNanos = nextNanos - nanoClock.getAsLong();
        if (leftNanos > 0) {
          var _ = wake.tryAcquire(leftNanos, TimeUnit.NANOSECONDS);
        }
        wake.drainPermits();
        try {
          if (nextNanos - nanoClock.getAsLong() <= 0) {
            nextNanos = nanoClock.getAsLong() + BEAT.toNanos();
            look();
          }
          if (!isInTrouble) { // else it waits for the next look
            holdChanges();
          }
        } catch (DatabaseException e) {
          if (!isInTrouble && !stopping) {
            log.warn("other servers not seen: reason={}", e.getMessage());
          }
          isInTrouble = true;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes down what has changed up to now. */
  void holdChanges() {
    while (!changed.isEmpty()) {
      var keys = changed.stream().limit(MAX_CHANGES).collect(Collectors.toSet());
      changed.removeAll(keys); // before: what changes meanwhile comes once more
      try {
        hold(keys);
      } catch (DatabaseException e) {
        changed.addAll(keys);
        throw e;
      }
    }
  }

  private void hold(Set<SessionKey> keys) {
    var ids =
        sessions
            .all()
            .filter(session -> keys.contains(session.key()))
            .collect(
                Collectors.groupingBy(
                    ServerSession::key, Collectors.mapping(ServerSession::id, Collectors.toSet())));
    var unknown =
        replicas.hold(
            id,
            keys.stream()
                .map(
                    key ->
                        new Held(
                            key.clusterId(), key.tunnel().name(), ids.getOrDefault(key, Set.of())))
                .toList());
    unknown.forEach(sessions::end); // the cluster was deleted, perhaps by way of another server
    keys.forEach(key -> listeners.forEach(listener -> listener.accept(key)));
  }

  /** Gives a sign of life, and sees who else does. */
  void look() {
    long now = nanoClock.getAsLong();
    var all = replicas.beat(id);
    var mine = all.stream().filter(replica -> replica.id().equals(id)).findFirst();
    if (mine.isEmpty()) {
      log.warn("server was given up by others, joins again: replica={}", id);
      register();
    } else if (!mine.get().certificates().equals(certificates)) {
      replicas.setCertificates(id, certificates);
    }
    if (now - lookedNanos > DEAD_AFTER.toNanos() / 2) {
      seen.clear(); // we could not look, so that silence means nothing
    }
    lookedNanos = now;
    isInTrouble = false;
    var living = new HashSet<String>();
    for (var replica : all) {
      if (!replica.id().equals(id) && isAlive(replica, now)) {
        living.add(replica.id());
      }
    }
    seen.keySet().stream().filter(known -> !living.contains(known)).toList().forEach(this::forget);
    compareTunnels();
  }

  private boolean isAlive(Replica replica, long now) {
    var before = seen.get(replica.id());
    if (before == null) {
      log.info("other server: replica={} url={}", replica.id(), replica.url());
    }
    if (before == null || before.beats() != replica.beats()) {
      seen.put(replica.id(), new Seen(replica.beats(), now));
      return true;
    }
    return now - before.nanos() <= DEAD_AFTER.toNanos() || !replicas.removeDead(replica);
  }

  private void forget(String replicaId) {
    log.warn("other server is gone: replica={}", replicaId);
    seen.remove(replicaId);
    client.forget(replicaId);
    entrance.forget(replicaId);
  }

  /** What is written down of us must be so, and what others have lost is lost. */
  private void compareTunnels() {
    var noted = replicas.tunnels();
    var open = noted.stream().map(Replicas.Tunnel::sessionId).collect(Collectors.toSet());
    others
        .entrySet()
        .removeIf(
            other -> {
              boolean isOver = !open.contains(other.getKey());
              if (isOver) {
                other.getValue().end();
              }
              return isOver;
            });
    var ours = sessions.all().collect(Collectors.toMap(ServerSession::id, ServerSession::key));
    ours.forEach(
        (sessionId, key) -> {
          if (!open.contains(sessionId)) {
            changed(key);
          }
        });
    for (var tunnel : noted) {
      if (tunnel.replicaId().equals(id) && !ours.containsKey(tunnel.sessionId())) {
        changed(new SessionKey(Tunnel.valueOf(tunnel.kind()), tunnel.clusterId()));
      }
    }
  }

  /** Leaves the others, who know at once. */
  @Override
  public void close() {
    stopping = true;
    ticker.interrupt();
    try {
      if (ticker.getState() != Thread.State.NEW && !ticker.join(STOP_LIMIT)) {
        log.warn("server stops without having written down what has changed: replica={}", id);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      replicas.remove(id); // last, else it would join again
    } catch (DatabaseException e) {
      log.warn("server does not tell that it stops: reason={}", e.getMessage());
    }
    client.close();
  }
}
