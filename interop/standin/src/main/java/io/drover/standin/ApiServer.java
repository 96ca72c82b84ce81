package io.drover.standin;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The HTTP side: tokens, documents, and the way to {@link Resources}. HTTP/1.1 only. */
final class ApiServer implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ApiServer.class);

  /** Open to everybody, as in a real API server. */
  private static final Set<String> HEALTH = Set.of("/readyz", "/livez", "/healthz");

  private static final String BEARER = "Bearer ";

  private final Tokens tokens;
  private final Resources resources;
  private final HttpsServer server;
  private final ExecutorService threads;

  /** Listens at once. */
  ApiServer(InetSocketAddress address, SSLContext tls, ObjectStore store, Tokens tokens)
      throws IOException {
    // Else each answer waits for the client's delayed acknowledgement, 40 ms.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    this.tokens = tokens;
    resources = new Resources(store, tokens);
    threads = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("request-", 0).factory());
    try {
      server = HttpsServer.create(address, 0);
    } catch (BindException e) {
      throw new IOException(
          "cannot listen at port " + address.getPort() + ": " + e.getMessage(), e);
    }
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    server.setExecutor(threads);
    server.createContext("/", this::serve);
    server.start();
  }

  InetSocketAddress address() {
    return server.getAddress();
  }

  private void serve(HttpExchange exchange) {
    try (exchange) {
      var request = new Request(exchange);
      try {
        route(request);
      } catch (Refusal refusal) {
        request.answer(refusal.code(), refusal.status());
      } catch (RuntimeException e) {
        log.error("request failed: method={} path={}", request.method(), request.path(), e);
        request.answer(500, new Refusal(500, "InternalError", e.toString()).status());
      }
      log.debug(
          "request: method={} uri={} code={}",
          request.method(),
          exchange.getRequestURI(),
          exchange.getResponseCode());
    } catch (IOException e) {
      log.debug("client gone: uri={} reason={}", exchange.getRequestURI(), e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void route(Request request) throws IOException, InterruptedException {
    String path = request.path();
    if (HEALTH.contains(path)) {
      request.answer(200, "ok");
      return;
    } else if (path.equals("/version")) {
      request.answer(200, Discovery.version());
      return;
    }
    String user = user(request);
    var document =
        Discovery.document(path.endsWith("/") ? path.substring(0, path.length() - 1) : path);
    if (document.isPresent()) {
      request.answer(200, document.get());
      return;
    }
    var target =
        Target.parse(path)
            .orElseThrow(
                () ->
                    new Refusal(
                        404, "NotFound", "the server could not find the requested resource"));
    resources.serve(request, target, user);
  }

  private String user(Request request) {
    String authorization = request.header("Authorization");
    return tokens
        .user(authorization.startsWith(BEARER) ? authorization.substring(BEARER.length()) : "")
        .orElseThrow(() -> new Refusal(401, "Unauthorized", "Unauthorized"));
  }

  /** Ends watches too. */
  @Override
  public void close() {
    threads.shutdownNow();
    server.stop(0);
  }
}
