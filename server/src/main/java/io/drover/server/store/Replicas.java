package io.drover.server.store;

import java.net.URI;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jdbi.v3.core.Handle;

/**
 * The servers that share the database, and whose tunnels each has. That a row is there means that
 * its server lives; no clock of one is compared with that of another. Methods wait for the
 * database, and throw {@link DatabaseException}.
 */
public final class Replicas {
  private static final String SELECT_TUNNELS =
      "SELECT session_id, replica_id, cluster_id, kind FROM tunnels";

  private final Database database;

  /**
   * One of them.
   *
   * @param url where the others reach it
   * @param certificates whom they trust there, as PEM
   * @param tokenHash of what it shows them, SHA-256 in hex
   * @param beats goes up as long as it lives
   */
  public record Replica(String id, URI url, String certificates, String tokenHash, long beats) {}

  /** A session that one of them has. */
  public record Tunnel(String sessionId, String replicaId, String clusterId, String kind) {}

  /** Those in that database. */
  public Replicas(Database database) {
    this.database = database;
  }

  /** Adds one; a former one at the same URL cannot be any more. */
  public void add(Replica replica) {
    database.write(
        handle -> {
          handle.execute("DELETE FROM replicas WHERE url = ?", replica.url().toString());
          return handle.execute(
              "INSERT INTO replicas (id, url, certificates, token_hash, beats)"
                  + " VALUES (?, ?, ?, ?, ?)",
              replica.id(),
              replica.url().toString(),
              replica.certificates(),
              replica.tokenHash(),
              replica.beats());
        });
  }

  /** All of them. */
  public List<Replica> all() {
    return database.read(Replicas::all);
  }

  private static List<Replica> all(Handle handle) {
    return handle
        .createQuery("SELECT * FROM replicas ORDER BY id")
        .map((row, _) -> replica(row))
        .list();
  }

  /** The one of that id. */
  public Optional<Replica> find(String id) {
    return database.read(
        handle ->
            handle
                .createQuery("SELECT * FROM replicas WHERE id = ?")
                .bind(0, id)
                .map((row, _) -> replica(row))
                .findOne());
  }

  private static Replica replica(ResultSet row) throws SQLException {
    return new Replica(
        row.getString("id"),
        URI.create(row.getString("url")),
        row.getString("certificates"),
        row.getString("token_hash"),
        row.getLong("beats"));
  }

  /** Says that a server lives; gives all that do. It is not among them if it was given up. */
  public List<Replica> beat(String id) {
    return database.write(
        handle -> {
          handle.execute("UPDATE replicas SET beats = beats + 1 WHERE id = ?", id);
          return all(handle);
        });
  }

  /** Notes whom the others are to trust at a server. */
  public void setCertificates(String id, String certificates) {
    database.write(
        handle ->
            handle.execute("UPDATE replicas SET certificates = ? WHERE id = ?", certificates, id));
  }

  /** Takes out a server that stops, with all that it held. */
  public void remove(String id) {
    database.write(handle -> handle.execute("DELETE FROM replicas WHERE id = ?", id));
  }

  /** Takes out one that is dead, unless it has given a sign of life; false if it has. */
  public boolean removeDead(Replica replica) {
    return database.write(
        handle ->
            handle.execute(
                    "DELETE FROM replicas WHERE id = ? AND beats = ?",
                    replica.id(),
                    replica.beats())
                > 0);
  }

  /** All sessions of one kind that a server has with a cluster. */
  public record Held(String clusterId, String kind, Set<String> sessionIds) {
    public Held {
      sessionIds = Set.copyOf(sessionIds);
    }
  }

  /**
   * Notes which sessions a server has, in place of what was noted of these clusters and kinds. It
   * becomes the keeper of the clusters of which there is a new one.
   *
   * @return clusters that there are none of; nothing is noted if the server was given up
   */
  public Set<String> hold(String replicaId, List<Held> sessions) {
    return database.write(
        handle -> {
          var unknown = new HashSet<String>();
          if (!isThere(handle, replicaId)) {
            return unknown;
          }
          for (var held : sessions) {
            if (Store.cluster(handle, held.clusterId()).isEmpty()) {
              unknown.add(held.clusterId());
            } else {
              hold(handle, replicaId, held);
            }
          }
          return unknown;
        });
  }

  private static boolean isThere(Handle handle, String replicaId) {
    return handle
        .createQuery("SELECT 1 FROM replicas WHERE id = ?")
        .bind(0, replicaId)
        .mapTo(Integer.class)
        .findOne()
        .isPresent();
  }

  private static void hold(Handle handle, String replicaId, Held held) {
    var noted =
        new HashSet<>(
            handle
                .createQuery(
                    "SELECT session_id FROM tunnels"
                        + " WHERE cluster_id = ? AND kind = ? AND replica_id = ?")
                .bind(0, held.clusterId())
                .bind(1, held.kind())
                .bind(2, replicaId)
                .mapTo(String.class)
                .list());
    for (var sessionId : noted) {
      if (!held.sessionIds().contains(sessionId)) {
        handle.execute("DELETE FROM tunnels WHERE session_id = ?", sessionId);
      }
    }
    for (var sessionId : held.sessionIds()) {
      if (!noted.contains(sessionId)) {
        add(handle, new Tunnel(sessionId, replicaId, held.clusterId(), held.kind()));
      }
    }
  }

  private static void add(Handle handle, Tunnel tunnel) {
    long newest =
        handle
            .createQuery("SELECT coalesce(max(number), 0) FROM tunnels WHERE cluster_id = ?")
            .bind(0, tunnel.clusterId())
            .mapTo(Long.class)
            .one();
    handle.execute(
        "INSERT INTO tunnels (session_id, replica_id, cluster_id, kind, number)"
            + " VALUES (?, ?, ?, ?, ?)",
        tunnel.sessionId(),
        tunnel.replicaId(),
        tunnel.clusterId(),
        tunnel.kind(),
        newest + 1);
    handle.execute(
        "INSERT INTO keepers (cluster_id, replica_id) VALUES (?, ?) ON CONFLICT (cluster_id) DO"
            + " UPDATE SET replica_id = excluded.replica_id",
        tunnel.clusterId(),
        tunnel.replicaId());
  }

  /** All sessions of all servers. */
  public List<Tunnel> tunnels() {
    return database.read(
        handle -> handle.createQuery(SELECT_TUNNELS).map((row, _) -> tunnel(row)).list());
  }

  /** Those of a cluster and a kind, the newest first. */
  public List<Tunnel> tunnels(String clusterId, String kind) {
    return database.read(
        handle ->
            handle
                .createQuery(
                    SELECT_TUNNELS + " WHERE cluster_id = ? AND kind = ? ORDER BY number DESC")
                .bind(0, clusterId)
                .bind(1, kind)
                .map((row, _) -> tunnel(row))
                .list());
  }

  private static Tunnel tunnel(ResultSet row) throws SQLException {
    return new Tunnel(
        row.getString("session_id"),
        row.getString("replica_id"),
        row.getString("cluster_id"),
        row.getString("kind"));
  }

  /** Which clusters a server looks after. */
  public Duty dutyOf(String replicaId) {
    return new Duty() {
      @Override
      public boolean isShared() {
        return true;
      }

      @Override
      public Predicate<String> mine() {
        return database.read(handle -> kept(handle, replicaId));
      }

      @Override
      public boolean isMine(String clusterId) {
        return database.read(handle -> isMine(handle, clusterId));
      }

      @Override
      public boolean isMine(Handle handle, String clusterId) {
        return handle
            .createQuery(
                "SELECT coalesce((SELECT replica_id FROM keepers WHERE cluster_id = ?),"
                    + " (SELECT min(id) FROM replicas))")
            .bind(0, clusterId)
            .mapTo(String.class)
            .findOne()
            .filter(replicaId::equals)
            .isPresent();
      }
    };
  }

  private static Predicate<String> kept(Handle handle, String replicaId) {
    record Kept(String clusterId, String replicaId) {}
    Map<String, String> keepers = new HashMap<>();
    handle
        .createQuery("SELECT cluster_id, replica_id FROM keepers")
        .map((row, _) -> new Kept(row.getString("cluster_id"), row.getString("replica_id")))
        .forEach(kept -> keepers.put(kept.clusterId(), kept.replicaId()));
    var first =
        handle.createQuery("SELECT min(id) FROM replicas").mapTo(String.class).findOne().orElse("");
    return clusterId -> keepers.getOrDefault(clusterId, first).equals(replicaId);
  }
}
