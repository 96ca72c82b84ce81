package io.drover.steve.kube;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.HttpURLConnection;

/** A request that is answered with no: by the API server, or by us in its stead. */
public final class Refusal extends IOException {
  /** Status of what is understood as HTTP, and in itself is wrong. */
  public static final int UNPROCESSABLE = 422;

  private static final long serialVersionUID = 1;

  private final int status;
  private final String code;
  private final boolean guarded;

  private Refusal(int status, String code, String message, boolean guarded) {
    super(message);
    this.status = status;
    this.code = code;
    this.guarded = guarded;
  }

  /**
   * Of our own.
   *
   * @param code a word for programs
   * @param message a sentence for people
   */
  public Refusal(int status, String code, String message) {
    this(status, code, message, false);
  }

  /**
   * A {@link Guard}'s, in the API server's words.
   *
   * @param message by what it is refused, and whom to ask
   */
  public static Refusal guarded(String message) {
    return new Refusal(HttpURLConnection.HTTP_FORBIDDEN, "Forbidden", message, true);
  }

  /**
   * The API server's own.
   *
   * @param body a Status object, or whatever came in its place
   */
  static Refusal of(int status, JsonNode body) {
    String reason = body.path("reason").asText("");
    String message = body.path("message").asText("");
    return new Refusal(
        status,
        reason.isEmpty() ? "ServerError" : reason,
        message.isEmpty() ? "the API server answers " + status : message);
  }

  /** Of what is no fault of the user's. */
  public static Refusal fault(String message) {
    return new Refusal(HttpURLConnection.HTTP_INTERNAL_ERROR, "ServerError", message);
  }

  /** Of what somebody has sent. */
  public static Refusal body(String message) {
    return new Refusal(UNPROCESSABLE, "InvalidBodyContent", message);
  }

  /** Of what somebody has sent, and nobody can read. */
  public static Refusal unparsable(String why) {
    return body("Failed to parse body: " + why);
  }

  /** HTTP status. */
  public int status() {
    return status;
  }

  public String code() {
    return code;
  }

  /** Whether it is a {@link Guard}'s, so that no role would help. */
  public boolean isGuarded() {
    return guarded;
  }

  @Override
  public String getMessage() {
    return String.valueOf(super.getMessage());
  }
}
