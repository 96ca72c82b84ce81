package io.drover.server.store;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;
import org.jdbi.v3.core.Handle;

/**
 * The registration tokens. Only their SHA-256 is kept: they are random enough that nobody finds one
 * by trying, and whoever reads the database cannot use it.
 */
public final class RegistrationTokens {
  /** Tokens of one cluster that are taken. */
  static final int MAX_TAKEN = 50;

  /** Those that are not, and are kept to tell an agent's operator why it stays outside. */
  static final int MAX_REMEMBERED = 50;

  private final Database database;
  private final InstantSource clock;

  /** A new one, and its text, which nobody can learn later. */
  public record Issued(RegistrationToken token, Secret secret) {}

  /** One that somebody has shown, whether or not it is taken, and its cluster. */
  public record Shown(RegistrationToken token, Cluster cluster) {}

  /** The tokens in that database. */
  public RegistrationTokens(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * Makes a token.
   *
   * @throws IllegalArgumentException if there is no such cluster, or it has {@link #MAX_TAKEN}
   */
  public Issued create(String clusterId, TokenLife life) {
    var now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    var secret = new Secret(RandomText.token());
    var expires =
        life.ttl().isZero() ? Optional.<Instant>empty() : Optional.of(now.plus(life.ttl()));
    return database.write(
        handle -> {
          if (Store.cluster(handle, clusterId).isEmpty()) {
            throw new IllegalArgumentException("cluster not found: " + clusterId);
          }
          makeRoom(handle, clusterId, now);
          var id = "crt-" + RandomText.shortId();
          while (find(handle, id).isPresent()) {
            id = "crt-" + RandomText.shortId();
          }
          var token =
              new RegistrationToken(
                  id,
                  clusterId,
                  now,
                  expires,
                  expires.map(end -> end.plus(life.grace())),
                  Optional.empty());
          handle.execute(
              "INSERT INTO registration_tokens (id, cluster_id, hash, created, expires,"
                  + " grace_expires, revoked) VALUES (?, ?, ?, ?, ?, ?, 0)",
              id,
              clusterId,
              Hashes.sha256(secret.value()),
              now.toEpochMilli(),
              millis(token.expires()),
              millis(token.graceExpires()));
          return new Issued(token, secret);
        });
  }

  private static void makeRoom(Handle handle, String clusterId, Instant now) {
    int taken = 0;
    int others = 0;
    for (var token : list(handle, clusterId).reversed()) {
      if (token.isTaken(now)) {
        if (++taken >= MAX_TAKEN) {
          throw new IllegalArgumentException(
              "too many registration tokens: limit=" + MAX_TAKEN + "; revoke one that is not used");
        }
      } else if (++others > MAX_REMEMBERED) {
        handle.execute("DELETE FROM registration_tokens WHERE id = ?", token.id());
      }
    }
  }

  /** Of one cluster, oldest first. */
  public List<RegistrationToken> list(String clusterId) {
    return database.read(handle -> list(handle, clusterId));
  }

  private static List<RegistrationToken> list(Handle handle, String clusterId) {
    return handle
        .createQuery("SELECT * FROM registration_tokens WHERE cluster_id = ? ORDER BY created, id")
        .bind(0, clusterId)
        .map((row, _) -> token(row))
        .list();
  }

  /** Of all clusters, oldest first. */
  public List<RegistrationToken> list() {
    return database.read(
        handle ->
            handle
                .createQuery("SELECT * FROM registration_tokens ORDER BY created, id")
                .map((row, _) -> token(row))
                .list());
  }

  /** The token of that id. */
  public Optional<RegistrationToken> find(String id) {
    return database.read(handle -> find(handle, id));
  }

  private static Optional<RegistrationToken> find(Handle handle, String id) {
    return handle
        .createQuery("SELECT * FROM registration_tokens WHERE id = ?")
        .bind(0, id)
        .map((row, _) -> token(row))
        .findOne();
  }

  /** Makes a token worthless from now on; false if it is unknown, or was so already. */
  public boolean revoke(String id) {
    return database.write(
        handle ->
            handle.execute(
                    "UPDATE registration_tokens SET revoked = ? WHERE id = ? AND revoked = 0",
                    clock.instant().toEpochMilli(),
                    id)
                > 0);
  }

  /** Whose token that is, if it was ever one. */
  public Optional<Shown> shown(String text) {
    return database.read(
        handle ->
            handle
                .createQuery("SELECT * FROM registration_tokens WHERE hash = ?")
                .bind(0, Hashes.sha256(text))
                .map((row, _) -> token(row))
                .findOne()
                .flatMap(
                    token ->
                        Store.cluster(handle, token.clusterId())
                            .map(cluster -> new Shown(token, cluster))));
  }

  /** The cluster whose agent shows that token, if it is taken. */
  public Optional<Cluster> clusterOf(String text) {
    return shown(text).filter(shown -> shown.token().isTaken(clock.instant())).map(Shown::cluster);
  }

  private static RegistrationToken token(ResultSet row) throws SQLException {
    return new RegistrationToken(
        row.getString("id"),
        row.getString("cluster_id"),
        Instant.ofEpochMilli(row.getLong("created")),
        Store.instant(row.getLong("expires")),
        Store.instant(row.getLong("grace_expires")),
        Store.instant(row.getLong("revoked")));
  }

  private static long millis(Optional<Instant> instant) {
    return instant.map(Instant::toEpochMilli).orElse(0L);
  }
}
