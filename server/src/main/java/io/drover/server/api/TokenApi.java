package io.drover.server.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.account.Principal;
import io.drover.server.store.RegistrationToken;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.TokenLife;
import java.io.IOException;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.Fields;
import org.eclipse.jetty.util.UrlEncoded;

/** {@code /v3/clusterregistrationtokens}, in Norman's shapes. */
public final class TokenApi {
  /** Stands in a command for a token whose text nobody knows any more, as in Rancher. */
  static final String PLACEHOLDER = "{token}";

  /** The longest life, in minutes. */
  static final int MAX_MINUTES = 10 * 365 * 24 * 60;

  private final RegistrationTokens tokens;
  private final Installation installation;
  private final InstantSource clock;

  /** For these tokens. */
  public TokenApi(RegistrationTokens tokens, Installation installation, InstantSource clock) {
    this.tokens = tokens;
    this.installation = installation;
    this.clock = clock;
  }

  /** Where they are, for administrators. */
  public List<Route> routes(Principals principals) {
    return List.of(Route.from("/v3/clusterregistrationtokens", principals.known(this::handle)));
  }

  private void handle(
      Request request, Response response, Callback callback, Principal who, String rest)
      throws IOException, RefusedException {
    Access.requireAdmin(who);
    var method = request.getMethod();
    if (rest.isEmpty()) {
      switch (method) {
        case "GET" -> list(request, response, callback);
        case "POST" -> create(request, response, callback);
        default -> Answers.notAllowed(response, callback);
      }
      return;
    }
    var token = tokens.find(rest.substring(1)).orElse(null);
    if (token == null) {
      Answers.error(response, callback, 404, "NotFound", "registration token not found");
      return;
    }
    switch (method) {
      case "GET" -> Answers.json(response, callback, 200, json(request, token));
      case "DELETE" -> {
        AuditTrail.cluster(request, token.clusterId());
        tokens.revoke(token.id());
        Answers.json(response, callback, 200, json(request, tokens.find(token.id()).orElse(token)));
      }
      default -> Answers.notAllowed(response, callback);
    }
  }

  private void list(Request request, Response response, Callback callback) {
    var query = request.getHttpURI().getQuery();
    var fields = new Fields();
    if (query != null) {
      UrlEncoded.decodeUtf8To(query, fields);
    }
    var clusterId = fields.getValue("clusterId");
    var collection =
        Answers.JSON
            .createObjectNode()
            .put("type", "collection")
            .put("resourceType", "clusterRegistrationToken");
    var data = collection.putArray("data");
    List<RegistrationToken> found = clusterId == null ? tokens.list() : tokens.list(clusterId);
    found.forEach(token -> data.add(json(request, token)));
    Answers.json(response, callback, 200, collection);
  }

  private void create(Request request, Response response, Callback callback) throws IOException {
    var body = Answers.body(request);
    var clusterId = body.path("clusterId").asText("");
    AuditTrail.cluster(request, clusterId);
    TokenLife life;
    try {
      life =
          new TokenLife(
              minutes(body, "ttl", TokenLife.DEFAULT_TTL),
              minutes(body, "gracePeriod", TokenLife.DEFAULT_GRACE));
    } catch (InvalidFieldException e) {
      Answers.invalid(response, callback, e);
      return;
    }
    try {
      var issued = tokens.create(clusterId, life);
      Answers.json(
          response,
          callback,
          201,
          withCommands(request, json(request, issued.token()), issued.secret().value()));
    } catch (IllegalArgumentException e) {
      var problem = Objects.requireNonNull(e.getMessage());
      if (problem.startsWith("cluster not found")) {
        Answers.error(response, callback, 404, "NotFound", problem);
      } else {
        Answers.error(response, callback, 422, "InvalidState", problem);
      }
    }
  }

  private static Duration minutes(JsonNode body, String field, Duration other)
      throws InvalidFieldException {
    var value = body.path(field);
    if (value.isMissingNode() || value.isNull()) {
      return other;
    } else if (!value.isIntegralNumber()
        || !value.canConvertToInt()
        || value.asInt() > MAX_MINUTES) {
      throw new InvalidFieldException(
          field, "must be a whole number of minutes up to " + MAX_MINUTES + "; 0 is for ever");
    }
    return Duration.ofMinutes(value.asInt());
  }

  private ObjectNode json(Request request, RegistrationToken token) {
    var json =
        Answers.JSON
            .createObjectNode()
            .put("id", token.id())
            .put("type", "clusterRegistrationToken")
            .put("clusterId", token.clusterId())
            .put("created", token.created().toString())
            .put("state", token.state(clock.instant()).name().toLowerCase(Locale.ROOT));
    token.expires().ifPresent(end -> json.put("expiresAt", end.toString()));
    token.graceExpires().ifPresent(end -> json.put("gracePeriodExpiresAt", end.toString()));
    token.revoked().ifPresent(when -> json.put("revokedAt", when.toString()));
    return withCommands(request, json, PLACEHOLDER);
  }

  private ObjectNode withCommands(Request request, ObjectNode json, String text) {
    var manifest =
        "%s/v3/import/%s_%s.yaml"
            .formatted(installation.urlFor(request), text, json.path("clusterId").asText());
    return json.put("token", text.equals(PLACEHOLDER) ? "" : text)
        .put("manifestUrl", manifest)
        .put("command", "kubectl apply -f " + manifest)
        .put("insecureCommand", "curl --insecure -sfL " + manifest + " | kubectl apply -f -");
  }
}
