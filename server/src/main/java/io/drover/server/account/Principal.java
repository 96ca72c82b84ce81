package io.drover.server.account;

import java.util.Optional;

/**
 * Who makes a request.
 *
 * @param token by which, if it is one of his own; it may be good for less than he is
 * @param isBrowser whether a browser shows what is answered
 */
public record Principal(Account account, Optional<ApiToken> token, boolean isBrowser) {

  /** Whether he may do everything outside of clusters, or at least see it. */
  public boolean isAdmin() {
    return account.isAdmin() && token.flatMap(ApiToken::clusterId).isEmpty();
  }

  /** Whether he only looks. */
  public boolean isReadOnly() {
    return token.filter(ApiToken::isReadOnly).isPresent();
  }
}
