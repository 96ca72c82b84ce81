package io.drover.agent.report;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.any;
import static com.github.tomakehurst.wiremock.client.WireMock.anyRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.noContent;
import static com.github.tomakehurst.wiremock.client.WireMock.patch;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.options;
import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.http.Fault;
import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ClusterReport.AgentIdentity;
import io.drover.proto.report.MergePatch;
import io.drover.proto.report.ReportJson;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPInputStream;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class HttpSinkTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration HALF_MINUTE = Duration.ofSeconds(30);
  private static WireMockServer server;

  private Instant now = FakeView.AT;
  private String token = "first";
  private HttpSink sink;

  @BeforeAll
  static void start() {
    server = new WireMockServer(options().dynamicPort());
    server.start();
  }

  @AfterAll
  static void stop() {
    server.stop();
  }

  @BeforeEach
  void open() throws Exception {
    server.resetAll();
    server.stubFor(any(anyUrl()).willReturn(noContent()));
    InstantSource clock = () -> now;
    var access =
        new HttpSink.Access() {
          @Override
          public Secret token() {
            return new Secret(token);
          }

          @Override
          public SSLContext trust() throws IOException {
            try {
              return SSLContext.getDefault();
            } catch (Exception e) {
              throw new IOException(e);
            }
          }
        };
    sink =
        new HttpSink(
            URI.create(server.baseUrl() + "/v3/reports?of=drover"),
            new ServerHttp(new ServerDialer(ProxyConfig.NONE, SSLContext.getDefault())),
            access,
            clock.withZone(ZoneOffset.UTC));
  }

  private ClusterReport report(int sequence, FakeView view) {
    return Assembler.report(
        view,
        "c-abc",
        new AgentIdentity("0.1", "one", sequence, null),
        List.of(),
        Optional.empty(),
        now);
  }

  private ClusterReport report(int sequence) {
    return report(sequence, new FakeView());
  }

  private List<LoggedRequest> requests() {
    return server.findAll(anyRequestedFor(anyUrl()));
  }

  private static List<String> methods(List<LoggedRequest> requests) {
    return requests.stream().map(request -> request.getMethod().getName()).toList();
  }

  private static String unzipped(LoggedRequest request) throws IOException {
    // The server has unpacked it already, if it minds the header.
    byte[] body = request.getBody();
    if (body.length < 2 || body[0] != 0x1f || body[1] != (byte) 0x8b) {
      return new String(body, UTF_8);
    }
    try (var in = new GZIPInputStream(new ByteArrayInputStream(body))) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  @Test
  void firstReportGoesWhole() throws Exception {
    sink.put(report(1));

    LoggedRequest request = requests().getFirst();
    assertThat(request.getMethod().getName()).isEqualTo("PUT");
    assertThat(request.getUrl()).isEqualTo("/v3/reports?of=drover");
    assertThat(request.getHeader("Authorization")).isEqualTo("Bearer first");
    assertThat(request.getHeader("Content-Type")).isEqualTo("application/json");
    assertThat(request.getHeader("Content-Encoding")).isEqualTo("gzip");
    assertThat(ReportJson.read(unzipped(request))).isEqualTo(report(1));
  }

  @Test
  void nextOneGoesAsWhatHasChanged() throws Exception {
    sink.put(report(1));
    ObjectNode tree = ReportJson.tree(report(1));
    now = now.plus(HALF_MINUTE);
    token = "second";
    var changed = report(2, new FakeView().without(Kinds.STORAGE_CLASSES, Cause.FORBIDDEN));

    sink.put(changed);

    LoggedRequest request = requests().getLast();
    assertThat(request.getMethod().getName()).isEqualTo("PATCH");
    assertThat(request.getHeader("If-Match")).isEqualTo("\"one/1\"");
    assertThat(request.getHeader("Content-Type")).isEqualTo("application/merge-patch+json");
    assertThat(request.getHeader("Authorization")).isEqualTo("Bearer second");
    var patch = (ObjectNode) JSON.readTree(unzipped(request));
    assertThat(patch.path("details").has("storageClasses")).isTrue();
    assertThat(patch.has("capabilities")).isFalse();
    MergePatch.apply(tree, patch);
    assertThat(ReportJson.read(tree.toString())).isEqualTo(changed);
  }

  @Test
  void afterAWhileItGoesWholeAgain() throws Exception {
    sink.put(report(1));
    now = now.plus(HttpSink.WHOLE_EVERY).minusMillis(1);
    sink.put(report(2));
    now = now.plusMillis(1);
    sink.put(report(3));

    assertThat(methods(requests())).containsExactly("PUT", "PATCH", "PUT");
  }

  @ParameterizedTest
  @ValueSource(ints = {404, 409, 412, 428})
  void whatTheServerDoesNotHaveGoesWholeAtOnce(int status) throws Exception {
    server.stubFor(patch(anyUrl()).willReturn(aResponse().withStatus(status)));
    sink.put(report(1));
    sink.put(report(2));
    sink.put(report(3));

    assertThat(methods(requests())).containsExactly("PUT", "PATCH", "PUT", "PATCH", "PUT");
    assertThat(ReportJson.read(unzipped(requests().getLast()))).isEqualTo(report(3));
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 405, 415, 501})
  void serverThatKnowsNoPatchesIsNotAskedAgain(int status) throws Exception {
    server.stubFor(patch(anyUrl()).willReturn(aResponse().withStatus(status)));
    sink.put(report(1));
    sink.put(report(2));
    sink.put(report(3));

    assertThat(methods(requests())).containsExactly("PUT", "PATCH", "PUT", "PUT");
  }

  @Test
  void afterAnythingElseTheNextOneGoesWhole() throws Exception {
    sink.put(report(1));
    server.stubFor(
        patch(anyUrl()).willReturn(aResponse().withFault(Fault.CONNECTION_RESET_BY_PEER)));
    assertThatThrownBy(() -> sink.put(report(2))).isInstanceOf(IOException.class);
    server.stubFor(patch(anyUrl()).willReturn(aResponse().withStatus(500)));
    sink.put(report(3));
    assertThatThrownBy(() -> sink.put(report(4))).hasMessageContaining("answered 500");
    sink.put(report(5));

    assertThat(methods(requests())).containsExactly("PUT", "PATCH", "PUT", "PATCH", "PUT");
  }

  @Test
  void refusalSaysWhatTheServerSaid() {
    server.stubFor(
        any(anyUrl())
            .willReturn(
                aResponse().withStatus(403).withBody("clusterId is not\n that of the token")));

    assertThatThrownBy(() -> sink.put(report(1)))
        .has(reason(Reason.REPORT_REFUSED))
        .hasMessageEndingWith(
            "/v3/reports?of=drover answered 403 clusterId is not that of the token");
  }

  @Test
  void tokenIsInNoMessage() {
    server.stubFor(any(anyUrl()).willReturn(aResponse().withStatus(401)));

    assertThatThrownBy(() -> sink.put(report(1)))
        .satisfies(error -> assertThat(error.getMessage()).doesNotContain("first"));
  }

  @Test
  void serverIsNotAskedBeforeItWantsToBe() throws Exception {
    server.stubFor(
        any(anyUrl()).willReturn(aResponse().withStatus(503).withHeader("Retry-After", "120")));
    assertThatThrownBy(() -> sink.put(report(1))).hasMessageContaining("answered 503");
    server.stubFor(any(anyUrl()).willReturn(noContent()));

    now = now.plusSeconds(119);
    assertThatThrownBy(() -> sink.put(report(2)))
        .hasMessageStartingWith("the server asked not to be called before");
    assertThat(requests()).hasSize(1);

    now = now.plusSeconds(1);
    sink.put(report(3));
    assertThat(requests()).hasSize(2);
  }

  @Test
  void clockThatIsPutBackHoldsNothingUp() throws Exception {
    server.stubFor(
        any(anyUrl()).willReturn(aResponse().withStatus(503).withHeader("Retry-After", "900")));
    assertThatThrownBy(() -> sink.put(report(1))).hasMessageContaining("answered 503");
    server.stubFor(any(anyUrl()).willReturn(noContent()));

    now = now.minus(Duration.ofDays(1));
    sink.put(report(2));
    now = now.minus(Duration.ofDays(1));
    sink.put(report(3));

    assertThat(methods(requests())).containsExactly("PUT", "PUT", "PUT");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "120, 120",
    "900, 900",
    "901, 900",
    "999999999, 900",
    "9999999999, 0",
    "-1, 0",
    "'', 0",
    "'Fri, 27 Nov 2026 12:00:00 GMT', 0",
    "1.5, 0"
  })
  void retryAfterIsInSecondsAndHasALimit(String text, long seconds) {
    assertThat(HttpSink.retryAfter(text)).isEqualTo(Duration.ofSeconds(seconds));
  }
}
