package io.drover.agent.health;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import java.io.IOException;
import java.io.StringWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code /livez}, {@code /readyz} and {@code /metrics}. Alive: this server answers, and no thread
 * on which the tunnels depend stands still. Ready: every tunnel that is wanted is connected.
 */
public final class HealthServer implements AutoCloseable {
  /** As many requests are answered at the same time; any more get a 503 at once. */
  static final int MAX_REQUESTS = 16;

  private static final Logger log = LoggerFactory.getLogger(HealthServer.class);
  private static final String TEXT = "text/plain; charset=utf-8";
  private static final String JSON = "application/json";

  private record Answer(int status, String contentType, String body) {
    static Answer of(int status, String text) {
      return new Answer(status, TEXT, text + "\n");
    }
  }

  private final String version;
  private final Clock clock;
  private final Instant started;
  private final Supplier<List<String>> stalled;
  private final List<Supplier<TunnelReading>> tunnels;
  private final Supplier<? extends SortedMap<String, Problem>> degraded;
  private final @Nullable Supplier<ReportReading> reports; // null: none are made
  private final @Nullable Supplier<GatewayReading> gateway; // null: it is off
  private final Metrics metrics;
  private final Semaphore requests = new Semaphore(MAX_REQUESTS);
  private final @Nullable HttpServer server; // null: turned off

  private HealthServer(
      @Nullable HttpServer server,
      String version,
      Clock clock,
      Supplier<List<String>> stalled,
      List<Supplier<TunnelReading>> tunnels,
      Supplier<? extends SortedMap<String, Problem>> degraded,
      @Nullable Supplier<ReportReading> reports,
      @Nullable Supplier<GatewayReading> gateway) {
    this.server = server;
    this.version = version;
    this.clock = clock;
    this.started = clock.instant();
    this.stalled = stalled;
    this.tunnels = List.copyOf(tunnels);
    this.degraded = degraded;
    this.reports = reports;
    this.gateway = gateway;
    this.metrics = new Metrics(version, tunnels, degraded, reports, gateway);
  }

  /**
   * Listens, unless it is turned off.
   *
   * @param version shown among the metrics and in {@code /readyz}
   * @param clock for the times in {@code /readyz}, whose reader may have another
   * @param stalled names of threads that stand still, and of what else is as bad: with any, the
   *     agent is not alive; asked at each request, from any thread; must not block
   * @param tunnels asked at each request, from any thread; they must not block
   * @param degraded features that do not work, and why; asked in the same way. No tunnel is among
   *     them, and whether the agent is ready does not hang on them
   * @param reports asked in the same way; null: there are none
   * @param gateway asked in the same way; null: it is off
   * @throws IOException if the port is not to be had
   */
  public static HealthServer start(
      HealthConfig config,
      String version,
      Clock clock,
      Supplier<List<String>> stalled,
      List<Supplier<TunnelReading>> tunnels,
      Supplier<? extends SortedMap<String, Problem>> degraded,
      @Nullable Supplier<ReportReading> reports,
      @Nullable Supplier<GatewayReading> gateway)
      throws IOException {
    if (!config.enabled()) {
      return new HealthServer(null, version, clock, stalled, tunnels, degraded, reports, gateway);
    }
    HttpServer http;
    try {
      var address = new InetSocketAddress(InetAddress.getByName(config.host()), config.port());
      http = HttpServer.create(address, 0);
    } catch (IOException e) {
      throw new Failure(
          Reason.PORT_TAKEN,
          "cannot serve health at %s:%d (%s): set DROVER_HEALTH_ADDRESS to another, or to off"
              .formatted(config.host(), config.port(), e.getMessage()),
          e);
    }
    var server =
        new HealthServer(http, version, clock, stalled, tunnels, degraded, reports, gateway);
    http.createContext("/", server::handle);
    http.setExecutor(
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("health-", 0).factory()));
    http.start();
    log.info("health served: address={}", http.getAddress());
    return server;
  }

  /** Where it listens; empty if it is turned off. */
  public Optional<InetSocketAddress> address() {
    return Optional.ofNullable(server).map(HttpServer::getAddress);
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

  private Answer answer(HttpExchange exchange) throws IOException {
    String method = exchange.getRequestMethod();
    if (!method.equals("GET") && !method.equals("HEAD")) {
      return Answer.of(405, "method not allowed");
    }
    return switch (exchange.getRequestURI().getPath()) {
      case "/livez" -> liveness();
      case "/readyz" -> readiness();
      case "/metrics" -> new Answer(200, PrometheusTextFormatWriter.CONTENT_TYPE, metrics.text());
      default -> Answer.of(404, "not found: try /livez, /readyz or /metrics");
    };
  }

  private Answer liveness() {
    var names = stalled.get();
    return names.isEmpty()
        ? Answer.of(200, "ok")
        : Answer.of(503, "threads stand still: " + String.join(", ", names));
  }

  /** See {@code docs/status.md}: fields may be added, none changes its meaning. */
  private Answer readiness() throws IOException {
    var readings = tunnels.stream().map(Supplier::get).toList();
    boolean ready = readings.stream().allMatch(TunnelReading::isReady);
    var text = new StringWriter();
    try (var json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeBooleanField("ready", ready);
      json.writeStringField("version", version);
      json.writeStringField("started", started.toString());
      json.writeStringField("now", clock.instant().toString());
      json.writeArrayFieldStart("checks");
      for (TunnelReading reading : readings) {
        write(json, reading);
      }
      json.writeEndArray();
      json.writeArrayFieldStart("degraded");
      for (var feature : degraded.get().entrySet()) {
        json.writeStartObject();
        json.writeStringField("feature", feature.getKey());
        write(json, feature.getValue());
        json.writeEndObject();
      }
      json.writeEndArray();
      if (reports != null) {
        write(json, reports.get());
      }
      if (gateway != null) {
        write(json, gateway.get());
      }
      json.writeEndObject();
    }
    return new Answer(ready ? 200 : 503, JSON, text + "\n");
  }

  private static void write(JsonGenerator json, TunnelReading reading) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", reading.tunnel() + "-tunnel");
    json.writeBooleanField("ready", reading.isReady());
    json.writeStringField("since", reading.since().toString());
    json.writeNumberField("sessions", reading.sessions());
    json.writeNumberField("streamsOpen", reading.streamsOpen());
    json.writeNumberField("streams", reading.streamsTotal());
    json.writeNumberField("receivedBytes", reading.bytesReceived());
    json.writeNumberField("sentBytes", reading.bytesSent());
    json.writeNumberField("queuedBytes", reading.queuedBytes());
    json.writeNumberField("dialFailures", reading.dialFailures());
    var past = reading.past();
    if (reading.problem() != null) {
      write(json, reading.problem());
    } else if (past != null) {
      json.writeObjectFieldStart("past");
      json.writeStringField("at", past.at().toString());
      write(json, past.problem());
      json.writeEndObject();
    }
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, ReportReading reading) throws IOException {
    json.writeObjectFieldStart("reports");
    json.writeBooleanField("leads", reading.leads());
    if (reading.last() != null) {
      json.writeNumberField("sequence", reading.last().agent().sequence());
      json.writeStringField("observedAt", reading.last().observedAt().toString());
    }
    json.writeArrayFieldStart("sinks");
    for (ReportReading.Sink sink : reading.sinks()) {
      json.writeStartObject();
      json.writeStringField("name", sink.name());
      json.writeNumberField("failures", sink.failures());
      if (sink.lastSuccess() != null) {
        json.writeStringField("lastSuccess", sink.lastSuccess().toString());
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, GatewayReading reading) throws IOException {
    json.writeObjectFieldStart("gateway");
    json.writeStringField("policy", reading.policy());
    json.writeObjectFieldStart("audit");
    json.writeStringField("to", reading.auditTo());
    json.writeStringField("full", reading.auditFull());
    json.writeNumberField("events", reading.auditEvents());
    json.writeNumberField("lost", reading.auditLost());
    json.writeEndObject();
    json.writeNumberField(
        "requests", reading.requests().stream().mapToLong(GatewayReading.Requests::count).sum());
    json.writeNumberField(
        "refused", reading.refused().values().stream().mapToLong(Long::longValue).sum());
    write(json, reading.users());
    json.writeObjectFieldStart("lastHour");
    write(json, reading.lastHour());
    json.writeNumberField("others", reading.lastHourOthers());
    json.writeEndObject();
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, List<GatewayReading.User> users)
      throws IOException {
    json.writeArrayFieldStart("topUsers");
    for (GatewayReading.User user : users) {
      json.writeStartObject();
      json.writeStringField("name", user.name());
      json.writeNumberField("requests", user.requests());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void write(JsonGenerator json, Problem problem) throws IOException {
    json.writeStringField("reason", problem.reason().code());
    json.writeStringField("meaning", problem.reason().sentence());
    json.writeStringField("message", problem.message());
    json.writeStringField("nextStep", problem.reason().nextStep());
    json.writeStringField("page", problem.reason().page());
  }

  private static void send(HttpExchange exchange, Answer answer) throws IOException {
    exchange.getResponseHeaders().set("Content-Type", answer.contentType());
    if (exchange.getRequestMethod().equals("HEAD")) {
      exchange.sendResponseHeaders(answer.status(), -1);
      return;
    }
    byte[] body = answer.body().getBytes(UTF_8);
    exchange.sendResponseHeaders(answer.status(), body.length);
    exchange.getResponseBody().write(body);
  }

  /** Stops at once. */
  @Override
  public void close() {
    if (server != null) {
      server.stop(0);
    }
  }
}
