package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.retry.Sleeper;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.jdkhttp.JdkHttpClientFactory;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;

/**
 * An API server that answers as it is told to, over real HTTP.
 *
 * <p>A request is looked up with its query, then without ({@code GET /api/v1/nodes}; {@code WATCH}
 * if it is one). Of several replies the last stays.
 */
public final class TestApi implements AutoCloseable {
  /** A request as it came; {@code path} with its query. */
  public record Request(
      String method, String path, Map<String, List<String>> headers, String body) {
    /** The first of that name; empty if there is none. */
    public String header(String name) {
      return headers.entrySet().stream()
          .filter(header -> header.getKey().equalsIgnoreCase(name))
          .map(header -> header.getValue().getFirst())
          .findFirst()
          .orElse("");
    }

    @Override
    public String toString() {
      return (path.contains("watch=true") ? "WATCH" : method) + " " + path;
    }

    /** The same without the query. */
    public String withoutQuery() {
      return toString().replaceFirst("\\?.*", "");
    }
  }

  /** What becomes of a request. */
  public interface Reply {
    void send(HttpExchange exchange) throws IOException, InterruptedException;
  }

  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, ConcurrentLinkedDeque<Reply>> replies = new ConcurrentHashMap<>();
  private final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final HttpServer server;
  private final Path kubeconfig;
  private final KubernetesClient client;
  private volatile Reply otherwise = status(404, "not found");

  public TestApi() {
    this("");
  }

  /**
   * Starts to listen.
   *
   * @param path under which the API is, as its clients are told
   */
  public TestApi(String path) {
    try {
      server =
          HttpServer.create(
              new InetSocketAddress(InetAddress.getByAddress(new byte[] {127, 0, 0, 1}), 0), 0);
      server.setExecutor(threads);
      server.createContext("/", this::answer);
      server.start();
      kubeconfig = Files.createTempFile("kubeconfig", ".yaml");
      write(kubeconfig, "http://127.0.0.1:" + server.getAddress().getPort() + path);
      client =
          new KubernetesClientBuilder()
              .withConfig(Fabric8ClusterApi.config(new KubeConfig.Kubeconfig(kubeconfig, "")))
              .withHttpClientFactory(new JdkHttpClientFactory())
              .build();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void write(Path kubeconfig, String url) throws IOException {
    Files.writeString(
        kubeconfig,
        """
        current-context: test
        contexts: [{name: test, context: {cluster: test, user: test}}]
        clusters: [{name: test, cluster: {server: '%s'}}]
        users: [{name: test, user: {token: secret}}]
        """
            .formatted(url));
  }

  /** A reader as the agent has one. */
  public ApiReader reader() {
    return reader(Sleeper.REAL, ApiReader.HEAD_LIMIT);
  }

  ApiReader reader(Sleeper sleeper, Duration headLimit) {
    return new ApiReader(
        client.getHttpClient(), URI.create(client.getMasterUrl().toString()), sleeper, headLimit);
  }

  /** What the readers ask with. */
  KubernetesClient client() {
    return client;
  }

  /** Answers a request so: the first time with the first, at last always with the last. */
  public TestApi on(String request, Reply... first) {
    replies.put(request, new ConcurrentLinkedDeque<>(Arrays.asList(first)));
    return this;
  }

  /** Answers all other requests so; at first with 404. */
  public TestApi otherwise(Reply reply) {
    otherwise = reply;
    return this;
  }

  /** Waits for the next request. */
  public Request next() throws InterruptedException {
    return requests.take();
  }

  /** All that have come and were not taken by {@link #next}. */
  public List<Request> requests() {
    return List.copyOf(requests);
  }

  /** The same, without queries. */
  public List<String> paths() {
    return requests.stream().map(Request::withoutQuery).toList();
  }

  private void answer(HttpExchange exchange) throws IOException {
    var request =
        new Request(
            exchange.getRequestMethod(),
            exchange.getRequestURI().toString(),
            Map.copyOf(exchange.getRequestHeaders()),
            new String(exchange.getRequestBody().readAllBytes(), UTF_8));
    requests.add(request);
    try (exchange) {
      reply(request).send(exchange);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private Reply reply(Request request) {
    for (String key : List.of(request.toString(), request.withoutQuery())) {
      var scripted = replies.get(key);
      if (scripted != null) {
        var next = scripted.poll();
        if (scripted.isEmpty()) {
          scripted.add(next);
        }
        return next;
      }
    }
    return otherwise;
  }

  /** An object, or whatever is to pass for one. */
  public static Reply json(String body) {
    return reply(200, Map.of("Content-Type", "application/json"), body);
  }

  /** A refusal as the API server writes it. */
  public static Reply status(int status, String message) {
    return reply(
        status,
        Map.of("Content-Type", "application/json"),
        """
        {"kind":"Status","apiVersion":"v1","status":"Failure","message":"%s","code":%d}"""
            .formatted(message, status));
  }

  public static Reply reply(int status, Map<String, String> headers, String body) {
    return exchange -> {
      byte[] bytes = body.getBytes(UTF_8);
      headers.forEach(exchange.getResponseHeaders()::set);
      exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
      exchange.getResponseBody().write(bytes);
    };
  }

  /** The beginning of an answer that was to be longer; then the connection ends. */
  public static Reply cutOff(String beginning) {
    return exchange -> {
      byte[] bytes = beginning.getBytes(UTF_8);
      exchange.sendResponseHeaders(200, bytes.length + 1000);
      exchange.getResponseBody().write(bytes);
      exchange.getResponseBody().flush();
    };
  }

  /** The connection ends without an answer. */
  public static Reply reset() {
    return HttpExchange::close;
  }

  /** Nothing, until this is closed. */
  public static Reply hang() {
    return _ -> new CountDownLatch(1).await();
  }

  /** The head and a beginning, and then nothing. */
  public static Reply stall(String beginning) {
    return exchange -> {
      exchange.sendResponseHeaders(200, 0);
      exchange.getResponseBody().write(beginning.getBytes(UTF_8));
      exchange.getResponseBody().flush();
      new CountDownLatch(1).await();
    };
  }

  /** The same piece again and again, as long as somebody reads it. */
  public static Reply endless(String beginning, String piece) {
    return exchange -> {
      exchange.sendResponseHeaders(200, 0);
      OutputStream body = exchange.getResponseBody();
      body.write(beginning.getBytes(UTF_8));
      byte[] pieces = piece.repeat(1000).getBytes(UTF_8);
      while (true) {
        body.write(pieces);
      }
    };
  }

  /** Events that the test sends; whoever watches next gets the next ones. */
  public static final class Watch implements Reply {
    private static final String END = "";
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();

    /** What happened to an object, given as its JSON. */
    public Watch event(String type, String object) {
      events.add("{\"type\":\"%s\",\"object\":%s}\n".formatted(type, object));
      return this;
    }

    /** Up to which version all is told. */
    public Watch bookmark(String resourceVersion) {
      return event("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" + resourceVersion + "\"}}");
    }

    /** The version that was asked for is too old. */
    public Watch expire() {
      return event("ERROR", "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}");
    }

    /** Ends the watch, as the API server does after some time. */
    public Watch end() {
      events.add(END);
      return this;
    }

    @Override
    public void send(HttpExchange exchange) throws IOException, InterruptedException {
      exchange.sendResponseHeaders(200, 0);
      OutputStream body = exchange.getResponseBody();
      body.flush();
      for (String event = events.take(); !event.equals(END); event = events.take()) {
        body.write(event.getBytes(UTF_8));
        body.flush();
      }
    }
  }

  /** Ends all connections, and takes no more. */
  void stopListening() {
    threads.shutdownNow();
    server.stop(0);
  }

  @Override
  public void close() {
    client.close();
    stopListening();
    try {
      Files.delete(kubeconfig);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
