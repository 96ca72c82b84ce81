package io.drover.server.account;

import io.drover.server.store.Database;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Optional;

/**
 * All that is about who uses the server.
 *
 * @param provider who else knows people
 * @param firstPassword the file that says the administrator's first password, until it is changed
 */
public record People(
    Accounts accounts,
    BrowserSessions sessions,
    LoginLimit limit,
    ApiTokens tokens,
    Members members,
    Optional<OidcProvider> provider,
    Path firstPassword) {

  /** Those of a database. */
  public static People of(
      Database database, InstantSource clock, Optional<OidcProvider> provider, Path firstPassword) {
    return new People(
        new Accounts(database, clock),
        new BrowserSessions(database, clock),
        new LoginLimit(clock),
        new ApiTokens(database, clock),
        new Members(database, clock),
        provider,
        firstPassword);
  }

  /** What they may do. */
  public Rights rights() {
    return new Rights(members);
  }
}
