package io.drover.agent.gateway.policy;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Who asks: a user in whose name the request is made, or the management server for itself.
 *
 * @param user empty for the server itself
 * @param groups all of them, those included that Kubernetes adds by itself
 */
public record Requester(String user, Set<String> groups) {
  static final String SERVICE_ACCOUNT_PREFIX = "system:serviceaccount:";
  private static final String SERVICE_ACCOUNTS = "system:serviceaccounts";
  private static final String AUTHENTICATED = "system:authenticated";
  private static final String UNAUTHENTICATED = "system:unauthenticated";
  private static final String ANONYMOUS = "system:anonymous";

  public Requester {
    groups = Set.copyOf(groups);
  }

  /** The server, that is a request without {@code Impersonate-User}. */
  public static Requester server() {
    return new Requester("", Set.of(AUTHENTICATED));
  }

  /**
   * A user with the groups that the API server gives him when he is impersonated. Source: apiserver
   * v0.36.2 {@code pkg/endpoints/filters/impersonation/impersonation.go}.
   *
   * @param user not empty
   * @param groups as the request names them
   */
  public static Requester user(String user, List<String> groups) {
    if (user.isEmpty()) {
      throw new IllegalArgumentException("a user has a name");
    }
    var all = new LinkedHashSet<>(groups);
    if (groups.isEmpty() && user.startsWith(SERVICE_ACCOUNT_PREFIX)) {
      String account = user.substring(SERVICE_ACCOUNT_PREFIX.length());
      int colon = account.indexOf(':');
      if (colon > 0) {
        all.add(SERVICE_ACCOUNTS);
        all.add(SERVICE_ACCOUNTS + ":" + account.substring(0, colon));
      }
    }
    if (user.equals(ANONYMOUS)) {
      all.add(UNAUTHENTICATED);
    } else if (!all.contains(UNAUTHENTICATED)) {
      all.add(AUTHENTICATED);
    }
    return new Requester(user, all);
  }

  /** Whether it is the server itself. */
  public boolean isServer() {
    return user.isEmpty();
  }

  /** For people. */
  public String title() {
    return isServer() ? "The management server itself" : "User \"" + user + "\"";
  }
}
