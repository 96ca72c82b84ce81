package io.drover.server.account;

import io.drover.server.store.Database;
import io.drover.server.store.Hashes;
import io.drover.server.store.RandomText;
import io.drover.server.store.Secret;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;

/** Browsers that somebody has signed in with. Any thread; methods wait for the database. */
public final class BrowserSessions {
  /** The longest life. Source: Rancher's {@code auth-user-session-ttl-minutes}. */
  static final Duration LIFE = Duration.ofHours(16);

  /** Of one that is not used. */
  static final Duration IDLE = Duration.ofHours(8);

  /** Use is noted no more often, so that a page that asks every second writes nothing. */
  static final Duration NOTED = Duration.ofMinutes(5);

  /** Of one user; the one that was not used for longest ends. */
  static final int OF_ONE_USER = 20;

  private final Database database;
  private final InstantSource clock;

  /** Those of a database. */
  public BrowserSessions(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  /**
   * A new one.
   *
   * @param cookie shows who it is
   * @param csrf what a page of ours can read and another site's cannot
   */
  public record New(Secret cookie, Secret csrf) {}

  /** One that goes on. */
  public record Session(Account account, Secret csrf) {}

  private record Found(Session session, long created, long used) {}

  /** Begins one. */
  public New begin(Account account) {
    var begun = new New(new Secret(RandomText.token()), new Secret(RandomText.token()));
    long now = clock.millis();
    var hash = Hashes.sha256(begun.cookie().value());
    database.write(
        handle -> {
          handle.execute(
              "DELETE FROM browser_sessions WHERE created < ? OR used < ?",
              now - LIFE.toMillis(),
              now - IDLE.toMillis());
          handle.execute(
              "DELETE FROM browser_sessions WHERE user_id = ? AND hash NOT IN"
                  + " (SELECT hash FROM browser_sessions WHERE user_id = ?"
                  + " ORDER BY used DESC, hash LIMIT ?)",
              account.id(),
              account.id(),
              OF_ONE_USER - 1);
          return handle.execute(
              "INSERT INTO browser_sessions (hash, user_id, csrf, created, used)"
                  + " VALUES (?, ?, ?, ?, ?)",
              hash,
              account.id(),
              begun.csrf().value(),
              now,
              now);
        });
    return begun;
  }

  /** The one with a cookie, if it goes on. */
  public Optional<Session> find(String cookie) {
    var hash = Hashes.sha256(cookie);
    long now = clock.millis();
    var goesOn = goesOn(hash, now);
    if (goesOn.filter(one -> now - one.used() >= NOTED.toMillis()).isPresent()) {
      database.write(
          handle ->
              handle.execute("UPDATE browser_sessions SET used = ? WHERE hash = ?", now, hash));
    }
    return goesOn.map(Found::session);
  }

  /** The same for what was begun in it: a page that only listens does not keep it from its end. */
  public Optional<Session> findUnused(String cookie) {
    return goesOn(Hashes.sha256(cookie), clock.millis()).map(Found::session);
  }

  private Optional<Found> goesOn(String hash, long now) {
    var found =
        database.read(
            handle ->
                handle
                    .select(
                        "SELECT u.id, u.username, u.name, u.admin, s.csrf, s.created, s.used FROM browser_sessions s"
                            + " JOIN users u ON u.id = s.user_id WHERE s.hash = ?",
                        hash)
                    .map(
                        (row, _) ->
                            new Found(
                                new Session(
                                    Accounts.account(row), new Secret(row.getString("csrf"))),
                                row.getLong("created"),
                                row.getLong("used")))
                    .findOne());
    return found.filter(
        one -> now - one.created() < LIFE.toMillis() && now - one.used() < IDLE.toMillis());
  }

  /** Ends the one with a cookie. */
  public void end(String cookie) {
    var hash = Hashes.sha256(cookie);
    database.write(handle -> handle.execute("DELETE FROM browser_sessions WHERE hash = ?", hash));
  }
}
