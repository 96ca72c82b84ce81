package io.drover.agent.reason;

/**
 * What does not work now.
 *
 * @param message the particulars: names, addresses, what the other side said; never a secret
 */
public record Problem(Reason reason, String message) {
  /** As many causes of an exception are looked at; more would be a loop. */
  static final int MAX_CAUSES = 32;

  /**
   * The reason that is nearest to {@code failure} among its causes, with the message of {@code
   * failure} itself, which says more the further out it is.
   */
  public static Problem of(Throwable failure) {
    return new Problem(
        reason(failure, Reason.OTHER),
        failure.getMessage() == null ? failure.toString() : failure.getMessage());
  }

  /** The reason that is nearest to {@code failure} among its causes, or else {@code standard}. */
  public static Reason reason(Throwable failure, Reason standard) {
    Throwable cause = failure;
    for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
      if (cause instanceof Explained explained) {
        return explained.reason();
      }
      cause = cause.getCause();
    }
    return standard;
  }

  /** Both at one time, as the first of them. */
  public Problem and(Problem other) {
    return new Problem(reason, message + "; " + other.message());
  }

  /** One line for people: what it means, the particulars, and what to do. */
  public String text() {
    return "%s: %s (%s); %s; see %s"
        .formatted(reason.code(), reason.sentence(), message, reason.nextStep(), reason.page());
  }
}
