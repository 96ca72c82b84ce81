package io.drover.server.api;

import io.drover.server.account.Principal;

/** Refuses what somebody may not do outside of clusters. */
final class Access {
  private Access() {}

  /** For what everybody may do for himself, but none of his tokens. */
  static void requirePerson(Principal who) throws RefusedException {
    if (who.token().isPresent()) {
      throw refused("an API token may not do this: sign in with a password");
    }
  }

  /** For what an administrator may see. */
  static void requireAdminsView(Principal who) throws RefusedException {
    if (!who.isAdmin()) {
      throw refused("only an administrator may do this");
    }
  }

  /** For what he may change. */
  static void requireAdmin(Principal who) throws RefusedException {
    requireAdminsView(who);
    requireMore(who);
  }

  /** For what no read-only token may do. */
  static void requireMore(Principal who) throws RefusedException {
    if (who.isReadOnly()) {
      throw refused("the API token is read-only");
    }
  }

  static RefusedException refused(String reason) {
    return new RefusedException(403, "Forbidden", reason);
  }
}
