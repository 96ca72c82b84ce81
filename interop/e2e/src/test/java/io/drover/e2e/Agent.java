package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/** The packaged agent. */
final class Agent implements AutoCloseable {
  static final Duration READY_LIMIT = Duration.ofSeconds(20);
  private static final Duration START_LIMIT = Duration.ofSeconds(30);
  private static final Duration REQUEST_LIMIT = Duration.ofSeconds(5);
  private static final Pattern HEALTH =
      Pattern.compile("HealthServer.*=\\S*?(127\\.0\\.0\\.1:\\d+)");
  private static final Pattern PROBLEM =
      Pattern.compile(
          "drover_tunnel_problem\\{reason=\"(?<reason>\\w+)\",tunnel=\"(?<tunnel>\\w+)\"} 1(\\.0)?");
  private static final ObjectMapper JSON = new ObjectMapper();

  private final RunningProcess process;
  private final URI health;
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  private Agent(RunningProcess process, URI health) {
    this.process = process;
    this.health = health;
  }

  /**
   * Starts the agent with a manifest's environment, as it is, and what makes a process on this
   * machine out of a pod.
   *
   * @param more variables on top, such as {@code DROVER_DIAL_ALLOW}
   */
  static Agent start(
      String name, Path directory, ControlPlane plane, Import imported, Map<String, String> more)
      throws InterruptedException {
    return start(Programs.agent(), name, directory, plane, imported, more);
  }

  /** The same with the agent of another release. */
  static Agent start(
      String program,
      String name,
      Path directory,
      ControlPlane plane,
      Import imported,
      Map<String, String> more)
      throws InterruptedException {
    var api = URI.create("https://" + plane.address());
    var environment = new HashMap<>(imported.environment());
    environment.put("DROVER_CREDENTIALS_DIR", imported.credentials().toString());
    environment.put("DROVER_SERVICE_ACCOUNT_DIR", imported.serviceAccount().toString());
    environment.put("KUBERNETES_SERVICE_HOST", api.getHost());
    environment.put("KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    environment.put("DROVER_HEALTH_ADDRESS", "127.0.0.1:0");
    environment.put("DROVER_LOG_SOCKET", "off");
    environment.putAll(more);
    return of(RunningProcess.start(name, directory, environment, List.of(program)));
  }

  /** An agent that has just been started, however. */
  static Agent of(RunningProcess process) throws InterruptedException {
    try {
      var line = process.awaitLine("where it serves health", START_LIMIT, HEALTH.asPredicate());
      var found = HEALTH.matcher(line);
      if (!found.find()) {
        throw new IllegalStateException(line);
      }
      return new Agent(process, URI.create("http://" + found.group(1)));
    } catch (AssertionError | InterruptedException e) {
      process.close();
      throw e;
    }
  }

  RunningProcess process() {
    return process;
  }

  /** Where it serves health. */
  URI health() {
    return health;
  }

  void awaitReady(Duration limit) throws InterruptedException {
    Await.that("agent is ready: " + process, limit, () -> get("/readyz").statusCode() == 200);
  }

  void awaitUnready(Duration limit) throws InterruptedException {
    Await.that("agent is not ready: " + process, limit, () -> get("/readyz").statusCode() == 503);
  }

  /** Waits for what {@code /livez} says. */
  void awaitAlive(boolean alive, Duration limit) throws InterruptedException {
    int status = alive ? 200 : 503;
    Await.that(
        "/livez %d: %s".formatted(status, process),
        limit,
        () -> get("/livez").statusCode() == status);
  }

  /** Features that do not work, with code and particulars, as {@code /readyz} says. */
  Map<String, String> degraded() throws IOException, InterruptedException {
    var found = new TreeMap<String, String>();
    for (JsonNode feature : JSON.readTree(get("/readyz").body()).path("degraded")) {
      found.put(
          feature.path("feature").asText(),
          feature.path("reason").asText() + ": " + feature.path("message").asText());
    }
    return found;
  }

  /** The code of why the tunnel {@code cluster} or {@code steve} is down; empty while it is up. */
  String reason(String tunnel) throws IOException, InterruptedException {
    for (JsonNode check : JSON.readTree(get("/readyz").body()).path("checks")) {
      if (check.path("name").asText().equals(tunnel + "-tunnel")) {
        return check.path("reason").asText("");
      }
    }
    throw new AssertionError("/readyz does not know the tunnel " + tunnel);
  }

  /** The code of {@code drover_tunnel_problem} for a tunnel; empty while it is up. */
  String problem(String tunnel) throws IOException, InterruptedException {
    return get("/metrics")
        .body()
        .lines()
        .map(PROBLEM::matcher)
        .filter(found -> found.matches() && found.group("tunnel").equals(tunnel))
        .map(found -> found.group("reason"))
        .findFirst()
        .orElse("");
  }

  /** A value of {@code drover_tunnel_NAME} at {@code /metrics}. */
  long metric(String name, String tunnel) throws IOException, InterruptedException {
    var start = "drover_tunnel_%s{tunnel=\"%s\"} ".formatted(name, tunnel);
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(start))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(start.length())))
        .findFirst()
        .orElseThrow(() -> new AssertionError("/metrics has no " + start));
  }

  /** A value at {@code /metrics} that has no labels. */
  long figure(String name) throws IOException, InterruptedException {
    return get("/metrics")
        .body()
        .lines()
        .filter(line -> line.startsWith(name + " "))
        .mapToLong(line -> (long) Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow(() -> new AssertionError("/metrics has no " + name));
  }

  /** Streams open in the cluster tunnel. */
  long openStreams() throws IOException, InterruptedException {
    return metric("open_streams", "cluster");
  }

  /** Sessions that the cluster tunnel has had. */
  long sessions() throws IOException, InterruptedException {
    return metric("sessions_total", "cluster");
  }

  /** For the log of the build: what it cost in memory. */
  String memory() throws IOException {
    return "agent memory: now=%d MiB, peak=%d MiB"
        .formatted(process.statusKib("VmRSS") / 1024, process.statusKib("VmHWM") / 1024);
  }

  /** What it serves at {@code path}, whatever the status. */
  String page(String path) throws IOException, InterruptedException {
    return get(path).body();
  }

  private HttpResponse<String> get(String path) throws IOException, InterruptedException {
    var request = HttpRequest.newBuilder(health.resolve(path)).timeout(REQUEST_LIMIT).build();
    return http.send(request, BodyHandlers.ofString());
  }

  @Override
  public void close() {
    http.close();
    process.close();
  }
}
