package io.drover.server.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.account.ApiToken;
import io.drover.server.account.ApiTokens;
import io.drover.server.account.People;
import io.drover.server.account.Principal;
import io.drover.server.account.Rights;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** {@code /v3/tokens}: one's own, in Norman's shapes. */
public final class ApiTokenApi {
  static final String TOKENS = "/v3/tokens";

  private final ApiTokens tokens;
  private final Rights rights;
  private final AccountApi accounts;

  /**
   * For those of {@code people}.
   *
   * @param accounts signs out, which Rancher has at the same path
   */
  public ApiTokenApi(People people, AccountApi accounts) {
    this.tokens = people.tokens();
    this.rights = people.rights();
    this.accounts = accounts;
  }

  /** Where they are. */
  public List<Route> routes(Principals principals) {
    return List.of(Route.from(TOKENS, principals.known(this::handle)));
  }

  private void handle(
      Request request, Response response, Callback callback, Principal who, String rest)
      throws IOException, RefusedException {
    if ("action=logout".equals(request.getHttpURI().getQuery())) {
      accounts.logout(request, response, callback);
      return;
    }
    Access.requirePerson(who);
    var method = request.getMethod();
    if (rest.isEmpty()) {
      switch (method) {
        case "GET" -> list(response, callback, who);
        case "POST" -> create(request, response, callback, who);
        default -> Answers.notAllowed(response, callback);
      }
    } else if (!method.equals("DELETE")) {
      Answers.notAllowed(response, callback);
    } else if (tokens.revoke(who.account().id(), rest.substring(1))) {
      response.setStatus(204);
      response.write(true, null, callback);
    } else {
      Answers.error(response, callback, 404, "NotFound", "token not found");
    }
  }

  private void list(Response response, Callback callback, Principal who) {
    var collection =
        Answers.JSON.createObjectNode().put("type", "collection").put("resourceType", "token");
    var data = collection.putArray("data");
    tokens.of(who.account().id()).forEach(token -> data.add(json(token)));
    Answers.json(response, callback, 200, collection);
  }

  private void create(Request request, Response response, Callback callback, Principal who)
      throws IOException, RefusedException {
    var body = Answers.body(request);
    var ttl = body.path("ttl");
    if (!ttl.isMissingNode() && !(ttl.isIntegralNumber() && ttl.canConvertToLong())) {
      throw new IllegalArgumentException("ttl must be a whole number of milliseconds");
    }
    var clusterId = Optional.of(body.path("clusterId").asText("")).filter(id -> !id.isEmpty());
    clusterId.ifPresent(id -> AuditTrail.cluster(request, id));
    if (clusterId.isPresent() && rights.role(who, clusterId.get()).isEmpty()) {
      throw new RefusedException(404, "NotFound", "cluster not found: " + clusterId.get());
    }
    var issued =
        tokens.create(
            who.account(),
            new ApiTokens.Wanted(
                body.path("description").asText(""),
                clusterId,
                body.path("readOnly").asBoolean(false),
                Duration.ofMillis(ttl.asLong(ApiTokens.LONGEST_LIFE.toMillis())),
                Optional.empty()));
    Answers.json(
        response, callback, 201, json(issued.token()).put("token", issued.secret().value()));
  }

  private static ObjectNode json(ApiToken token) {
    return Answers.JSON
        .createObjectNode()
        .put("type", "token")
        .put("id", token.id())
        .put("userId", token.userId())
        .put("description", token.description())
        .put("clusterId", token.clusterId().orElse(""))
        .put("readOnly", token.isReadOnly())
        .put("created", token.created().toString())
        .put("expiresAt", token.expires().toString())
        .put("ttl", Duration.between(token.created(), token.expires()).toMillis());
  }
}
