package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;

/** A Rancher server as an agent sees it, on Rancher's own tunnel library, and its control port. */
final class Peer implements AutoCloseable {
  /** Of the tunnel library: that of Rancher 2.14 and 2.15, and that of 2.7 and 2.8. */
  static final List<String> VERSIONS = List.of("0.6.1", "0.3.0");

  static final String CLUSTER = "c-e2e01";

  /** Key of the second tunnel. */
  static final String STEVE = "stv-cluster-" + CLUSTER;

  static final String TOKEN = "e2e-registration-token-9f8e7d6c5b4a39281706f5e4d3c2b1";
  private static final String USER_TOKEN = "e2e-user";
  private static final Duration START_LIMIT = Duration.ofSeconds(20);
  private static final Duration REQUEST_LIMIT = Duration.ofSeconds(70);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path directory;
  private final List<String> command;
  private final HttpClient control =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private RunningProcess process;
  private JsonNode described;
  private String caChecksum;
  private int starts;

  private Peer(Path directory, List<String> command)
      throws JsonProcessingException, InterruptedException {
    this.directory = directory;
    this.command = List.copyOf(command);
    this.process = launch(List.of());
    this.described = describe();
    this.caChecksum = described.path("caChecksum").asText();
  }

  /**
   * Starts a peer with one cluster.
   *
   * @param remotedialer version of the tunnel library
   * @param flags more of {@code rancher-peer}
   */
  static Peer start(Path directory, String remotedialer, String... flags)
      throws IOException, InterruptedException {
    var command = new ArrayList<String>();
    command.add(Programs.peer(remotedialer));
    command.add("--dir=" + directory.resolve("peer"));
    command.add("--cluster=" + CLUSTER + "=" + TOKEN);
    command.add("--user-token=e2e=" + USER_TOKEN + ",system:masters");
    command.add("--exit-with-stdin");
    command.addAll(List.of(flags));
    return new Peer(directory, command);
  }

  private RunningProcess launch(List<String> more) {
    var all = new ArrayList<>(command);
    all.addAll(more);
    return RunningProcess.start("peer-" + ++starts, directory, Map.of(), all);
  }

  private JsonNode describe() throws JsonProcessingException, InterruptedException {
    return JSON.readTree(
        process.awaitLine("where it is", START_LIMIT, line -> line.contains("\"control\"")));
  }

  /** Kills it with SIGKILL. */
  void kill() {
    process.close();
  }

  /** Starts it again, at the same address. */
  void restart() throws IOException, InterruptedException {
    process =
        launch(
            List.of("--listen=" + url().getAuthority(), "--control=" + control().getAuthority()));
    described = describe();
    caChecksum = described.path("caChecksum").asText();
  }

  RunningProcess process() {
    return process;
  }

  URI url() {
    return URI.create(described.path("url").asText());
  }

  private URI control() {
    return URI.create(described.path("control").asText());
  }

  Path caFile() {
    return Path.of(described.path("caFile").asText());
  }

  /** What the manifest has as CATTLE_CA_CHECKSUM now. */
  String caChecksum() {
    return caChecksum;
  }

  /** Such as {@code v0.6.1}. */
  String remotedialer() {
    return described.path("remotedialer").asText();
  }

  /** Goes through the tunnel. */
  Kubectl kubectl() throws IOException {
    return Kubectl.through(
        clusterUrl().toString(), caFile(), USER_TOKEN, directory.resolve("kubectl"));
  }

  /** The cluster's API, as users see it. */
  URI clusterUrl() {
    return url().resolve("/k8s/clusters/" + CLUSTER);
  }

  static String userToken() {
    return USER_TOKEN;
  }

  /** The import manifest, byte by byte. */
  byte[] manifest() throws IOException, InterruptedException {
    try (var client = Https.trusting(caFile(), HttpClient.Version.HTTP_1_1)) {
      var uri = url().resolve("/v3/import/" + TOKEN + "_" + CLUSTER + ".yaml");
      var answer = client.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofByteArray());
      if (answer.statusCode() != 200) {
        throw new AssertionError(uri + ": " + answer.statusCode());
      }
      return answer.body();
    }
  }

  /** The next event of a name from {@code mark} on, which {@code process().lineCount()} gives. */
  JsonNode awaitEvent(int mark, String name, Duration limit, Predicate<JsonNode> fits)
      throws InterruptedException {
    return parse(
        process.awaitLine(
            mark,
            "event " + name,
            limit,
            line -> {
              var event = parse(line);
              return event.path("event").asText().equals(name) && fits.test(event);
            }));
  }

  /** Waits for Rancher's judgement that the cluster is in order, over both tunnels. */
  void awaitActive(Duration limit) throws InterruptedException {
    awaitEvent(0, "active", limit, _ -> true);
  }

  /** Every event of a name so far. */
  List<JsonNode> events(String name) {
    return process.lines().stream()
        .map(Peer::parse)
        .filter(event -> event.path("event").asText().equals(name))
        .toList();
  }

  private static JsonNode parse(String line) {
    try {
      return JSON.readTree(line);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The open sessions of a key, oldest first. */
  List<JsonNode> sessions(String key) throws IOException, InterruptedException {
    return StreamSupport.stream(call("GET", "/sessions").spliterator(), false)
        .filter(session -> session.path("key").asText().equals(key))
        .toList();
  }

  /** Every handshake that came. */
  JsonNode handshakes() throws IOException, InterruptedException {
    return call("GET", "/handshakes");
  }

  /** What the server knows of the cluster. */
  JsonNode cluster() throws IOException, InterruptedException {
    return StreamSupport.stream(call("GET", "/clusters").spliterator(), false)
        .filter(cluster -> cluster.path("id").asText().equals(CLUSTER))
        .findFirst()
        .orElseThrow();
  }

  /** Accepts a token from now on. */
  void addToken(String token) throws IOException, InterruptedException {
    call("POST", "/tokens?cluster=" + CLUSTER + "&add=" + token);
  }

  /** Accepts a token no more; sessions that were opened with it live on. */
  void removeToken(String token) throws IOException, InterruptedException {
    call("POST", "/tokens?cluster=" + CLUSTER + "&remove=" + token);
  }

  /**
   * Puts the CA of a directory beside the one that is there; returns its file.
   *
   * @param directory where it is, or is made
   */
  Path announceCa(Path directory) throws IOException, InterruptedException {
    return changeCa(directory, "announce");
  }

  /** Goes on with the CA of a directory and a certificate of its; returns its file. */
  Path serveByCa(Path directory) throws IOException, InterruptedException {
    return changeCa(directory, "serve");
  }

  private Path changeCa(Path directory, String step) throws IOException, InterruptedException {
    var text = URLEncoder.encode(directory.toString(), UTF_8);
    var changed = call("POST", "/ca?dir=" + text + "&step=" + step);
    caChecksum = changed.path("caChecksum").asText();
    return Path.of(changed.path("caFile").asText());
  }

  /** A local address whose connections run through the cluster tunnel to {@code target}. */
  InetSocketAddress forward(InetSocketAddress target) throws IOException, InterruptedException {
    return forward(CLUSTER, address(target));
  }

  /** A local address whose connections run through the steve tunnel. */
  InetSocketAddress forwardToSteve() throws IOException, InterruptedException {
    return forward(STEVE, "not-used:80");
  }

  /** A local address whose connections run through a session of this key to {@code address}. */
  InetSocketAddress forward(String key, String address) throws IOException, InterruptedException {
    var local =
        call("POST", "/forward?key=" + key + "&network=tcp&address=" + address)
            .path("address")
            .asText();
    int colon = local.lastIndexOf(':');
    return new InetSocketAddress(
        local.substring(0, colon), Integer.parseInt(local.substring(colon + 1)));
  }

  /** Opens a stream to {@code target} and waits for its end; returns what the agent said. */
  JsonNode dial(String network, String target) throws IOException, InterruptedException {
    return dial(CLUSTER, network, target);
  }

  /** The same through a session of this key. */
  JsonNode dial(String key, String network, String target)
      throws IOException, InterruptedException {
    return call(
        "POST",
        "/dial?key=%s&network=%s&address=%s&timeout=20s"
            .formatted(key, network, URLEncoder.encode(target, UTF_8)));
  }

  /** One {@code /ping} over the steve tunnel: {@code status}, {@code millis}, {@code error}. */
  JsonNode ping() throws IOException, InterruptedException {
    return call("POST", "/http?key=" + STEVE + "&path=/ping&timeout=30s");
  }

  static String address(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  private JsonNode call(String method, String path) throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(control().resolve(path))
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(REQUEST_LIMIT)
            .build();
    var answer = control.send(request, BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new AssertionError(method + " " + path + ": " + answer.body());
    }
    return JSON.readTree(answer.body());
  }

  @Override
  public void close() {
    control.close();
    process.close();
  }
}
