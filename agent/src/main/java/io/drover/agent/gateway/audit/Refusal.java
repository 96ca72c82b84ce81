package io.drover.agent.gateway.audit;

import java.net.HttpURLConnection;
import java.util.Locale;

/** Why the gateway answers by itself. */
enum Refusal {
  /** Nobody that we know asks. */
  TOKEN,
  /** By the policy. */
  POLICY,
  /** In another's name, without the right to it. */
  IMPERSONATION,
  /** It could be understood in two ways, or not at all. */
  MALFORMED,
  /** The API server does not answer, or we cannot ask it yet. */
  UNAVAILABLE;

  /** As in metrics. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  static Refusal of(int code, boolean byPolicy) {
    if (byPolicy) {
      return POLICY;
    }
    return switch (code) {
      case HttpURLConnection.HTTP_UNAUTHORIZED -> TOKEN;
      case HttpURLConnection.HTTP_FORBIDDEN -> IMPERSONATION;
      case HttpURLConnection.HTTP_UNAVAILABLE -> UNAVAILABLE;
      default -> MALFORMED;
    };
  }
}
