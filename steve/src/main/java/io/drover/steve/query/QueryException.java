package io.drover.steve.query;

/**
 * A request that cannot be answered. Dashboards know some of the codes and texts, so that these are
 * the stock agent's, whatever they look like.
 */
public final class QueryException extends Exception {
  private static final long serialVersionUID = 1;

  private final int status;
  private final String code;

  private QueryException(int status, String code, String message) {
    super(message, null, false, false);
    this.status = status;
    this.code = code;
  }

  /** The filter's author has made a mistake, for which stock blames itself. */
  static QueryException syntax(String message) {
    return new QueryException(500, "ServerError", message);
  }

  static QueryException unknownColumn(Field field) {
    return new QueryException(
        422,
        "InvalidBodyContent",
        "column is invalid [" + field.column() + "]: supplied column is invalid");
  }

  /** More than anybody asks for who means no harm. */
  static QueryException tooMuch(String what, int limit) {
    return new QueryException(
        422, "InvalidBodyContent", "more than " + limit + " " + what + ": ask for fewer");
  }

  static QueryException badRevision(String revision) {
    return new QueryException(
        400,
        "invalid revision query param",
        "value " + revision + " for revision query param is not valid");
  }

  /** The dashboard asks again in a while. */
  static QueryException unknownRevision() {
    return new QueryException(400, "unknown revision", "unknown revision");
  }

  static QueryException unknownProject(String names) {
    return new QueryException(
        404,
        "NotFound",
        "could not find any namespaces named [%1$s] or namespaces belonging to project named [%1$s]"
            .formatted(names));
  }

  /** HTTP status. */
  public int status() {
    return status;
  }

  public String code() {
    return code;
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
