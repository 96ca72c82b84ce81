package io.drover.agent.node;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.drover.agent.config.NodeConfig.Listen;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Answers over TLS: {@code /livez} to everybody, and {@link #PATH} to whoever knows the token.
 *
 * <p>Closed and started anew when the certificate is another one.
 */
final class NodeServer implements AutoCloseable {
  static final String PATH = "/v1/node";

  /** In a request: which CA the server has, as whoever asks knows it; 64 hex digits. */
  static final String SERVER_CA = "Drover-Server-Ca";

  private static final Pattern DIGEST = Pattern.compile("[0-9a-f]{64}");

  /** As many requests are answered at the same time; any more get a 503 at once. */
  static final int MAX_REQUESTS = 16;

  /** TLS sessions that are kept, so that the cluster agent can go on from its last one. */
  static final int MAX_SESSIONS = 64;

  private record Answer(int status, String contentType, String body) {
    static Answer of(int status, String text) {
      return new Answer(status, "text/plain; charset=utf-8", text + "\n");
    }
  }

  private final NodeIdentity identity;
  private final Supplier<String> snapshot;
  private final Consumer<String> serverCa;
  private final Semaphore requests = new Semaphore(MAX_REQUESTS);
  private final HttpsServer server;
  private final ExecutorService threads =
      Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("node-", 0).factory());

  private NodeServer(
      HttpsServer server,
      NodeIdentity identity,
      Supplier<String> snapshot,
      Consumer<String> serverCa) {
    this.server = server;
    this.identity = identity;
    this.snapshot = snapshot;
    this.serverCa = serverCa;
  }

  /**
   * Listens.
   *
   * @param snapshot JSON; empty if there is none yet. Must not block; any thread
   * @param serverCa is told which CA the server has by those who know the token; as above
   * @throws IOException if the port is not to be had, or the certificate or key is not one
   */
  static NodeServer start(
      Listen listen, NodeIdentity identity, Supplier<String> snapshot, Consumer<String> serverCa)
      throws IOException {
    var context = identity.context();
    context.getServerSessionContext().setSessionCacheSize(MAX_SESSIONS);
    HttpsServer https;
    try {
      var address = new InetSocketAddress(InetAddress.getByName(listen.host()), listen.port());
      https = HttpsServer.create(address, 0);
    } catch (IOException e) {
      throw new Failure(
          Reason.PORT_TAKEN,
          "cannot answer at %s:%d (%s): set DROVER_NODE_ADDRESS to another"
              .formatted(listen.host(), listen.port(), e.getMessage()),
          e);
    }
    https.setHttpsConfigurator(new HttpsConfigurator(context));
    var server = new NodeServer(https, identity, snapshot, serverCa);
    https.createContext("/", server::handle);
    https.setExecutor(server.threads);
    https.start();
    return server;
  }

  InetSocketAddress address() {
    return server.getAddress();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (!requests.tryAcquire()) {
        send(exchange, Answer.of(503, "too many requests"));
        return;
      }
      try {
        send(exchange, answer(exchange));
      } finally {
        requests.release();
      }
    }
  }

  private Answer answer(HttpExchange exchange) {
    if (!exchange.getRequestMethod().equals("GET")) {
      return Answer.of(405, "method not allowed");
    }
    return switch (exchange.getRequestURI().getPath()) {
      case "/livez" -> Answer.of(200, "ok");
      case PATH -> node(exchange.getRequestHeaders());
      default -> Answer.of(404, "not found: try /livez or " + PATH);
    };
  }

  private Answer node(Headers request) {
    @Nullable String authorization = request.getFirst("Authorization");
    if (authorization == null || !identity.isAuthorized(authorization)) {
      return Answer.of(401, "the node agents' token is needed");
    }
    @Nullable String digest = request.getFirst(SERVER_CA);
    if (digest != null && DIGEST.matcher(digest).matches()) {
      serverCa.accept(digest);
    }
    String json = snapshot.get();
    return json.isEmpty()
        ? Answer.of(503, "not looked at yet")
        : new Answer(200, "application/json", json);
  }

  private static void send(HttpExchange exchange, Answer answer) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", answer.contentType());
    byte[] body = answer.body().getBytes(UTF_8);
    exchange.sendResponseHeaders(answer.status(), body.length);
    exchange.getResponseBody().write(body);
  }

  /** Stops at once. */
  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
