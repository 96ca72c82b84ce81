package io.drover.server.api;

/** A field of a request's body is not as it must be. */
final class InvalidFieldException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String field;
  private final String problem;

  /**
   * The answer 422.
   *
   * @param field its path in the body
   * @param problem what it must be, after the field's name
   */
  InvalidFieldException(String field, String problem) {
    super(field + " " + problem);
    this.field = field;
    this.problem = field + " " + problem;
  }

  String field() {
    return field;
  }

  String problem() {
    return problem;
  }
}
