package io.drover.server.account;

import io.drover.server.store.Database;
import io.drover.server.store.RandomText;
import io.drover.server.store.Secret;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jdbi.v3.core.Handle;

/** All people. Any thread; methods wait for the database. */
public final class Accounts {
  /** Who is there from the beginning, and stays. */
  public static final String ADMIN = "admin";

  /** People that there can be. */
  static final int MAX_USERS = 10_000;

  /** Of a name, in characters. */
  static final int LONGEST_NAME = 200;

  private static final Pattern USERNAME = Pattern.compile("[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?");
  private static final String INSERT =
      "INSERT INTO users (id, username, name, password, admin, created) VALUES (?, ?, ?, ?, ?, ?)"
          + " ON CONFLICT DO NOTHING";

  private final Database database;
  private final InstantSource clock;

  /** Those of a database. */
  public Accounts(Database database, InstantSource clock) {
    this.database = database;
    this.clock = clock;
  }

  private record Known(Account account, String hash) {}

  /** Whether the administrator is there. */
  public boolean haveAdmin() {
    return known(ADMIN).isPresent();
  }

  /** Makes the administrator; false if another server was faster. */
  public boolean makeAdmin(Secret password) {
    var hash = Passwords.hash(password);
    return database.write(
        handle ->
            handle.execute(INSERT, RandomText.userId(), ADMIN, "", hash, 1, clock.millis()) == 1);
  }

  /** The administrator. */
  public Account admin() {
    return known(ADMIN).orElseThrow().account();
  }

  /**
   * Makes somebody.
   *
   * @throws IllegalArgumentException if the username or the password will not do, the username is
   *     taken, or there are {@link #MAX_USERS}
   */
  public Account create(String username, String name, Secret password, boolean isAdmin) {
    if (!USERNAME.matcher(username).matches()) {
      throw new IllegalArgumentException(
          "username must be 1 to 63 of a-z, 0-9, '.', '_' and '-', and begin and end with one of"
              + " the first two");
    }
    if (name.length() > LONGEST_NAME) {
      throw new IllegalArgumentException("name must have at most " + LONGEST_NAME + " characters");
    }
    var hash = Passwords.hash(password);
    return database.write(
        handle -> {
          requireRoom(handle);
          while (known(handle, username).isEmpty()) {
            var account = new Account(RandomText.userId(), username, name, isAdmin);
            int made =
                handle.execute(
                    INSERT, account.id(), username, name, hash, isAdmin ? 1 : 0, clock.millis());
            if (made == 1) {
              return account;
            }
          }
          throw new IllegalArgumentException("username is taken: " + username);
        });
  }

  /**
   * Somebody who was identified elsewhere. The first time he becomes a user, who is no member of
   * anything yet; his username is made of what he is called there.
   *
   * @throws IllegalArgumentException if there are {@link #MAX_USERS}
   */
  public Account known(OidcProvider.Person person) {
    return database.write(
        handle -> {
          var known = bySubject(handle, person.subject());
          if (known.isPresent()) {
            return known.get();
          }
          requireRoom(handle);
          var wanted = username(person.username());
          var name = person.name().substring(0, Math.min(person.name().length(), LONGEST_NAME));
          for (int number = 1; ; number++) {
            var username = number == 1 ? wanted : wanted + "-" + number;
            var account = new Account(RandomText.userId(), username, name, false);
            if (known(handle, username).isEmpty()
                && handle.execute(
                        "INSERT INTO users (id, username, name, password, admin, created, subject)"
                            + " VALUES (?, ?, ?, '', 0, ?, ?) ON CONFLICT DO NOTHING",
                        account.id(),
                        username,
                        name,
                        clock.millis(),
                        person.subject())
                    == 1) {
              return account;
            }
            var other = bySubject(handle, person.subject());
            if (other.isPresent()) {
              return other.get(); // he came by two ways at one time
            }
          }
        });
  }

  /** What may be one, nearest to a text; room is left for a number. */
  private static String username(String text) {
    var allowed =
        text.toLowerCase(Locale.ROOT)
            .replaceAll("[^a-z0-9._-]", "-")
            .replaceAll("^[^a-z0-9]+|[^a-z0-9]+$", "");
    var shortened = allowed.substring(0, Math.min(allowed.length(), 50));
    var ended = shortened.replaceAll("[^a-z0-9]+$", "");
    return ended.isEmpty() ? "user" : ended;
  }

  /** All, by their usernames. */
  public List<Account> list() {
    return database.read(
        handle ->
            handle
                .select("SELECT * FROM users ORDER BY username")
                .map((row, _) -> account(row))
                .list());
  }

  /** The one of that id. */
  public Optional<Account> find(String id) {
    return database.read(
        handle ->
            handle
                .select("SELECT * FROM users WHERE id = ?", id)
                .map((row, _) -> account(row))
                .findOne());
  }

  /**
   * Forgets somebody, with his sessions, tokens and memberships.
   *
   * @throws IllegalArgumentException if that is {@link #ADMIN}
   */
  public void delete(Account account) {
    if (account.username().equals(ADMIN)) {
      throw new IllegalArgumentException("user " + ADMIN + " stays");
    }
    database.write(handle -> handle.execute("DELETE FROM users WHERE id = ?", account.id()));
  }

  /** Who that is; it takes as long if it is nobody. */
  public Optional<Account> signIn(String username, Secret password) {
    var known = known(username);
    // Whoever is identified elsewhere has none.
    var hash = known.map(Known::hash).filter(text -> !text.isEmpty()).orElse(Passwords.NOBODYS);
    boolean isRight = Passwords.isOf(hash, password);
    return isRight ? known.map(Known::account) : Optional.empty();
  }

  /**
   * Changes a password; all of the user's sessions end.
   *
   * @throws IllegalArgumentException if the current one is another, or the new one will not do
   */
  public void changePassword(Account account, Secret current, Secret next) {
    if (signIn(account.username(), current).isEmpty()) {
      throw new IllegalArgumentException("currentPassword is not the current password");
    }
    setPassword(account, next);
  }

  /**
   * Gives somebody a password; all of his sessions end.
   *
   * @throws IllegalArgumentException if it will not do
   */
  public void setPassword(Account account, Secret next) {
    var hash = Passwords.hash(next);
    database.write(
        handle -> {
          handle.execute("UPDATE users SET password = ? WHERE id = ?", hash, account.id());
          return handle.execute("DELETE FROM browser_sessions WHERE user_id = ?", account.id());
        });
  }

  private static void requireRoom(Handle handle) {
    if (handle.select("SELECT count(*) FROM users").mapTo(Long.class).one() >= MAX_USERS) {
      throw new IllegalArgumentException("too many users: limit=" + MAX_USERS);
    }
  }

  private static Optional<Account> bySubject(Handle handle, String subject) {
    return handle
        .select("SELECT * FROM users WHERE subject = ?", subject)
        .map((row, _) -> account(row))
        .findOne();
  }

  private Optional<Known> known(String username) {
    return database.read(handle -> known(handle, username));
  }

  private static Optional<Known> known(Handle handle, String username) {
    return handle
        .select("SELECT * FROM users WHERE username = ?", username)
        .map((row, _) -> new Known(account(row), row.getString("password")))
        .findOne();
  }

  static Account account(ResultSet row) throws SQLException {
    return new Account(
        row.getString("id"),
        row.getString("username"),
        row.getString("name"),
        row.getLong("admin") == 1);
  }
}
