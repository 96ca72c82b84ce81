package io.drover.agent.gateway.audit;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.drover.agent.config.AuditConfig;
import io.drover.agent.config.AuditConfig.Target;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.TestCa;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Over real TLS. */
@Timeout(60)
class HttpsSinkTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private static final List<byte[]> EVENTS =
      List.of("{\"a\":1}\n".getBytes(UTF_8), "{\"b\":2}\n".getBytes(UTF_8));

  @TempDir private Path directory;
  private final LinkedBlockingQueue<String> bodies = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<String> types = new LinkedBlockingQueue<>();
  private final LinkedBlockingQueue<Optional<String>> tokens = new LinkedBlockingQueue<>();
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile int status = 200;
  private volatile boolean silent;
  private volatile String said = "because\nso";
  private HttpsServer server;
  private TestCa ca;

  @BeforeEach
  void start() throws Exception {
    ca = TestCa.root("audit");
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(ca.issue("127.0.0.1").server()));
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    over.countDown();
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      tokens.add(Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization")));
      types.add(String.valueOf(exchange.getRequestHeaders().getFirst("Content-Type")));
      bodies.add(new String(exchange.getRequestBody().readAllBytes(), UTF_8));
      if (silent) {
        over.await();
      }
      byte[] body = said.getBytes(UTF_8);
      exchange.sendResponseHeaders(status, body.length);
      exchange.getResponseBody().write(body);
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }

  private HttpsSink sink(TestCa trusted, Duration limit) throws IOException {
    return sink(trusted, Optional.empty(), limit);
  }

  private HttpsSink sink(TestCa trusted, Optional<TokenFile> token, Duration limit)
      throws IOException {
    var file = Files.writeString(directory.resolve("ca.pem"), trusted.pem());
    var url = URI.create("https://127.0.0.1:" + server.getAddress().getPort() + "/audit");
    return new HttpsSink(
        url, new ServerHttp(ServerDialer.direct()), KeptTrust.ofFile(file)::context, token, limit);
  }

  private Recorder.Trial tryOut() throws IOException {
    var file = Files.writeString(directory.resolve("ca.pem"), ca.pem());
    var url = URI.create("https://127.0.0.1:" + server.getAddress().getPort() + "/audit");
    return Recorder.tryOut(
        new AuditConfig(new Target.Https(url, Optional.empty()), false, Optional.empty()),
        new ServerHttp(ServerDialer.direct()),
        KeptTrust.ofFile(file));
  }

  @Test
  void aListWithoutEventsTriesIt() throws Exception {
    assertThat(tryOut().isSure()).isTrue();
    assertThat(bodies.take()).endsWith("\"items\":[]}");

    status = 400;
    assertThat(tryOut().isSure()).isFalse();

    status = 403;
    assertThatThrownBy(this::tryOut).has(reason(Reason.AUDIT_NOT_WRITTEN));
  }

  @Test
  void eventsGoTogetherAsAList() throws Exception {
    try (var sink = sink(ca, LONG)) {
      assertThat(sink.write(EVENTS)).isEqualTo(2);
    }
    assertThat(bodies.take().replace("\n", ""))
        .isEqualTo(
            "{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"metadata\":{},"
                + "\"items\":[{\"a\":1},{\"b\":2}]}");
    assertThat(types.take()).isEqualTo("application/json");
    assertThat(tokens.take()).isEmpty();
  }

  @Test
  void tokenIsTheOneThatIsInItsFileNow() throws Exception {
    var file = Files.writeString(directory.resolve("token"), "first.token\n");
    try (var sink = sink(ca, Optional.of(new TokenFile(file)), LONG)) {
      sink.write(EVENTS);
      Files.writeString(file, "second.token");
      sink.write(EVENTS);
    }
    assertThat(tokens)
        .containsExactly(Optional.of("Bearer first.token"), Optional.of("Bearer second.token"));
  }

  @Test
  void withoutItsTokenNothingIsSent() throws Exception {
    var file = directory.resolve("token");
    try (var sink = sink(ca, Optional.of(new TokenFile(file)), LONG)) {
      assertThatThrownBy(() -> sink.write(EVENTS))
          .isNotInstanceOf(Sink.NotTakenException.class)
          .has(reason(Reason.AUDIT_NOT_WRITTEN))
          .hasMessage(
              "the token's file %s does not exist: mount the Secret with the token there", file);
      Files.writeString(file, "a.token");
      assertThat(sink.write(EVENTS)).isEqualTo(2);
    }
    assertThat(bodies).hasSize(1);
  }

  @Test
  void tokenIsNotShownThoughTheEndpointSaysIt() throws Exception {
    status = 401;
    said = "no such token: a.token";
    var file = Files.writeString(directory.resolve("token"), "a.token");
    try (var sink = sink(ca, Optional.of(new TokenFile(file)), LONG)) {
      assertThatThrownBy(() -> sink.write(EVENTS))
          .hasMessage(sink.name() + " answered 401 no such token: ***");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {500, 503, 429, 401, 403, 404, 301})
  void whatMayPassIsToBeTriedAgain(int code) throws Exception {
    status = code;
    try (var sink = sink(ca, LONG)) {
      assertThatThrownBy(() -> sink.write(EVENTS))
          .isNotInstanceOf(Sink.NotTakenException.class)
          .has(reason(Reason.AUDIT_NOT_WRITTEN))
          .hasMessage(sink.name() + " answered " + code + " because so");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 413, 422})
  void whatIsRefusedForGoodIsNot(int code) throws Exception {
    status = code;
    try (var sink = sink(ca, LONG)) {
      assertThatThrownBy(() -> sink.write(EVENTS)).isInstanceOf(Sink.NotTakenException.class);
    }
  }

  @Test
  void slowEndpointHasItsTime() throws Exception {
    silent = true;
    try (var sink = sink(ca, Duration.ofSeconds(1))) {
      assertThatThrownBy(() -> sink.write(EVENTS))
          .has(reason(Reason.SERVER_SILENT))
          .hasMessageStartingWith(sink.name() + ": ");
    }
  }

  @Test
  void endpointOfAnUnknownAuthorityHearsNothing() throws Exception {
    try (var sink = sink(TestCa.root("another"), LONG)) {
      assertThatThrownBy(() -> sink.write(EVENTS)).has(reason(Reason.TLS_UNKNOWN_ISSUER));
    }
    assertThat(bodies).isEmpty();
  }

  @Test
  void endpointThatIsNotThere() throws Exception {
    var sink = sink(ca, LONG);
    server.stop(0);
    assertThatThrownBy(() -> sink.write(EVENTS)).has(reason(Reason.CONNECT_REFUSED));
  }
}
