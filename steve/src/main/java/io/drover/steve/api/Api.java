package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.Handler;
import io.drover.steve.http.Request;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.Refusal;
import io.drover.steve.kube.Stopping;
import io.drover.steve.kube.User;
import io.drover.steve.schema.Cluster;
import io.drover.steve.schema.ResourceType;
import io.drover.steve.schema.Schema;
import java.io.IOException;
import java.net.URLDecoder;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Understands requests, and has them answered. Any thread. */
public final class Api implements Handler {
  /** Requests that are answered at one time; others wait. */
  static final int MAX_BUSY = 64;

  /** Of one user; a browser has six at one time, or with HTTP/2 as many as its page asks for. */
  static final int MAX_BUSY_OF_ONE = 16;

  /** For so long. */
  static final Duration MAX_WAIT = Duration.ofSeconds(20);

  private static final Set<String> METHODS = Set.of("GET", "POST", "PUT", "PATCH", "DELETE");
  private static final String VERSION = "v1";

  /** Whom a server names that could not find out who its user is. */
  private static final String NOT_KNOWN = "system:cattle:error";

  private static final Logger log = LoggerFactory.getLogger(Api.class);

  private final Cluster cluster;
  private final boolean mastersAllowed;
  private final Map<String, Store> own;
  private final Store kubernetes;
  private final Csrf csrf = new Csrf();
  private final Room room = new Room(MAX_BUSY, MAX_BUSY_OF_ONE);

  /**
   * Answers nothing yet.
   *
   * @param mastersAllowed whether a user may be a member of {@code system:masters}
   * @param own the stores of types of our own, by schema id
   * @param kubernetes the store of all types of Kubernetes
   */
  public Api(Cluster cluster, boolean mastersAllowed, Map<String, Store> own, Store kubernetes) {
    this.cluster = cluster;
    this.mastersAllowed = mastersAllowed;
    this.own = Map.copyOf(own);
    this.kubernetes = kubernetes;
  }

  @Override
  public void handle(Request request, Answer answer) throws IOException {
    String user = User.of(request.fields()).name();
    try {
      if (!room.enter(user, MAX_WAIT)) {
        answer.send(503, new Fields().add("Retry-After", "1"), new byte[0]);
        return;
      }
    } catch (InterruptedException e) {
      throw Stopping.interrupted(e);
    }
    var fields = fields();
    var reply = new Reply(answer, request, fields);
    try {
      route(request, answer, fields, reply);
    } finally {
      reply.end();
      room.leave(user);
    }
    reply.talk();
  }

  private static Fields fields() {
    return new Fields()
        .add("Cache-Control", "no-cache, no-store, must-revalidate")
        .add("X-Content-Type-Options", "nosniff");
  }

  private void route(Request request, Answer answer, Fields fields, Reply reply)
      throws IOException {
    String path = request.path();
    if (path.contains("//")) {
      redirect(answer, path.replaceAll("/+", "/"));
      return;
    }
    if (!path.equals("/" + VERSION) && !path.startsWith("/" + VERSION + "/")) {
      answer.send(
          404,
          fields().add("Content-Type", "text/plain; charset=utf-8"),
          "404 page not found\n".getBytes(UTF_8));
      return;
    }
    var links = Links.of(request.fields());
    try {
      serve(request, fields, reply, links);
    } catch (Refusal e) {
      if (reply.begun()) {
        throw e;
      }
      reply.refusal(e, links);
    } catch (Request.BodyTooLongException e) {
      reply.refusal(new Refusal(413, "RequestEntityTooLarge", e.toString()), links);
    } catch (IOException e) {
      if (reply.begun()) {
        throw e;
      }
      log.debug("request failed: path={} reason={}", path, e.toString());
      reply.refusal(Refusal.fault(String.valueOf(e.getMessage())), links);
    }
  }

  private static void redirect(Answer answer, String to) throws IOException {
    var fields = fields().add("Content-Type", "text/html; charset=utf-8").add("Location", to);
    String body = "<a href=\"" + to.replaceAll("[<>\"&']", "") + "\">Temporary Redirect</a>.\n\n";
    answer.send(307, fields, body.getBytes(UTF_8));
  }

  private void serve(Request request, Fields fields, Reply reply, Links links) throws IOException {
    String override = request.query().first("_method");
    String method = override.isEmpty() ? request.method() : override;
    csrf.check(request, method, fields);
    var user = User.of(request.fields());
    if (user.isMaster() && !mastersAllowed) {
      throw new Refusal(
          403,
          "Forbidden",
          "members of "
              + User.MASTERS
              + " are not let in: set DROVER_EXPLORER_MASTERS to true if they are meant to be");
    }
    if (user.name().equals(NOT_KNOWN)) {
      // Stock's 401 would end the user's session with Rancher.
      throw new Refusal(403, "Forbidden", "the server does not know its user");
    }
    var schemas = cluster.of(user);
    var parts = parts(request.path());
    var schema = schemas.lookup(parts.isEmpty() ? "apiRoot" : parts.getFirst());
    if (schema == null) {
      var denied = parts.isEmpty() ? null : schemas.denied(parts.getFirst());
      if (denied != null) {
        String first = parts.size() > 1 ? parts.get(1) : "";
        String second = parts.size() > 2 ? parts.get(2) : "";
        schemas
            .access()
            .limits()
            .check(
                method,
                denied.namespaced() ? target(denied, first, second) : target(denied, "", first));
      }
      reply.notFound();
      return;
    }
    if (!METHODS.contains(method)) {
      throw new Refusal(405, "MethodNotAllowed", "Invalid method " + method + " not supported");
    }
    var call = call(request, method, user, schemas, schema, parts, links, reply);
    var store = own.getOrDefault(schema.id(), kubernetes);
    String action = call.query().first("action");
    if (method.equals("POST") && !action.isEmpty()) {
      store.action(call, action);
      return;
    }
    if (!store.isLink(call)) {
      checkMethod(call);
    }
    dispatch(call, store);
  }

  private static List<String> parts(String path) throws Refusal {
    var parts = new ArrayList<String>();
    for (String part : path.substring(VERSION.length() + 1).split("/", -1)) {
      if (!part.isEmpty()) {
        try {
          parts.add(URLDecoder.decode(part.replace("+", "%2B"), UTF_8));
        } catch (IllegalArgumentException _) {
          throw new Refusal(400, "BadRequest", "the path is not well encoded");
        }
      }
    }
    return parts;
  }

  private static Call call(
      Request request,
      String method,
      User user,
      io.drover.steve.schema.UserSchemas schemas,
      Schema schema,
      List<String> parts,
      Links links,
      Reply reply) {
    String second = parts.size() > 1 ? parts.get(1) : "";
    String third = parts.size() > 2 ? parts.get(2) : "";
    boolean inNamespace = schema.namespaced() || !third.isEmpty();
    return new Call(
        request,
        method,
        user,
        schemas,
        schema,
        inNamespace ? second : "",
        inNamespace ? third : second,
        links,
        reply);
  }

  /** What the API server would be asked. */
  private static String target(ResourceType type, String namespace, String name) throws Refusal {
    String path = type.path(ApiRequest.segment(namespace));
    return name.isEmpty() ? path : path + "/" + ApiRequest.segment(name);
  }

  private static void checkMethod(Call call) throws Refusal {
    String method = call.method();
    var allowed =
        call.isOne() ? call.schema().resourceMethods() : call.schema().collectionMethods();
    boolean mayList = !call.isOne() && method.equals("GET") && allowed.contains("POST");
    if (!allowed.contains(method) && !mayList) {
      var type = call.schema().type();
      if (type.isPresent()) { // whatever his roles say: it is known whom to ask
        call.schemas()
            .access()
            .limits()
            .check(method, target(type.get(), call.namespace(), call.name()));
      }
      throw new Refusal(403, "PermissionDenied", "Method " + method + " not supported");
    }
  }

  private static void dispatch(Call call, Store store) throws IOException {
    switch (call.method()) {
      case "POST" -> store.create(call);
      case "PUT" -> store.update(call);
      case "PATCH" -> store.patch(call);
      case "DELETE" -> store.delete(call);
      default -> {
        if (call.isOne()) {
          store.get(call);
        } else {
          store.list(call);
        }
      }
    }
  }
}
