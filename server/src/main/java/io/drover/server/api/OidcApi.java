package io.drover.server.api;

import io.drover.server.account.Accounts;
import io.drover.server.account.BusyException;
import io.drover.server.account.OidcProvider;
import io.drover.server.account.OidcProvider.Attempt;
import io.drover.server.account.People;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.UrlEncoded;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Signing in by another server. What goes wrong is told on the page, and in our log in full. */
public final class OidcApi {
  /** Which ways there are to sign in. Rancher's path. */
  static final String PROVIDERS = "/v3-public/authProviders";

  static final String LOGIN = "/v3-public/oidc/login";
  static final String CALLBACK = "/v3-public/oidc/callback";

  /** How long somebody may take to sign in elsewhere. */
  static final Duration PATIENCE = Duration.ofMinutes(10);

  private static final String COOKIE = "OIDC";
  private static final String COOKIE_PATH = "/v3-public/oidc";
  private static final Logger log = LoggerFactory.getLogger(OidcApi.class);

  private final Optional<OidcProvider> provider;
  private final Accounts accounts;
  private final AccountApi signIn;
  private final Installation installation;

  /** As {@code people} have it, if they do. */
  public OidcApi(People people, AccountApi signIn, Installation installation) {
    this.provider = people.provider();
    this.accounts = people.accounts();
    this.signIn = signIn;
    this.installation = installation;
  }

  /** Where that is, for everybody. */
  public List<Route> routes() {
    return List.of(
        Route.at(PROVIDERS, (_, response, callback, _) -> providers(response, callback)),
        Route.at(LOGIN, (request, response, callback, _) -> login(request, response, callback)),
        Route.at(
            CALLBACK, (request, response, callback, _) -> callback(request, response, callback)));
  }

  /** {@code GET} {@link #PROVIDERS}. */
  private void providers(Response response, Callback callback) {
    var collection =
        Answers.JSON
            .createObjectNode()
            .put("type", "collection")
            .put("resourceType", "authProvider");
    var data = collection.putArray("data");
    data.addObject().put("type", "localProvider").put("id", "local");
    if (provider.isPresent()) {
      data.addObject()
          .put("type", "genericOIDCProvider")
          .put("id", "genericoidc")
          .put("redirectUrl", LOGIN);
    }
    Answers.json(response, callback, 200, collection);
  }

  /** {@code GET} {@link #LOGIN}: sends a browser there. */
  private void login(Request request, Response response, Callback callback)
      throws RefusedException {
    var there = require(request);
    var attempt = Attempt.begin();
    URI target;
    try {
      target = there.authorize(attempt, back(request));
    } catch (IOException e) {
      log.warn("sign-in not begun: reason={}", e.getMessage());
      redirect(response, callback, problem("unavailable"));
      return;
    }
    Response.addCookie(
        response,
        cookie(String.join(".", attempt.state(), attempt.nonce(), attempt.verifier()), PATIENCE));
    redirect(response, callback, target.toString());
  }

  /** {@code GET} {@link #CALLBACK}: somebody comes back. */
  private void callback(Request request, Response response, Callback callback)
      throws RefusedException {
    var there = require(request);
    var fields = new Fields();
    UrlEncoded.decodeUtf8To(
        Objects.requireNonNullElse(request.getHttpURI().getQuery(), ""), fields);
    var begun = attempt(request);
    Response.addCookie(response, cookie("", Duration.ZERO)); // good for once
    var address = Request.getRemoteAddr(request);
    if (begun.isEmpty() || !isSame(begun.get().state(), fields.getValue("state"))) {
      log.warn("sign-in refused: address={} reason=not begun here", address);
      redirect(response, callback, problem("expired"));
      return;
    }
    var code = fields.getValue("code");
    if (code == null) {
      log.warn("sign-in refused: address={} reason={}", address, fields.getValue("error"));
      redirect(response, callback, problem("denied"));
      return;
    }
    try {
      var account = accounts.known(there.identify(begun.get(), code, back(request)));
      var _ = signIn.begin(request, response, account);
      redirect(response, callback, "/");
    } catch (BusyException e) {
      redirect(response, callback, problem("busy"));
    } catch (IOException | IllegalArgumentException e) {
      log.warn("sign-in refused: address={} reason={}", address, e.getMessage());
      redirect(response, callback, problem("failed"));
    }
  }

  private OidcProvider require(Request request) throws RefusedException {
    if (!request.getMethod().equals("GET")) {
      throw new RefusedException(405, "MethodNotAllowed", "method not allowed");
    }
    return provider.orElseThrow(() -> new RefusedException(404, "NotFound", "no such path"));
  }

  private URI back(Request request) {
    return URI.create(installation.urlFor(request) + CALLBACK);
  }

  private static Optional<Attempt> attempt(Request request) {
    return Request.getCookies(request).stream()
        .filter(cookie -> cookie.getName().equals(COOKIE))
        .map(cookie -> cookie.getValue().split("\\.", -1))
        .filter(parts -> parts.length == 3 && parts[2].length() >= 43) // RFC 7636 4.1
        .map(parts -> new Attempt(parts[0], parts[1], parts[2]))
        .findFirst();
  }

  private static boolean isSame(String one, String other) {
    return other != null
        && MessageDigest.isEqual(
            one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
  }

  /** Lax: the way back begins on another site. */
  private static HttpCookie cookie(String value, Duration life) {
    return HttpCookie.build(COOKIE, value)
        .path(COOKIE_PATH)
        .secure(true)
        .httpOnly(true)
        .maxAge(life.toSeconds())
        .sameSite(HttpCookie.SameSite.LAX)
        .build();
  }

  /** A word that the page knows a sentence for. */
  private static String problem(String word) {
    return "/#/?problem=" + word;
  }

  private static void redirect(Response response, Callback callback, String target) {
    response.setStatus(302);
    response.getHeaders().put(HttpHeader.LOCATION, target);
    response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
    response.write(true, null, callback);
  }
}
