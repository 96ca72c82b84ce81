package io.drover.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.account.Account;
import io.drover.server.account.Accounts;
import io.drover.server.account.BrowserSessions;
import io.drover.server.account.LoginLimit;
import io.drover.server.account.People;
import io.drover.server.account.Principal;
import io.drover.server.store.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.eclipse.jetty.http.HttpCookie;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Signing in and out, and passwords. Paths and names are Rancher's. */
public final class AccountApi {
  static final String LOGIN = "/v3-public/localProviders/local";
  static final String USERS = "/v3/users";

  private static final Logger log = LoggerFactory.getLogger(AccountApi.class);

  private final Accounts accounts;
  private final BrowserSessions sessions;
  private final LoginLimit limit;
  private final Path firstPassword;

  /** For these. */
  public AccountApi(People people) {
    this.accounts = people.accounts();
    this.sessions = people.sessions();
    this.limit = people.limit();
    this.firstPassword = people.firstPassword();
  }

  /** Where they are; {@link ApiTokenApi} has the way out. */
  public List<Route> routes(Principals principals) {
    return List.of(
        Route.at(LOGIN, (request, response, callback, _) -> login(request, response, callback)),
        Route.from(USERS, principals.known(this::users)));
  }

  /** {@code POST …/local?action=login}. */
  private void login(Request request, Response response, Callback callback)
      throws IOException, RefusedException {
    requireAction(request, "login");
    var body = Answers.body(request);
    var username = body.path("username").asText("");
    var password = new Secret(body.path("password").asText(""));
    var address = Request.getRemoteAddr(request);
    count(response, username, address);
    var account = accounts.signIn(username, password);
    if (account.isEmpty()) {
      log.warn("sign-in refused: address={}", address); // some type their password as their name
      throw new RefusedException(401, "Unauthorized", "authentication failed");
    }
    limit.right(username, address);
    var who = begin(request, response, account.get());
    Answers.json(response, callback, 200, json(account.get(), who));
  }

  /** Somebody has shown who he is: his browser gets a session, and its cookies. */
  Principal begin(Request request, Response response, Account account) {
    endSession(request); // the one before it, which somebody else may have put there
    var begun = sessions.begin(account);
    var who = new Principal(account, Optional.empty(), true);
    AuditTrail.who(request, who);
    Response.addCookie(response, cookie(Principals.COOKIE, begun.cookie().value(), true));
    Response.addCookie(response, cookie(Principals.CSRF_COOKIE, begun.csrf().value(), false));
    log.info("signed in: user={} address={}", account.username(), Request.getRemoteAddr(request));
    return who;
  }

  private void count(Response response, String username, String address) throws RefusedException {
    var wait = limit.attempt(username, address);
    if (wait.isPresent()) {
      long seconds = Math.max(1, wait.get().plus(Duration.ofMillis(999)).toSeconds());
      response.getHeaders().put(HttpHeader.RETRY_AFTER, seconds);
      throw new RefusedException(
          429, "TooManyRequests", "too many attempts: try again in " + seconds + " s");
    }
  }

  /** A cookie that goes with the browser's session: its life is ours to know. */
  private static HttpCookie cookie(String name, String value, boolean isHidden) {
    return HttpCookie.build(name, value)
        .path("/")
        .secure(true)
        .httpOnly(isHidden)
        .sameSite(HttpCookie.SameSite.STRICT)
        .build();
  }

  /** {@code POST /v3/tokens?action=logout}. */
  void logout(Request request, Response response, Callback callback) throws RefusedException {
    requireAction(request, "logout");
    endSession(request);
    for (var name : new String[] {Principals.COOKIE, Principals.CSRF_COOKIE}) {
      Response.addCookie(
          response, HttpCookie.build(name, "").path("/").secure(true).maxAge(0).build());
    }
    response.setStatus(204);
    response.write(true, null, callback);
  }

  private void endSession(Request request) {
    var cookie = Principals.cookie(request);
    if (cookie != null) {
      sessions.end(cookie);
    }
  }

  /**
   * {@code /v3/users}: {@code GET ?me=true}, {@code POST ?action=changepassword}; and for
   * administrators to list, make and delete, and {@code POST /ID?action=setpassword}.
   *
   * @param rest nothing, or a slash and an id
   */
  private void users(
      Request request, Response response, Callback callback, Principal who, String rest)
      throws IOException, RefusedException {
    var method = request.getMethod();
    var query = Objects.requireNonNullElse(request.getHttpURI().getQuery(), "");
    if (rest.isEmpty() && method.equals("GET") && query.equals("me=true")) {
      Answers.json(response, callback, 200, collection(List.of(who.account()), who));
      return;
    }
    Access.requirePerson(who);
    if (rest.isEmpty() && method.equals("POST") && query.equals("action=changepassword")) {
      changePassword(request, response, callback, who.account());
      return;
    }
    Access.requireAdmin(who);
    if (rest.isEmpty()) {
      switch (method) {
        case "GET" -> Answers.json(response, callback, 200, collection(accounts.list(), who));
        case "POST" -> create(request, response, callback, who);
        default -> Answers.notAllowed(response, callback);
      }
      return;
    }
    var account =
        accounts
            .find(rest.substring(1))
            .orElseThrow(() -> new RefusedException(404, "NotFound", "user not found"));
    switch (method) {
      case "GET" -> Answers.json(response, callback, 200, json(account, who));
      case "DELETE" -> {
        accounts.delete(account);
        log.info("user deleted: user={} by={}", account.username(), who.account().username());
        Answers.json(response, callback, 200, json(account, who));
      }
      case "POST" -> {
        requireAction(request, "setpassword");
        accounts.setPassword(account, secret(Answers.body(request), "newPassword"));
        changed(account, who.account());
        Answers.json(response, callback, 200, json(account, who));
      }
      default -> Answers.notAllowed(response, callback);
    }
  }

  private void create(Request request, Response response, Callback callback, Principal who)
      throws IOException {
    var body = Answers.body(request);
    var account =
        accounts.create(
            body.path("username").asText(""),
            body.path("name").asText(""),
            secret(body, "password"),
            body.path("admin").asBoolean(false));
    log.info("user made: user={} by={}", account.username(), who.account().username());
    Answers.json(response, callback, 201, json(account, who));
  }

  private void changePassword(
      Request request, Response response, Callback callback, Account account)
      throws IOException, RefusedException {
    var body = Answers.body(request);
    var address = Request.getRemoteAddr(request);
    count(response, account.username(), address); // somebody else may sit before this browser
    accounts.changePassword(account, secret(body, "currentPassword"), secret(body, "newPassword"));
    limit.right(account.username(), address);
    changed(account, account);
    response.setStatus(204);
    response.write(true, null, callback);
  }

  private void changed(Account account, Account by) throws IOException {
    if (account.username().equals(Accounts.ADMIN)) {
      Files.deleteIfExists(firstPassword);
    }
    log.info("password changed: user={} by={}", account.username(), by.username());
  }

  private static Secret secret(JsonNode body, String field) {
    return new Secret(body.path(field).asText(""));
  }

  private static ObjectNode collection(List<Account> accounts, Principal who) {
    var collection =
        Answers.JSON.createObjectNode().put("type", "collection").put("resourceType", "user");
    var data = collection.putArray("data");
    accounts.forEach(account -> data.add(json(account, who)));
    return collection;
  }

  private static ObjectNode json(Account account, Principal who) {
    return Answers.JSON
        .createObjectNode()
        .put("type", "user")
        .put("id", account.id())
        .put("username", account.username())
        .put("name", account.name())
        .put("admin", account.isAdmin())
        .put("me", account.id().equals(who.account().id()));
  }

  private static void requireAction(Request request, String action) throws RefusedException {
    if (!request.getMethod().equals("POST")) {
      throw new RefusedException(405, "MethodNotAllowed", "method not allowed");
    }
    if (!("action=" + action)
        .equals(Objects.requireNonNullElse(request.getHttpURI().getQuery(), ""))) {
      throw new RefusedException(404, "NotFound", "no such action");
    }
  }
}
