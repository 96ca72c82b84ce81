package io.drover.steve.api;

import io.drover.steve.http.Fields;
import io.drover.steve.http.Request;
import io.drover.steve.kube.Refusal;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Locale;

/**
 * That a browser's page means what it sends: another site's page can make it send our cookie, but
 * cannot read it, and so not repeat it in a field. Programs have no pages.
 */
final class Csrf {
  private static final String COOKIE = "CSRF";
  private static final String FIELD = "X-API-CSRF";
  private static final int TOKEN_BYTES = 16;

  private final SecureRandom random = new SecureRandom();

  /**
   * Looks at a request, and gives a browser a cookie if it has none.
   *
   * @param method what it is about to do
   * @param answer the fields of the answer
   * @throws Refusal if the page is not ours
   */
  void check(Request request, String method, Fields answer) throws Refusal {
    var fields = request.fields();
    if (!fields.first("User-Agent").toLowerCase(Locale.ROOT).contains("mozilla")) {
      return;
    }
    String cookie = cookie(fields);
    if (cookie.isEmpty()) {
      byte[] token = new byte[TOKEN_BYTES];
      random.nextBytes(token);
      answer.add(
          "Set-Cookie",
          COOKIE + "=" + HexFormat.of().formatHex(token) + "; Path=/; Secure; SameSite=Lax");
    } else if (!method.equals("GET") && !cookie.equals(fields.first(FIELD))) {
      throw new Refusal(Refusal.UNPROCESSABLE, "InvalidCSRFToken", "Invalid CSRF token");
    }
  }

  private static String cookie(Fields fields) {
    return fields.every("Cookie").stream()
        .flatMap(line -> Arrays.stream(line.split(";", -1)))
        .map(String::strip)
        .filter(pair -> pair.startsWith(COOKIE + "="))
        .map(pair -> pair.substring(COOKIE.length() + 1))
        .findFirst()
        .orElse("");
  }
}
