package io.drover.server.account;

import io.drover.server.store.Database;
import io.drover.server.store.Hashes;
import io.drover.server.store.RandomText;
import io.drover.server.store.Secret;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Optional;

/** Everybody's tokens. Any thread; methods wait for the database. */
public final class ApiTokens {
  /** The longest life. Source: Rancher's {@code auth-token-max-ttl-minutes}: 129600. */
  public static final Duration LONGEST_LIFE = Duration.ofDays(90);

  /** One in a kubeconfig. Source: Rancher's {@code kubeconfig-default-token-ttl-minutes}: 43200. */
  public static final Duration KUBECONFIG_LIFE = Duration.ofDays(30);

  /** Of one user that have not expired. */
  static final int OF_ONE_USER = 1000;

  /** Of a description, in characters. */
  static final int LONGEST_DESCRIPTION = 200;

  private final Database database;
  private final InstantSource clock;

  /** Those of a database. */
  public ApiTokens(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * A new one.
   *
   * @param secret nobody can learn it later
   */
  public record Issued(ApiToken token, Secret secret) {}

  /** A token that is good, and whose it is. */
  public record Owned(Account account, ApiToken token) {}

  /**
   * What a token is to be good for.
   *
   * @param clusterId the only cluster, if it is one
   * @param parentId the token that asks for it, if one does: this one ends with it
   */
  public record Wanted(
      String description,
      Optional<String> clusterId,
      boolean isReadOnly,
      Duration life,
      Optional<String> parentId) {}

  /**
   * Makes one.
   *
   * @throws IllegalArgumentException if the life is none or too long, the description is too long,
   *     or the user has {@link #OF_ONE_USER}
   */
  public Issued create(Account account, Wanted wanted) {
    if (!wanted.life().isPositive() || wanted.life().compareTo(LONGEST_LIFE) > 0) {
      throw new IllegalArgumentException(
          "ttl must be above 0 and at most " + LONGEST_LIFE.toMillis() + " ms");
    }
    if (wanted.description().length() > LONGEST_DESCRIPTION) {
      throw new IllegalArgumentException(
          "description must have at most " + LONGEST_DESCRIPTION + " characters");
    }
    var now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
    var random = RandomText.token();
    return database.write(
        handle -> {
          handle.execute("DELETE FROM api_tokens WHERE expires <= ?", now.toEpochMilli());
          long count =
              handle
                  .createQuery("SELECT count(*) FROM api_tokens WHERE user_id = ?")
                  .bind(0, account.id())
                  .mapTo(Long.class)
                  .one();
          if (count >= OF_ONE_USER) {
            throw new IllegalArgumentException(
                "too many tokens: limit=" + OF_ONE_USER + "; revoke some");
          }
          while (true) {
            var token =
                new ApiToken(
                    RandomText.tokenId(),
                    account.id(),
                    wanted.description(),
                    wanted.clusterId(),
                    wanted.isReadOnly(),
                    now,
                    now.plus(wanted.life()));
            var secret = new Secret(token.id() + ":" + random);
            int made =
                handle.execute(
                    "INSERT INTO api_tokens (id, hash, user_id, description, cluster_id, read_only,"
                        + " created, expires, parent_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
                        + " ON CONFLICT (id) DO NOTHING",
                    token.id(),
                    Hashes.sha256(secret.value()),
                    token.userId(),
                    token.description(),
                    token.clusterId().orElse(""),
                    token.isReadOnly() ? 1 : 0,
                    token.created().toEpochMilli(),
                    token.expires().toEpochMilli(),
                    wanted.parentId().orElse(null));
            if (made == 1) {
              return new Issued(token, secret);
            }
          }
        });
  }

  /** The one with a text, if it is good. */
  public Optional<Owned> find(String text) {
    long now = clock.millis();
    return database.read(
        handle ->
            handle
                .select(
                    "SELECT t.*, u.username, u.name, u.admin FROM api_tokens t"
                        + " JOIN users u ON u.id = t.user_id WHERE t.hash = ? AND t.expires > ?",
                    Hashes.sha256(text),
                    now)
                .map(
                    (row, _) ->
                        new Owned(
                            new Account(
                                row.getString("user_id"),
                                row.getString("username"),
                                row.getString("name"),
                                row.getLong("admin") == 1),
                            token(row)))
                .findOne());
  }

  /** Those of a user that are good, oldest first. */
  public List<ApiToken> of(String userId) {
    long now = clock.millis();
    return database.read(
        handle ->
            handle
                .select(
                    "SELECT * FROM api_tokens WHERE user_id = ? AND expires > ?"
                        + " ORDER BY created, id",
                    userId,
                    now)
                .map((row, _) -> token(row))
                .list());
  }

  /** Ends one of a user's, and those that it has made; false if he has none of that id. */
  public boolean revoke(String userId, String id) {
    return database.write(
        handle ->
            handle.execute("DELETE FROM api_tokens WHERE user_id = ? AND id = ?", userId, id) == 1);
  }

  private static ApiToken token(ResultSet row) throws SQLException {
    var clusterId = row.getString("cluster_id");
    return new ApiToken(
        row.getString("id"),
        row.getString("user_id"),
        row.getString("description"),
        clusterId.isEmpty() ? Optional.empty() : Optional.of(clusterId),
        row.getLong("read_only") == 1,
        Instant.ofEpochMilli(row.getLong("created")),
        Instant.ofEpochMilli(row.getLong("expires")));
  }
}
