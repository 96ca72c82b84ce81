package io.drover.server.api;

/** A request that is answered with an error. */
public final class RefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int status;
  private final String word;
  private final String reason;

  /**
   * The answer.
   *
   * @param word Norman's {@code code}
   * @param reason for people
   */
  RefusedException(int status, String word, String reason) {
    super(reason);
    this.status = status;
    this.word = word;
    this.reason = reason;
  }

  int status() {
    return status;
  }

  String word() {
    return word;
  }

  String reason() {
    return reason;
  }
}
