package io.drover.server.health;

import io.drover.server.store.RegistrationToken;
import java.time.Instant;
import java.time.InstantSource;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Whom the door was shut on, as far as that tells why an agent is missing: those with a token that
 * is not taken any more, and those whose TLS handshake failed. In memory; the oldest goes.
 */
public final class Refusals {
  /** Clusters, and addresses, that are remembered. */
  static final int MAX_REMEMBERED = 2_000;

  private final InstantSource clock;
  private final ReentrantLock lock = new ReentrantLock();
  // Guarded by lock.
  private final Map<String, OfToken> byCluster = new Newest<>();
  private final SequencedMap<String, OfHandshake> byAddress = new Newest<>();

  /** An agent that showed a token which is not taken. */
  record OfToken(Instant at, RegistrationToken token) {}

  /** A client that ended its handshake, or could not be understood. */
  record OfHandshake(Instant at, String address, String reason) {}

  /** Keeps what was put last. */
  private static final class Newest<V> extends LinkedHashMap<String, V> {
    private static final long serialVersionUID = 1L;

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, V> eldest) {
      return size() > MAX_REMEMBERED;
    }
  }

  /** Nobody so far. */
  public Refusals(InstantSource clock) {
    this.clock = clock;
  }

  /** An agent has shown a token that is known and not taken. */
  public void refused(RegistrationToken token) {
    put(byCluster, token.clusterId(), new OfToken(clock.instant(), token));
  }

  /** A TLS handshake has failed. */
  public void handshakeFailed(String address, String reason) {
    put(byAddress, address, new OfHandshake(clock.instant(), address, reason));
  }

  private <V> void put(Map<String, V> map, String key, V value) {
    lock.lock();
    try {
      map.remove(key); // so that it is the newest
      map.put(key, value);
    } finally {
      lock.unlock();
    }
  }

  Optional<OfToken> ofToken(String clusterId) {
    lock.lock();
    try {
      return Optional.ofNullable(byCluster.get(clusterId));
    } finally {
      lock.unlock();
    }
  }

  /** The last one of that address. */
  Optional<OfHandshake> ofHandshake(String address) {
    lock.lock();
    try {
      return Optional.ofNullable(byAddress.get(address));
    } finally {
      lock.unlock();
    }
  }

  /** The last one of all. */
  Optional<OfHandshake> ofHandshake() {
    lock.lock();
    try {
      return Optional.ofNullable(byAddress.lastEntry()).map(Map.Entry::getValue);
    } finally {
      lock.unlock();
    }
  }
}
