package io.drover.server.account;

import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/** What principals may do in clusters. Any thread; methods wait for the database. */
public final class Rights {
  private final Members members;

  /** By those who are members. */
  public Rights(Members members) {
    this.members = members;
  }

  /** What somebody is in a cluster now; empty: for him there is none. */
  public Optional<Role> role(Principal who, String clusterId) {
    if (!isInScope(who, clusterId)) {
      return Optional.empty();
    }
    var role =
        who.account().isAdmin()
            ? Optional.of(Role.ADMIN)
            : members.role(clusterId, who.account().id());
    return who.isReadOnly() ? role.map(_ -> Role.READ_ONLY) : role;
  }

  /** Whether somebody may change a cluster here, and its members. */
  public boolean owns(Principal who, String clusterId) {
    return role(who, clusterId)
        .filter(role -> role == Role.ADMIN || role == Role.OWNER)
        .isPresent();
  }

  /** Which clusters there are for somebody, for many at once. */
  public Predicate<String> visible(Principal who) {
    Set<String> his = who.account().isAdmin() ? Set.of() : members.clusters(who.account().id());
    return id -> isInScope(who, id) && (who.account().isAdmin() || his.contains(id));
  }

  private static boolean isInScope(Principal who, String clusterId) {
    return who.token().flatMap(ApiToken::clusterId).filter(id -> !id.equals(clusterId)).isEmpty();
  }
}
