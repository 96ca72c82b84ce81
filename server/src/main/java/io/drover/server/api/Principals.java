package io.drover.server.api;

import io.drover.server.account.Account;
import io.drover.server.account.ApiTokens;
import io.drover.server.account.BrowserSessions;
import io.drover.server.account.People;
import io.drover.server.account.Principal;
import io.drover.server.store.Secret;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.jspecify.annotations.Nullable;

/**
 * Who makes requests: whoever shows the administrator's token, one of his own, or the cookie of a
 * browser's session. A cookie comes with any request to us, whichever site makes it; so one that
 * changes something must show, too, what only our own page can read. Any thread.
 */
public final class Principals {
  /** Rancher's name. */
  static final String COOKIE = "R_SESS";

  /** Rancher's name; its value is repeated in {@link #CSRF_FIELD}. */
  static final String CSRF_COOKIE = "CSRF";

  static final String CSRF_FIELD = "X-Api-Csrf";

  private static final String BEARER = "Bearer ";
  private static final Set<String> SAFE = Set.of("GET", "HEAD", "OPTIONS");

  private final Secret adminToken;
  private final Account admin;
  private final BrowserSessions sessions;
  private final ApiTokens tokens;

  /** Those who may show a token, or one of the sessions. */
  public Principals(Secret adminToken, People people) {
    this.adminToken = adminToken;
    this.admin = people.accounts().admin();
    this.sessions = people.sessions();
    this.tokens = people.tokens();
  }

  /**
   * Who makes this one; empty: nobody that we know.
   *
   * @throws RefusedException if another site's page may have made it
   */
  Optional<Principal> of(Request request) throws RefusedException {
    var found = find(request, sessions::find);
    found.ifPresent(who -> AuditTrail.who(request, who));
    return found;
  }

  /** Whether somebody who has made a request, which is not over, would still be he. */
  boolean isStill(Request request, Principal who) {
    try {
      return find(request, sessions::findUnused).equals(Optional.of(who));
    } catch (RefusedException _) {
      return false;
    }
  }

  private Optional<Principal> find(
      Request request, Function<String, Optional<BrowserSessions.Session>> ofCookie)
      throws RefusedException {
    var shown = request.getHeaders().get(HttpHeader.AUTHORIZATION);
    if (shown != null) {
      return shown.startsWith(BEARER)
          ? ofToken(shown.substring(BEARER.length()))
          : Optional.empty();
    }
    var cookie = cookie(request);
    var session =
        cookie == null ? Optional.<BrowserSessions.Session>empty() : ofCookie.apply(cookie);
    var who = session.map(found -> new Principal(found.account(), Optional.empty(), true));
    if (session.isPresent() && !isOurs(request, session.get())) {
      who.ifPresent(known -> AuditTrail.who(request, known)); // whose browser it was
      throw new RefusedException(
          403, "InvalidCSRFToken", "field " + CSRF_FIELD + " must repeat cookie " + CSRF_COOKIE);
    }
    return who;
  }

  /**
   * Who makes this one.
   *
   * @throws RefusedException also if that is nobody
   */
  Principal require(Request request) throws RefusedException {
    return of(request)
        .orElseThrow(() -> new RefusedException(401, "Unauthorized", "must authenticate"));
  }

  /** Refuses whoever is not known. */
  Route.Handling known(Route.ForSomebody handling) {
    return (request, response, callback, rest) ->
        handling.handle(request, response, callback, require(request), rest);
  }

  private Optional<Principal> ofToken(String shown) {
    if (adminToken.matches(shown)) {
      return Optional.of(new Principal(admin, Optional.empty(), false));
    }
    return tokens
        .find(shown)
        .map(owned -> new Principal(owned.account(), Optional.of(owned.token()), false));
  }

  static @Nullable String cookie(Request request) {
    return Request.getCookies(request).stream()
        .filter(cookie -> cookie.getName().equals(COOKIE))
        .map(cookie -> cookie.getValue())
        .findFirst()
        .orElse(null);
  }

  private static boolean isOurs(Request request, BrowserSessions.Session session) {
    var fields = request.getHeaders();
    if (fields.contains(HttpHeader.UPGRADE)) { // a websocket can show no field, but says its site
      return ("https://" + fields.get(HttpHeader.HOST)).equals(fields.get(HttpHeader.ORIGIN));
    }
    var shown = fields.get(CSRF_FIELD);
    return SAFE.contains(request.getMethod()) || (shown != null && session.csrf().matches(shown));
  }
}
