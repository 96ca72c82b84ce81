package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.drover.agent.tunnel.ScriptedServer.Peer;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Connect;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretList;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/**
 * Makes the packaged agent's AOT cache: lets it do its daily work once, against a server and a
 * cluster in this process, while the JVM writes down what it loads and which methods are hot.
 *
 * <p>Run when the distribution is put together and never apart from it: a cache does not fit the
 * jars of another build, which Java 25.0.3 does not notice (JDK-8377932).
 *
 * <p>Or lists the classes that it loads, for the cache of the container image. That one must be the
 * same in every build, and so comes from the list and not from a training, which also notes how
 * often each method ran.
 */
final class AotTraining {
  /** Echoed in the training run: enough for TLS and framing to become hot. */
  private static final long TRAFFIC_BYTES = 192L * 1024 * 1024;

  private static final int STREAMS = 4;
  private static final int CHUNK_BYTES = 32 * 1024;

  /** What a stream has on its way, in chunks: this end must read what it wrote to go on. */
  private static final int CHUNKS_ON_THE_WAY = 16;

  private static final long LIMIT_SECONDS = 180;

  /** Where the agent says that it serves health. */
  private static final Pattern HEALTH = Pattern.compile("health served.*?(127\\.0\\.0\\.1:\\d+)");

  /** Of the list: notes on what a class has used, which differ from run to run. */
  private static final Pattern NOTES = Pattern.compile("^(#|@cp ).*");

  /** Compiled for Java 5, so that the JVM archives none of it, but keeps addresses of its own. */
  private static final String NOT_ARCHIVED = "picocli/";

  /** What a dashboard shows first. */
  private static final List<String> PAGES =
      List.of(
          "/v1/schemas",
          "/v1/counts",
          "/v1/namespaces",
          "/v1/configmaps?page=1&pagesize=10&sort=metadata.namespace,metadata.name",
          "/v1/configmaps?page=1&pagesize=10&sort=-metadata.name&filter=metadata.name~a",
          "/v1/configmaps/shop/a",
          "/v1/pods");

  /** Number of the stream of the first of them. */
  private static final long FIRST_PAGE = 20;

  private static final KubernetesSerialization JSON = new KubernetesSerialization();

  private final Path home;
  private final Path work;
  private final TestIdentity identity;
  private final Api api;
  private final ScriptedServer server;
  private final Backend backend;
  private final BlockingQueue<Peer> clusterTunnels = new LinkedBlockingQueue<>();
  private final BlockingQueue<Peer> steveTunnels = new LinkedBlockingQueue<>();

  private AotTraining(
      Path home,
      Path work,
      TestIdentity identity,
      Api api,
      ScriptedServer server,
      Backend backend) {
    this.home = home;
    this.work = work;
    this.identity = identity;
    this.api = api;
    this.server = server;
    this.backend = backend;
  }

  /**
   * {@code args[0]} is the distribution, {@code args[1]} a directory to work in; {@code args[2]} is
   * empty, or the file to list the classes in, and then no cache is made.
   */
  public static void main(String[] args) throws Exception {
    var home = Path.of(args[0]);
    var work = Files.createTempDirectory(Files.createDirectories(Path.of(args[1])), "run");
    var identity = TestIdentity.create(work);
    try (var api = new Api(identity);
        var server = ScriptedServer.startTls(identity.server());
        var backend = Backend.echo()) {
      var training = new AotTraining(home, work, identity, api, server, backend);
      if (args[2].isEmpty()) {
        training.makeCache();
      } else {
        training.listClasses(Path.of(args[2]));
      }
    }
  }

  private void makeCache() throws Exception {
    var cache = cache();
    // The JVM puts the cache together when the agent has ended, in a second process.
    train("-XX:AOTCacheOutput=" + cache);
    if (!Files.exists(cache)) {
      throw new IllegalStateException("no " + cache);
    }
  }

  private void listClasses(Path file) throws Exception {
    var all = work.resolve("classes");
    train("-XX:DumpLoadedClassList=" + all);
    try (var lines = Files.lines(all)) {
      Files.write(
          file,
          lines
              .filter(line -> !NOTES.matcher(line).matches() && !line.contains(NOT_ARCHIVED))
              .map(line -> line.replaceFirst(" id: .*", ""))
              .distinct()
              .sorted()
              .toList());
    }
  }

  private Path cache() {
    return home.resolve("lib/drover-agent.aot");
  }

  private void train(String option) throws Exception {
    Files.deleteIfExists(cache());
    var log = work.resolve("agent.log");
    Thread.ofPlatform().daemon().name("training-server").start(this::serve);
    var builder = new ProcessBuilder(home.resolve("bin/drover-agent").toString());
    builder.environment().putAll(environment());
    builder.environment().put("DROVER_JAVA_OPTS", option);
    builder.environment().put("DROVER_LOG_SOCKET", "off");
    var agent = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      workDay(log);
      agent.destroy();
      if (!agent.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("the agent does not end");
      }
    } catch (IOException | RuntimeException | AssertionError | InterruptedException e) {
      throw new IllegalStateException("training failed; the agent said:\n" + read(log), e);
    } finally {
      agent.destroyForcibly();
    }
  }

  private Map<String, String> environment() throws Exception {
    var serviceAccount = Files.createDirectory(work.resolve("account"));
    Files.writeString(serviceAccount.resolve("ca.crt"), identity.pem());
    Files.writeString(serviceAccount.resolve("token"), "pod-token");
    var url =
        server.url().resolve("/").toString().replaceFirst("^wss", "https").replaceAll("/$", "");
    var credentials = Files.createDirectory(work.resolve("credentials"));
    Files.writeString(credentials.resolve("url"), url);
    Files.writeString(credentials.resolve("token"), "registration-token");
    Files.writeString(credentials.resolve("namespace"), "cattle-system");
    var checksum = MessageDigest.getInstance("SHA-256").digest(identity.pem().getBytes(UTF_8));
    return Map.of(
        "JAVA_HOME",
        System.getProperty("java.home"),
        "CATTLE_SERVER",
        url,
        "CATTLE_CA_CHECKSUM",
        HexFormat.of().formatHex(checksum),
        "KUBERNETES_SERVICE_HOST",
        "localhost",
        "KUBERNETES_SERVICE_PORT",
        Integer.toString(api.port()),
        "DROVER_CREDENTIALS_DIR",
        credentials.toString(),
        "DROVER_SERVICE_ACCOUNT_DIR",
        serviceAccount.toString(),
        "DROVER_DIAL_ALLOW",
        "127.0.0.1:*",
        "DROVER_HEALTH_ADDRESS",
        "127.0.0.1:0",
        "DROVER_DRAIN_SECONDS",
        "1");
  }

  // ---- the server

  private void serve() {
    try {
      while (true) {
        var peer = server.accept();
        Thread.ofVirtual().start(() -> answer(peer));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private void answer(Peer peer) {
    try {
      peer.readRequest();
      switch (peer.requestLine().replaceAll(" HTTP/.*|^GET ", "")) {
        case "/ping" -> answer(peer, "pong");
        case "/v3/settings/cacerts" -> {
          answer(peer, JSON.asJson(Map.of("value", identity.pem())));
        }
        case TunnelHeaders.REGISTER_PATH -> clusterTunnels.add(open(peer));
        case TunnelHeaders.CONNECT_PATH -> steveTunnels.add(open(peer));
        default -> peer.close();
      }
    } catch (IOException e) {
      // The agent has gone.
    }
  }

  private static Peer open(Peer peer) throws IOException {
    peer.write(peer.switchingProtocols());
    return peer.start();
  }

  private static void answer(Peer peer, String body) throws IOException {
    peer.write(
        "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
            .formatted(body.length(), body)
            .getBytes(UTF_8));
    peer.close();
  }

  // ---- what the agent does on an ordinary day

  private void workDay(Path log) throws IOException, InterruptedException {
    var cluster = take(clusterTunnels, "cluster tunnel");
    var steve = take(steveTunnels, "steve tunnel");
    steve.send(new Connect(2, "tcp", "127.0.0.1:80"));
    steve.sendData(2, "GET /ping HTTP/1.1\r\nHost: steve\r\n\r\n");
    steve.await(Data.class);
    lookAround(steve);
    cluster.send(new Connect(2, "tcp", "not-allowed.example:1"));
    cluster.await(Close.class);
    echo(cluster);
    cluster.onMessage(_ -> {});
    cluster.send(backend.connect(100));
    cluster.send(new Pause(100));
    cluster.send(new Resume(100));
    cluster.send(new Close(100, "EOF"));
    askForHealth(log);
  }

  /** As a dashboard's first pages. */
  private static void lookAround(Peer steve) throws IOException, InterruptedException {
    var answers = new ConcurrentHashMap<Long, String>();
    var whole = new LinkedBlockingQueue<String>();
    steve.onMessage(
        message -> {
          if (message instanceof Data(var id, var payload)) {
            answers.merge(id, new String(Peer.bytes(payload), ISO_8859_1), String::concat);
          } else if (message instanceof Close(var id, _) && id >= FIRST_PAGE) {
            whole.add(answers.getOrDefault(id, ""));
          }
        });
    long id = FIRST_PAGE;
    for (var page : PAGES) {
      steve.send(new Connect(id, "tcp", "127.0.0.1:80"));
      steve.sendData(
          id,
          "GET %s HTTP/1.0\r\nHost: steve\r\nImpersonate-User: admin\r\nAccept-Encoding: gzip\r\n\r\n"
              .formatted(page));
      var answer = take(whole, page);
      if (!answer.startsWith("HTTP/1.1 200")) {
        throw new IllegalStateException(page + " is not shown: " + answer);
      }
      id++;
    }
  }

  private static <T> T take(BlockingQueue<T> queue, String what) throws InterruptedException {
    var next = queue.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
    if (next == null) {
      throw new IllegalStateException("no " + what);
    }
    return next;
  }

  private void echo(Peer cluster) throws InterruptedException {
    var room = new ConcurrentHashMap<Long, Semaphore>();
    var echoed = new ConcurrentHashMap<Long, Long>();
    cluster.onMessage(
        message -> {
          if (message instanceof Data(var id, var payload)) {
            long now = echoed.merge(id, (long) payload.remaining(), Long::sum);
            long before = now - payload.remaining();
            requireNonNull(room.get(id)).release((int) (now / CHUNK_BYTES - before / CHUNK_BYTES));
          }
        });
    var tasks = new ArrayList<Thread>();
    for (long id = 10; id < 10 + STREAMS; id++) {
      long stream = id;
      var permits = new Semaphore(CHUNKS_ON_THE_WAY);
      room.put(stream, permits);
      tasks.add(Thread.ofPlatform().daemon().start(() -> echo(cluster, stream, permits)));
    }
    for (var task : tasks) {
      task.join(TimeUnit.SECONDS.toMillis(LIMIT_SECONDS));
    }
    long all = echoed.values().stream().mapToLong(Long::longValue).sum();
    if (all != TRAFFIC_BYTES) {
      throw new IllegalStateException("echoed " + all + " bytes of " + TRAFFIC_BYTES);
    }
  }

  private void echo(Peer cluster, long id, Semaphore permits) {
    try {
      cluster.send(backend.connect(id));
      var chunk = new byte[CHUNK_BYTES];
      for (long sent = 0; sent < TRAFFIC_BYTES / STREAMS; sent += CHUNK_BYTES) {
        permits.acquire();
        cluster.sendData(id, chunk);
      }
      permits.acquire(CHUNKS_ON_THE_WAY);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void askForHealth(Path log) throws IOException, InterruptedException {
    var health = HEALTH.matcher(read(log));
    if (!health.find()) {
      throw new IllegalStateException("no health served");
    }
    try (var http = HttpClient.newHttpClient()) {
      for (var path : List.of("/livez", "/readyz", "/metrics")) {
        var request = HttpRequest.newBuilder(URI.create("http://" + health.group(1) + path));
        if (http.send(request.build(), BodyHandlers.discarding()).statusCode() != 200) {
          throw new IllegalStateException(path + " is not well");
        }
      }
    }
  }

  private static String read(Path log) throws IOException {
    return Files.exists(log) ? Files.readString(log) : "nothing";
  }

  /** As much of a Kubernetes API as the agent uses: objects by path, and what fills a token in. */
  private static final class Api implements AutoCloseable {
    private static final String NAMESPACE = "cattle-system";
    private static final String PATH = "/api/v1/namespaces/" + NAMESPACE;

    private static final String TOKEN_TYPE = "kubernetes.io/service-account-token";

    /** The answer where there is nothing. */
    private static final HasMetadata NONE = new GenericKubernetesResource();

    private final Map<String, HasMetadata> objects = new ConcurrentHashMap<>();

    /** What pages are made of, by path. */
    private final JsonNode cluster;

    private final HttpsServer http;

    Api(TestIdentity identity) throws IOException {
      try (var in = requireNonNull(AotTraining.class.getResourceAsStream("explorer.json"))) {
        cluster = new ObjectMapper().readTree(in);
      }
      http = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      http.setHttpsConfigurator(new HttpsConfigurator(identity.server()));
      http.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      http.createContext("/", this::handle);
      http.start();
      objects.put(
          PATH + "/serviceaccounts/cattle",
          new ServiceAccountBuilder().withMetadata(named("cattle")).build());
      objects.put(
          PATH + "/configmaps/kube-root-ca.crt",
          new ConfigMapBuilder()
              .withMetadata(named("kube-root-ca.crt"))
              .addToData("ca.crt", identity.pem())
              .build());
    }

    private static ObjectMeta named(String name) {
      return new ObjectMetaBuilder()
          .withName(name)
          .withNamespace(NAMESPACE)
          .withUid(name)
          .withResourceVersion("1")
          .build();
    }

    int port() {
      return http.getAddress().getPort();
    }

    private void handle(HttpExchange exchange) throws IOException {
      try (exchange) {
        var path = exchange.getRequestURI().getPath();
        var shown = cluster.get(path);
        if (shown != null) {
          boolean isTable = accept(exchange).contains("as=Table");
          send(exchange, 200, (isTable ? shown : listed(shown)).toString());
          return;
        }
        Object answer =
            switch (exchange.getRequestMethod()) {
              case "POST" -> create(path, read(exchange));
              case "PUT" -> {
                var object = read(exchange);
                objects.put(path, object);
                yield object;
              }
              default ->
                  path.equals(PATH + "/secrets")
                      ? new SecretList()
                      : objects.getOrDefault(path, NONE);
            };
        send(exchange, answer.equals(NONE) ? 404 : 200, JSON.asJson(answer));
      }
    }

    private static String accept(HttpExchange exchange) {
      return String.valueOf(exchange.getRequestHeaders().getFirst("Accept"));
    }

    /** The objects of a table as they are listed by themselves. */
    private static JsonNode listed(JsonNode shown) {
      if (!shown.has("rows")) {
        return shown;
      }
      var list = new ObjectMapper().createObjectNode();
      list.set("metadata", shown.get("metadata"));
      var items = list.putArray("items");
      shown.get("rows").forEach(row -> items.add(row.get("object")));
      return list;
    }

    private static void send(HttpExchange exchange, int status, String json) throws IOException {
      var bytes = json.getBytes(UTF_8);
      exchange.getResponseHeaders().add("Content-Type", "application/json");
      exchange.sendResponseHeaders(status, bytes.length);
      exchange.getResponseBody().write(bytes);
    }

    private static HasMetadata read(HttpExchange exchange) {
      return JSON.unmarshal(exchange.getRequestBody());
    }

    private HasMetadata create(String path, HasMetadata object) {
      var metadata = object.getMetadata();
      if (metadata.getName() == null) {
        metadata.setName(metadata.getGenerateName() + "1");
      }
      if (object instanceof Secret secret && TOKEN_TYPE.equals(secret.getType())) {
        secret.setData(
            Map.of("token", Base64.getEncoder().encodeToString("token".getBytes(UTF_8))));
      }
      objects.put(path + "/" + metadata.getName(), object);
      return object;
    }

    @Override
    public void close() {
      http.stop(0);
    }
  }
}
