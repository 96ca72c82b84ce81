package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** An API server that answers as a test says, over plain HTTP, and remembers what it was asked. */
public final class ScriptedApiServer implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /**
   * What it was asked.
   *
   * @param path with its query
   * @param body a missing node if there was none
   */
  public record Request(String method, String path, JsonNode body) {
    public String line() {
      return method + " " + path;
    }
  }

  /** What it says. */
  public record Reply(int status, String body) {
    public static Reply ok(String body) {
      return new Reply(200, body);
    }

    /** As the API server refuses. */
    public static Reply refusal(int status, String message) {
      return new Reply(
          status,
          JSON.createObjectNode()
              .put("kind", "Status")
              .put("status", "Failure")
              .put("message", message)
              .put("code", status)
              .toString());
    }
  }

  /** Decides on replies; several threads. */
  public interface Script {
    Reply reply(Request request);
  }

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Queue<Request> requests = new ConcurrentLinkedQueue<>();
  private final Script script;

  private ScriptedApiServer(Script script) throws IOException {
    this.script = script;
    this.server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::handle);
    server.setExecutor(threads);
  }

  public static ScriptedApiServer start(Script script) throws IOException {
    var started = new ScriptedApiServer(script);
    started.server.start();
    return started;
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      byte[] body = exchange.getRequestBody().readAllBytes();
      var request =
          new Request(
              exchange.getRequestMethod(),
              exchange.getRequestURI().toString(),
              JSON.readTree(body));
      requests.add(request);
      Reply reply = script.reply(request);
      byte[] text = reply.body().getBytes(UTF_8);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(reply.status(), text.length == 0 ? -1 : text.length);
      exchange.getResponseBody().write(text);
    }
  }

  /** All so far, in their order. */
  public List<Request> requests() {
    return List.copyOf(requests);
  }

  /** Those since the last look, as {@code GET /version}. */
  public List<String> taken() {
    var taken = new ArrayList<String>();
    for (Request next = requests.poll(); next != null; next = requests.poll()) {
      taken.add(next.line());
    }
    return taken;
  }

  /** Writes a kubeconfig that names it. */
  public Path kubeconfig(Path directory) throws IOException {
    return kubeconfig(directory, "http://127.0.0.1:" + server.getAddress().getPort());
  }

  /** Writes a kubeconfig that names any server. */
  public static Path kubeconfig(Path directory, String url) throws IOException {
    return Files.writeString(
        directory.resolve("kubeconfig"),
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "%s"}}]
        users: [{name: u, user: {token: t}}]
        contexts: [{name: x, context: {cluster: c, user: u}}]
        current-context: x
        """
            .formatted(url));
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
  }
}
