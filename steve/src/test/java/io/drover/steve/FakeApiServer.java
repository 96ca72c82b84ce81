package io.drover.steve;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Answers as an API server does, with what a test puts at a path; and notes who asks. */
public final class FakeApiServer implements LoopbackAccess, AutoCloseable {
  /** A request that came. */
  public record Asked(String method, String target, String user, String authorization) {}

  private static final Pattern LIMIT = Pattern.compile("limit=(\\d+)");
  private static final Pattern INSIDE = Pattern.compile("(.+)/namespaces/([^/]+)(/[^/]+)");

  private final HttpServer server;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final Map<String, String> answers = new ConcurrentHashMap<>();
  private final Map<String, NavigableMap<String, String>> keyed = new ConcurrentHashMap<>();
  private final Map<String, CountDownLatch> silent = new ConcurrentHashMap<>();
  private final Map<String, Integer> refused = new ConcurrentHashMap<>();
  private final Map<String, String> bodies = new ConcurrentHashMap<>();
  private final LinkedBlockingQueue<Asked> asked = new LinkedBlockingQueue<>();

  // Guarded by itself.
  private final Map<String, List<LinkedBlockingQueue<String>>> watches = new HashMap<>();

  public FakeApiServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setExecutor(threads);
    server.createContext("/", this::answer);
    server.start();
    for (String kind : List.of("clusterroles", "roles", "clusterrolebindings", "rolebindings")) {
      has("/apis/rbac.authorization.k8s.io/v1/" + kind, list());
    }
    has("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", list());
    has("/apis/apiregistration.k8s.io/v1/apiservices", list());
    has("/openapi/v2", "{}");
    has("/api", list());
    has("/apis", list());
  }

  /** A list of some objects. */
  public static String list(String... items) {
    return "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":["
        + String.join(",", items).replace('\'', '"')
        + "]}";
  }

  /** From now on a GET of that path, whatever its query, brings this. */
  public void has(String path, String answer) {
    keyed.remove(path);
    refused.remove(path);
    answers.put(path, answer.replace('\'', '"'));
  }

  /**
   * From now on a list of that type is answered as Kubernetes does it: by keys, and of a limited
   * one it is said how many come behind.
   *
   * @param root of its group and version
   * @param objects by {@code namespace/name}
   */
  public void lists(String root, String resource, NavigableMap<String, String> objects) {
    keyed.put(root + "/" + resource, objects);
  }

  /** Of a path such as {@code /api/v1/namespaces/shop/configmaps} the objects inside, if known. */
  private Optional<Collection<String>> keyed(String path) {
    var inside = INSIDE.matcher(path);
    if (!inside.matches()) {
      return Optional.ofNullable(keyed.get(path)).map(NavigableMap::values);
    }
    String namespace = inside.group(2);
    return Optional.ofNullable(keyed.get(inside.group(1) + inside.group(3)))
        .map(
            all ->
                all.subMap(namespace + "/", true, namespace + "0", false)
                    .values()); // 0 is next to /
  }

  private static String limited(String query, Collection<String> objects) {
    var limit = LIMIT.matcher(query);
    long wanted = limit.find() ? Long.parseLong(limit.group(1)) : objects.size();
    long behind = Math.max(0, objects.size() - wanted);
    String rest = behind == 0 ? "" : ",'continue':'next','remainingItemCount':%d".formatted(behind);
    return ("{'metadata':{'resourceVersion':'5'" + rest + "},'items':[")
        .concat(objects.stream().limit(wanted).collect(Collectors.joining(",")))
        .concat("]}")
        .replace('\'', '"');
  }

  /** From now on a request for that path has no answer. */
  public void hangs(String path) {
    silent.put(path, new CountDownLatch(1));
  }

  /** What hangs there is answered, and what comes. */
  public void goesOn(String path) {
    Objects.requireNonNull(silent.remove(path)).countDown();
  }

  /** As {@link #has}, with a status that is no success. */
  public void refuses(String path, int status, String answer) {
    has(path, answer);
    refused.put(path, status);
  }

  /** What was sent to a path last: its type, and behind a line's end the body. */
  public String sentTo(String path) {
    return bodies.getOrDefault(path, "");
  }

  /** Everything that was asked since the last time. */
  public List<Asked> asked() {
    var all = new java.util.ArrayList<Asked>();
    asked.drainTo(all);
    return all;
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      var uri = exchange.getRequestURI();
      var fields = exchange.getRequestHeaders();
      asked.add(
          new Asked(
              exchange.getRequestMethod(),
              uri.toString(),
              String.valueOf(fields.getFirst("Impersonate-User")),
              String.valueOf(fields.getFirst("Authorization"))));
      var hanging = silent.get(uri.getPath());
      if (hanging != null) {
        hanging.await();
      }
      if (String.valueOf(uri.getQuery()).contains("watch=1")) {
        watched(exchange, uri.getPath());
        return;
      }
      byte[] sent = exchange.getRequestBody().readAllBytes();
      if (sent.length > 0) {
        bodies.put(uri.getPath(), fields.getFirst("Content-Type") + "\n" + new String(sent, UTF_8));
      }
      String found =
          keyed(uri.getPath())
              .map(objects -> limited(String.valueOf(uri.getQuery()), objects))
              .orElseGet(() -> answers.get(uri.getPath()));
      byte[] body =
          (found == null
                  ? "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"not there\"}"
                  : found)
              .getBytes(UTF_8);
      exchange.sendResponseHeaders(
          found == null ? 404 : refused.getOrDefault(uri.getPath(), 200), body.length);
      exchange.getResponseBody().write(body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void watched(HttpExchange exchange, String path)
      throws IOException, InterruptedException {
    var events = new LinkedBlockingQueue<String>();
    exchange.sendResponseHeaders(200, 0);
    exchange.getResponseBody().flush();
    synchronized (watches) {
      watches.computeIfAbsent(path, _ -> new ArrayList<>()).add(events);
      watches.notifyAll();
    }
    boolean lists =
        exchange.getRequestHeaders().getFirst("Accept").contains("as=PartialObjectMetadataList");
    try {
      for (String event = events.take(); !event.isEmpty(); event = events.take()) {
        if (lists) {
          return; // as a real one: an event is no list
        }
        exchange.getResponseBody().write((event + "\n").getBytes(UTF_8));
        exchange.getResponseBody().flush();
      }
    } finally {
      synchronized (watches) {
        watches.getOrDefault(path, List.of()).remove(events);
      }
    }
  }

  /** Waits until a path is watched, and returns by how many. */
  public int awaitWatch(String path) throws InterruptedException {
    synchronized (watches) {
      while (watches.getOrDefault(path, List.of()).isEmpty()) {
        watches.wait();
      }
      return watches.getOrDefault(path, List.of()).size();
    }
  }

  /** An event for all who watch a path by now, at least one; an empty text ends their watches. */
  public void tell(String path, String event) throws InterruptedException {
    awaitWatch(path);
    synchronized (watches) {
      var open = watches.getOrDefault(path, List.of());
      open.forEach(events -> events.add(event.replace('\'', '"')));
      if (event.isEmpty()) {
        open.clear(); // they hear nothing more
      }
    }
  }

  @Override
  public int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
    threads.shutdownNow();
  }
}
