package io.drover.server.store;

import io.drover.server.store.Condition.Status;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jdbi.v3.core.Handle;

/** The clusters' conditions, and what they were before. */
public final class Conditions {
  /** Changes that are kept of one cluster; the oldest goes. */
  static final int MAX_CHANGES = 500;

  private final Database database;

  /** One entry of a cluster's time line. */
  public record Change(
      Instant changed, Condition.Type type, Status status, String reason, String message) {}

  /** The conditions in that database. */
  public Conditions(Database database) {
    this.database = database;
  }

  /** Those of a cluster that were ever looked at. */
  public List<Condition> of(String clusterId) {
    return database.read(
        handle ->
            handle
                .createQuery("SELECT * FROM conditions WHERE cluster_id = ?")
                .bind(0, clusterId)
                .map((row, _) -> condition(row))
                .list());
  }

  /** Those of all clusters, by the clusters' ids. */
  public Map<String, List<Condition>> ofAll() {
    record Of(String clusterId, Condition condition) {}
    return database
        .read(
            handle ->
                handle
                    .createQuery("SELECT * FROM conditions")
                    .map((row, _) -> new Of(row.getString("cluster_id"), condition(row)))
                    .list())
        .stream()
        .collect(
            Collectors.groupingBy(
                Of::clusterId, Collectors.mapping(Of::condition, Collectors.toList())));
  }

  private static Condition condition(ResultSet row) throws SQLException {
    return new Condition(
        Condition.Type.valueOf(row.getString("type")),
        Status.valueOf(row.getString("status")),
        row.getString("reason"),
        row.getString("message"),
        Instant.ofEpochMilli(row.getLong("updated")),
        Instant.ofEpochMilli(row.getLong("last_transition")));
  }

  /** A cluster's time line, oldest first. */
  public List<Change> changes(String clusterId) {
    return database.read(
        handle ->
            handle
                .createQuery("SELECT * FROM condition_changes WHERE cluster_id = ? ORDER BY number")
                .bind(0, clusterId)
                .map(
                    (row, _) ->
                        new Change(
                            Instant.ofEpochMilli(row.getLong("changed")),
                            Condition.Type.valueOf(row.getString("type")),
                            Status.valueOf(row.getString("status")),
                            row.getString("reason"),
                            row.getString("message")))
                .list());
  }

  /**
   * Keeps what has changed, all or nothing; not if the cluster has been deleted.
   *
   * @param duty whose it must be; what another server has written since would be lost
   * @return false if it is another one's
   */
  public boolean save(String clusterId, Collection<Condition> changed, Duty duty) {
    if (changed.isEmpty()) {
      return true;
    }
    return database.write(
        handle -> {
          if (!duty.isMine(handle, clusterId)) {
            return false;
          }
          if (Store.cluster(handle, clusterId).isEmpty()) {
            return true;
          }
          long number =
              handle
                  .createQuery(
                      "SELECT coalesce(max(number), 0) FROM condition_changes WHERE cluster_id = ?")
                  .bind(0, clusterId)
                  .mapTo(Long.class)
                  .one();
          for (var condition : changed) {
            save(handle, clusterId, condition, ++number);
          }
          handle.execute(
              "DELETE FROM condition_changes WHERE cluster_id = ? AND number <= ?",
              clusterId,
              number - MAX_CHANGES);
          return true;
        });
  }

  private static void save(Handle handle, String clusterId, Condition condition, long number) {
    handle.execute(
        "INSERT INTO conditions (cluster_id, type, status, reason, message, updated,"
            + " last_transition) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (cluster_id, type) DO"
            + " UPDATE SET status = excluded.status, reason = excluded.reason, message ="
            + " excluded.message, updated = excluded.updated, last_transition ="
            + " excluded.last_transition",
        clusterId,
        condition.type().name(),
        condition.status().name(),
        condition.reason(),
        condition.message(),
        condition.lastUpdate().toEpochMilli(),
        condition.lastTransition().toEpochMilli());
    handle.execute(
        "INSERT INTO condition_changes (cluster_id, number, changed, type, status, reason, message)"
            + " VALUES (?, ?, ?, ?, ?, ?, ?)",
        clusterId,
        number,
        condition.lastUpdate().toEpochMilli(),
        condition.type().name(),
        condition.status().name(),
        condition.reason(),
        condition.message());
  }
}
