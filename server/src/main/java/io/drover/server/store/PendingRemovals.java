package io.drover.server.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Handle;

/** Which clusters are on their way out. A removal ends with its cluster's record. */
public final class PendingRemovals {
  private final Database database;
  private final InstantSource clock;

  /** The removals in that database. */
  public PendingRemovals(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /** Begins one, or finds the one that was begun; empty if there is no such cluster. */
  public Optional<Removal> begin(String clusterId) {
    long now = clock.instant().toEpochMilli();
    var job = "cattle-cleanup-" + RandomText.shortId(); // as Kubernetes would for Rancher
    return database.write(
        handle -> {
          if (Store.cluster(handle, clusterId).isEmpty()) {
            return Optional.empty();
          }
          handle.execute(
              "INSERT INTO removals (cluster_id, asked, job, job_made, agent_seen)"
                  + " VALUES (?, ?, ?, 0, ?) ON CONFLICT (cluster_id) DO NOTHING",
              clusterId,
              now,
              job,
              now);
          return find(handle, clusterId);
        });
  }

  /** That of a cluster. */
  public Optional<Removal> find(String clusterId) {
    return database.read(handle -> find(handle, clusterId));
  }

  private static Optional<Removal> find(Handle handle, String clusterId) {
    return handle
        .createQuery("SELECT * FROM removals WHERE cluster_id = ?")
        .bind(0, clusterId)
        .map((row, _) -> removal(row))
        .findOne();
  }

  /** All of them, oldest first. */
  public List<Removal> all() {
    return database.read(
        handle ->
            handle
                .createQuery("SELECT * FROM removals ORDER BY asked, cluster_id")
                .map((row, _) -> removal(row))
                .list());
  }

  /** Notes that the Job is in the cluster. */
  public void jobMade(String clusterId) {
    database.write(
        handle ->
            handle.execute("UPDATE removals SET job_made = 1 WHERE cluster_id = ?", clusterId));
  }

  /** Notes that the agent is connected. */
  public void agentSeen(String clusterId, Instant when) {
    database.write(
        handle ->
            handle.execute(
                "UPDATE removals SET agent_seen = ? WHERE cluster_id = ?",
                when.toEpochMilli(),
                clusterId));
  }

  private static Removal removal(ResultSet row) throws SQLException {
    return new Removal(
        row.getString("cluster_id"),
        Instant.ofEpochMilli(row.getLong("asked")),
        row.getString("job"),
        row.getLong("job_made") != 0,
        Instant.ofEpochMilli(row.getLong("agent_seen")));
  }
}
