package io.drover.server.proxy;

import java.util.Locale;
import java.util.Map;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Response;

/**
 * What a browser must know of every answer. The page's files have a Content-Security-Policy and a
 * Cache-Control of their own.
 */
public final class SecurityHeaders {
  /** For the API's answers, which are no pages. */
  static final String OURS = "default-src 'none'; frame-ancestors 'none'";

  /**
   * For a cluster's: whoever runs a pod must not run scripts where the page's session is, and an
   * API server can be asked to hand out what a pod says.
   */
  static final String OF_A_CLUSTER = "sandbox; default-src 'none'; frame-ancestors 'none'";

  private static final String POLICY = "Content-Security-Policy";

  private static final Map<String, String> OF_ALL =
      Map.of(
          "Strict-Transport-Security", "max-age=31536000",
          "X-Content-Type-Options", "nosniff",
          "X-Frame-Options", "DENY",
          "Referrer-Policy", "no-referrer",
          "Cross-Origin-Opener-Policy", "same-origin",
          "Cross-Origin-Embedder-Policy", "require-corp",
          "Cross-Origin-Resource-Policy", "same-origin");

  private SecurityHeaders() {}

  /** On an answer of our own. */
  public static void putOurs(Response response) {
    OF_ALL.forEach(response.getHeaders()::put);
    response.getHeaders().put(POLICY, OURS).put(HttpHeader.CACHE_CONTROL, "no-store");
  }

  /**
   * On an answer that a cluster gives, in place of what it says itself.
   *
   * @param isBrowser whether a browser gets it, which then keeps nothing of it; kubectl keeps what
   *     the API server lets it
   */
  public static void putOfCluster(Response response, boolean isBrowser) {
    OF_ALL.forEach(response.getHeaders()::put);
    response.getHeaders().put(POLICY, OF_A_CLUSTER);
    if (isBrowser) {
      response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    } else {
      response.getHeaders().remove(HttpHeader.CACHE_CONTROL);
    }
  }

  /** Whether a field that a cluster sends is not passed on, since ours stands there. */
  static boolean isOurs(Response response, String name) {
    var lower = name.toLowerCase(Locale.ROOT);
    boolean isStrict =
        lower.equals("content-security-policy")
            || lower.equals("cache-control")
            || name.equalsIgnoreCase(ClusterProxy.REQUEST_ID)
            || OF_ALL.keySet().stream().anyMatch(name::equalsIgnoreCase);
    return isStrict && response.getHeaders().contains(name);
  }
}
