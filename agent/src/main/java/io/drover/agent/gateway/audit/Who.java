package io.drover.agent.gateway.audit;

import io.drover.agent.gateway.policy.Requester;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Who asks the API server, and in whose name.
 *
 * @param user with whose credentials it is asked; empty: not known
 * @param groups of that user
 * @param impersonated in whose name; empty: in the user's own
 */
public record Who(Kind kind, String user, Set<String> groups, Optional<Requester> impersonated) {
  /** What is counted apart. */
  public enum Kind {
    /** The server for itself. */
    SERVER,
    /** The server in the name of a user. */
    USER,
    /** The server with an account that it has made for a user. */
    ACCOUNT,
    /** Nobody that we know. */
    UNKNOWN;

    /** As in metrics. */
    public String text() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  public Who {
    groups = Set.copyOf(groups);
  }

  /** As long as nothing is known. */
  public static Who nobody() {
    return new Who(Kind.UNKNOWN, "", Set.of(), Optional.empty());
  }

  /**
   * The server, with our credentials.
   *
   * @param own whose these are; empty: not known
   * @param asked as whom
   */
  public static Who server(String own, Requester asked) {
    return new Who(
        asked.isServer() ? Kind.SERVER : Kind.USER,
        own,
        groups(own),
        asked.isServer() ? Optional.empty() : Optional.of(asked));
  }

  /** A service account, with its own credentials. */
  public static Who account(String user) {
    return new Who(Kind.ACCOUNT, user, groups(user), Optional.empty());
  }

  /** The same in the name of a user, whom it may impersonate. */
  public static Who account(String user, Requester asked) {
    return new Who(Kind.ACCOUNT, user, groups(user), Optional.of(asked));
  }

  private static Set<String> groups(String user) {
    return user.isEmpty() ? Set.of() : Requester.user(user, List.of()).groups();
  }

  /** For a list of those who ask most. */
  String title() {
    return switch (kind) {
      case SERVER -> "the server itself";
      case USER, ACCOUNT -> impersonated.map(Requester::user).orElse(user);
      case UNKNOWN -> "nobody that is known";
    };
  }
}
