package io.drover.server.account;

import io.drover.server.store.Database;
import io.drover.server.store.RandomText;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Who is a member of which cluster, as what. Any thread; methods wait for the database. */
public final class Members {
  /** Of one cluster. */
  static final int OF_ONE_CLUSTER = 1000;

  private static final String ALL =
      "SELECT m.id, m.cluster_id, m.user_id, m.role, u.username FROM members m"
          + " JOIN users u ON u.id = m.user_id WHERE ";

  private final Database database;
  private final InstantSource clock;

  /** Those of a database. */
  public Members(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * A member.
   *
   * @param id as Rancher's: the cluster's id, a colon, {@code crtb-} and five characters
   */
  public record Member(String id, String clusterId, String userId, String username, Role role) {}

  /**
   * Makes somebody a member, or gives a member another role.
   *
   * @throws IllegalArgumentException if there is no such cluster or user, or the cluster has {@link
   *     #OF_ONE_CLUSTER}
   */
  public Member put(String clusterId, String userId, Role role) {
    long now = clock.millis();
    var id = clusterId + ":crtb-" + RandomText.shortId();
    return database.write(
        handle -> {
          if (handle
              .select("SELECT id FROM clusters WHERE id = ?", clusterId)
              .mapTo(String.class)
              .findOne()
              .isEmpty()) {
            throw new IllegalArgumentException("clusterId: no such cluster: " + clusterId);
          }
          if (handle
              .select("SELECT id FROM users WHERE id = ?", userId)
              .mapTo(String.class)
              .findOne()
              .isEmpty()) {
            throw new IllegalArgumentException("userId: no such user: " + userId);
          }
          long count =
              handle
                  .select("SELECT count(*) FROM members WHERE cluster_id = ?", clusterId)
                  .mapTo(Long.class)
                  .one();
          if (count >= OF_ONE_CLUSTER) {
            throw new IllegalArgumentException("too many members: limit=" + OF_ONE_CLUSTER);
          }
          handle.execute(
              "INSERT INTO members (id, cluster_id, user_id, role, created) VALUES (?, ?, ?, ?, ?)"
                  + " ON CONFLICT (cluster_id, user_id) DO UPDATE SET role = excluded.role",
              id,
              clusterId,
              userId,
              role.text(),
              now);
          return handle
              .select(ALL + "m.cluster_id = ? AND m.user_id = ?", clusterId, userId)
              .map((row, _) -> member(row))
              .one();
        });
  }

  /** Those of a cluster, by their names. */
  public List<Member> of(String clusterId) {
    return database.read(
        handle ->
            handle
                .select(ALL + "m.cluster_id = ? ORDER BY u.username", clusterId)
                .map((row, _) -> member(row))
                .list());
  }

  /** The one with an id. */
  public Optional<Member> find(String id) {
    return database.read(
        handle -> handle.select(ALL + "m.id = ?", id).map((row, _) -> member(row)).findOne());
  }

  /** Ends a membership. */
  public void remove(String id) {
    database.write(handle -> handle.execute("DELETE FROM members WHERE id = ?", id));
  }

  /** What somebody is in a cluster. */
  Optional<Role> role(String clusterId, String userId) {
    return database.read(
        handle ->
            handle
                .select(ALL + "m.cluster_id = ? AND m.user_id = ?", clusterId, userId)
                .map((row, _) -> member(row).role())
                .findOne());
  }

  /** Where somebody is a member. */
  Set<String> clusters(String userId) {
    return database.read(
        handle ->
            Set.copyOf(
                handle
                    .select("SELECT cluster_id FROM members WHERE user_id = ?", userId)
                    .mapTo(String.class)
                    .list()));
  }

  private static Member member(ResultSet row) throws SQLException {
    return new Member(
        row.getString("id"),
        row.getString("cluster_id"),
        row.getString("user_id"),
        row.getString("username"),
        Role.of(row.getString("role"))
            .orElseThrow(() -> new IllegalStateException("members: role not ours")));
  }
}
