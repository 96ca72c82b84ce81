package io.drover.agent.tls;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.getRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.permanentRedirect;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.options;
import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.WireMockServer;
import io.drover.agent.TestClock;
import io.drover.agent.config.Paths;
import io.drover.agent.config.ProxyConfig;
import io.drover.agent.config.ServerConfig;
import io.drover.agent.reason.Reason;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ServerTrustTest {
  private static final String CACERTS = "/v3/settings/cacerts";

  /** The server's own certificate is not trusted by anybody: WireMock's. */
  private static WireMockServer rancher;

  private static TestCa ca;
  private final TestClock clock = new TestClock();
  @TempDir private Path directory;

  @BeforeAll
  static void start() throws Exception {
    rancher = new WireMockServer(options().dynamicPort().dynamicHttpsPort());
    rancher.start();
    ca = TestCa.root("Rancher CA");
  }

  @AfterAll
  static void stop() {
    rancher.stop();
  }

  @BeforeEach
  void forget() {
    rancher.resetAll();
  }

  @Test
  void fetchesTheCaThatTheChecksumNames() throws Exception {
    String pem = ca.pem().strip();
    serve(pem);
    var trust = trust(sha256(pem + "\n"), true);

    assertTrusts(trust.context(), ca);
    assertThat(trust.caBundle()).contains(pem + "\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "\n\n"})
  void trailingNewlineIsReadAsTheServerDoesAndAsTheStockAgentDoes(String hashedEnd)
      throws Exception {
    String pem = ca.pem().strip();
    serve(pem + "\n");
    var trust = trust(sha256(pem + hashedEnd), true);

    assertTrusts(trust.context(), ca);
    assertThat(trust.caBundle()).contains(pem + "\n");
  }

  @Test
  void fetchesOnceAndKeepsIt() throws Exception {
    serve(ca.pem());
    var trust = trust(sha256(ca.pem()), true);
    trust.context();
    rancher.resetAll();
    rancher.stubFor(get(anyUrl()).willReturn(aResponse().withStatus(500)));

    assertTrusts(trust.context(), ca);
    rancher.verify(0, getRequestedFor(anyUrl()));
  }

  @Test
  void comesBackAfterAFailure() throws Exception {
    rancher.stubFor(get(CACERTS).willReturn(aResponse().withStatus(503)));
    var trust = trust(sha256(ca.pem()), true);
    assertThatThrownBy(trust::context)
        .has(reason(Reason.SERVER_UNAVAILABLE))
        .hasMessageEndingWith("the server answers 503");
    assertThat(trust.caBundle()).isEmpty();

    serve(ca.pem());

    assertTrusts(trust.context(), ca);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void wrongChecksumIsRefusedEvenIfNotStrict(boolean strict) throws Exception {
    serve(ca.pem());
    var trust = trust("0".repeat(64), strict);

    assertThatThrownBy(trust::context)
        .isInstanceOf(IOException.class)
        .hasMessageContaining(
            "configured cacerts checksum (%s) does not match CATTLE_CA_CHECKSUM (%s)"
                .formatted(sha256(ca.pem()), "0".repeat(64)))
        .has(reason(Reason.CA_CHECKSUM_MISMATCH))
        .hasMessageContaining("apply the manifest again");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"value\":\"\"}", "{\"value\":null}", "{\"id\":{\"value\":\"x\"}}"})
  void missingValueIsExplained(String json) {
    rancher.stubFor(get(CACERTS).willReturn(okJson(json)));

    assertThatThrownBy(trust("0".repeat(64), true)::context)
        .has(reason(Reason.NO_CA_CONFIGURED))
        .hasMessageContaining("CATTLE_CA_CHECKSUM is set but there is no CA certificate configured")
        .hasMessageContaining(CACERTS);
  }

  @ParameterizedTest
  @ValueSource(strings = {"<html>login</html>", "[]", "{\"value\":\"x", ""})
  void answerThatIsNoSettingIsExplained(String body) {
    rancher.stubFor(get(CACERTS).willReturn(ok(body)));

    assertThatThrownBy(trust("0".repeat(64), true)::context)
        .isInstanceOf(IOException.class)
        .has(reason(Reason.NOT_RANCHER))
        .hasMessageStartingWith("no CA from http");
  }

  @Test
  void valueThatIsNoCertificateIsExplained() throws Exception {
    serve("not a certificate");

    assertThatThrownBy(trust(sha256("not a certificate\n"), true)::context)
        .has(reason(Reason.CA_NOT_A_CERTIFICATE))
        .hasMessageContaining("does not look like an x509 certificate");
  }

  @Test
  void notFoundIsExplained() {
    assertThatThrownBy(trust("0".repeat(64), true)::context)
        .hasMessageEndingWith(CACERTS + ": the server answers 404");
  }

  @Test
  void redirectIsNotFollowedButShown() {
    rancher.stubFor(get(CACERTS).willReturn(permanentRedirect("https://other.example/x")));

    assertThatThrownBy(trust("0".repeat(64), true)::context)
        .has(reason(Reason.REDIRECTED))
        .hasMessageEndingWith("to https://other.example/x");
  }

  @Test
  void hugeAnswerIsRefused() {
    rancher.stubFor(get(CACERTS).willReturn(ok("x".repeat(ServerHttp.MAX_BODY_BYTES + 1))));

    assertThatThrownBy(trust("0".repeat(64), true)::context)
        .hasMessageEndingWith("the answer is over " + ServerHttp.MAX_BODY_BYTES + " bytes");
  }

  @Test
  void strictTrustsTheServersCaOnly() throws Exception {
    var corporate = TestCa.root("Corporate");
    Files.writeString(directory.resolve("corporate.crt"), corporate.pem());
    serve(ca.pem());
    var context = trust(sha256(ca.pem()), true).context();

    assertTrusts(context, ca);
    assertThatThrownBy(() -> assertTrusts(context, corporate))
        .has(reason(Reason.TLS_UNKNOWN_ISSUER));
  }

  @Test
  void publicCasAreThoseOfTheRuntime() {
    assertThat(CertificateAuthorities.ofRuntime().certificates()).hasSizeGreaterThan(50);
  }

  @Test
  void otherwisePublicAndLocalCasCountToo() throws Exception {
    var corporate = TestCa.root("Corporate");
    Files.writeString(directory.resolve("corporate.crt"), "# ours\n" + corporate.pem());
    Files.writeString(directory.resolve("readme.txt"), "nothing");
    Files.createDirectory(directory.resolve("more"));
    serve(ca.pem());
    var context = trust(sha256(ca.pem()), false).context();

    assertTrusts(context, ca);
    assertTrusts(context, corporate);
  }

  @Test
  void withoutChecksumTheSystemsCasCount() throws Exception {
    var corporate = TestCa.root("Corporate");
    var trust = trust("", false);
    Files.writeString(directory.resolve("corporate.crt"), corporate.pem());

    assertTrusts(trust.context(), corporate);
    assertThat(trust.caBundle()).isEmpty();
    rancher.verify(0, getRequestedFor(anyUrl()));
  }

  @Test
  void tellsWhetherStrictTrustWouldDo() throws Exception {
    serve(ca.pem());
    var trust = trust(sha256(ca.pem()), false);
    try (var good = Listener.startTls(ca.issue("127.0.0.1").server(), Listener::hold);
        var bad =
            Listener.startTls(TestCa.root("Other").issue("127.0.0.1").server(), Listener::hold)) {
      assertThat(trust.isStrictlyTrusted(good.url("https"))).isFalse();

      trust.context();

      assertThat(trust.isStrictlyTrusted(good.url("https"))).isTrue();
      assertThat(trust.isStrictlyTrusted(bad.url("https"))).isFalse();
      assertThat(trust.isStrictlyTrusted(good.url("http"))).isFalse();
    }
  }

  // ---- another CA, later

  /** A server with a certificate of {@code issuer}, whose setting is {@code cacerts}. */
  private static Listener server(TestCa issuer, String cacerts) throws Exception {
    String json = "{\"value\":\"" + cacerts.replace("\n", "\\n") + "\"}";
    return Listener.startTls(
        issuer.issue("127.0.0.1").server(),
        socket -> {
          var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), UTF_8));
          for (var line = in.readLine(); line != null && !line.isEmpty(); line = in.readLine()) {
            // The next one.
          }
          var head = "HTTP/1.1 200 OK\r\nContent-Length: " + json.length() + "\r\n\r\n";
          socket.getOutputStream().write((head + json).getBytes(UTF_8));
        });
  }

  private ServerTrust trustingFirst(boolean strict) throws Exception {
    serve(ca.pem());
    var trust = trust(sha256(ca.pem()), strict);
    trust.context();
    return trust;
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void caThatComesOverAVerifiedConnectionIsTrustedBesideTheFormer(boolean strict) throws Exception {
    var next = TestCa.root("Next CA");
    var trust = trustingFirst(strict);
    var before = trust.context();
    refresh(trust, ca, next.pem());

    assertTrusts(trust.context(), next);
    assertTrusts(trust.context(), ca);
    assertThat(trust.context()).isNotSameAs(before);
    assertThat(trust.caBundle()).contains(next.pem());
    assertThat(trust.caChecksum()).isEqualTo(sha256(next.pem()));
  }

  @Test
  void caThatAStrangerHasIsNotTrusted() throws Exception {
    var next = TestCa.root("Next CA");
    var trust = trustingFirst(true);
    var before = trust.context();
    try (var server = server(next, next.pem())) {
      assertThatThrownBy(() -> trust.refresh(server.url("https")))
          .has(reason(Reason.TLS_UNKNOWN_ISSUER));
      trust.refresh(server.url("http")); // not even asked
      assertThat(server.accepted()).hasSize(1);
    }

    assertThat(trust.context()).isSameAs(before);
    assertThat(trust.caBundle()).contains(ca.pem());
  }

  @Test
  void sameCaIsNothingNew() throws Exception {
    var trust = trustingFirst(true);
    var before = trust.context();
    try (var server = server(ca, ca.pem().strip())) {
      trust.refresh(server.url("https"));
    }

    assertThat(trust.context()).isSameAs(before);
    assertThat(trust.caChecksum()).isEqualTo(sha256(ca.pem()));
  }

  @Test
  void formerCaIsTrustedUntilTheServerDoesWithoutItAndTheOverlapIsOver() throws Exception {
    var next = TestCa.root("Next CA");
    var trust = trustingFirst(true);
    try (var late = server(ca, next.pem());
        var done = server(next, next.pem())) {
      trust.refresh(late.url("https"));
      clock.advance(ServerTrust.OVERLAP.minusSeconds(1));
      trust.refresh(done.url("https"));
      assertTrusts(trust.context(), ca);

      clock.advance(Duration.ofSeconds(1));
      trust.refresh(late.url("https"));
      assertTrusts(trust.context(), ca);

      trust.refresh(done.url("https"));
      assertTrusts(trust.context(), next);
      assertThatThrownBy(() -> assertTrusts(trust.context(), ca))
          .has(reason(Reason.TLS_UNKNOWN_ISSUER));
    }
  }

  @Test
  void anotherCaThatSomebodyElseHasIsAReasonToAskAndSoIsAnOverlapThatIsOver() throws Exception {
    var next = TestCa.root("Next CA");
    var trust = trustingFirst(true);
    String own = trust.bundleDigest();
    assertThat(trust.isRefreshDue("")).isFalse();
    assertThat(trust.isRefreshDue(own)).isFalse();
    assertThat(trust.isRefreshDue(sha256(next.pem()))).isTrue();

    try (var late = server(ca, next.pem());
        var done = server(next, next.pem())) {
      trust.refresh(late.url("https"));
      assertThat(trust.bundleDigest()).isEqualTo(sha256(next.pem())).isNotEqualTo(own);
      assertThat(trust.isRefreshDue(trust.bundleDigest())).isFalse();

      clock.advance(ServerTrust.OVERLAP);
      assertThat(trust.isRefreshDue(trust.bundleDigest())).isTrue();
      trust.refresh(done.url("https"));
      assertThat(trust.isRefreshDue(trust.bundleDigest())).isFalse();
    }
  }

  @Test
  void nothingIsDueBeforeThereIsACa() {
    var trust = trust("0".repeat(64), true);

    assertThat(trust.isRefreshDue("f".repeat(64))).isFalse();
    assertThat(trust.bundleDigest()).isEmpty();
  }

  /** Asks a server with a certificate of this CA, and that setting. */
  private void refresh(ServerTrust trust, TestCa of, String setting) throws Exception {
    try (var server = server(of, setting)) {
      trust.refresh(server.url("https"));
    }
  }

  @Test
  void onlyTheLastFormerCaIsTrusted() throws Exception {
    var second = TestCa.root("Second CA");
    var third = TestCa.root("Third CA");
    var trust = trustingFirst(true);
    refresh(trust, ca, second.pem());
    refresh(trust, second, third.pem());

    assertTrusts(trust.context(), second);
    assertTrusts(trust.context(), third);
    assertThatThrownBy(() -> assertTrusts(trust.context(), ca))
        .has(reason(Reason.TLS_UNKNOWN_ISSUER));
  }

  /** As where a setting is corrected before the server has its new certificate. */
  @Test
  void caThatTheServerStillHasIsTrustedHoweverOftenTheSettingChanges() throws Exception {
    var second = TestCa.root("Second CA");
    var third = TestCa.root("Third CA");
    var trust = trustingFirst(true);
    refresh(trust, ca, second.pem());
    refresh(trust, ca, third.pem());

    assertTrusts(trust.context(), ca);
    assertTrusts(trust.context(), second);
    assertTrusts(trust.context(), third);
  }

  @Test
  void formerCasAreNoMoreThanALimit() throws Exception {
    var next = TestCa.root("Next CA");
    String large = "#".repeat(ServerTrust.MAX_FORMER_CHARS) + "\n" + next.pem();
    var trust = trustingFirst(true);
    refresh(trust, ca, large);
    refresh(trust, ca, next.pem());

    assertTrusts(trust.context(), next);
    assertThatThrownBy(() -> assertTrusts(trust.context(), ca))
        .has(reason(Reason.TLS_UNKNOWN_ISSUER));
  }

  @Test
  void settingThatHoldsNoCaChangesNothing() throws Exception {
    var trust = trustingFirst(true);
    try (var empty = server(ca, "");
        var rubbish = server(ca, "rubbish")) {
      assertThatThrownBy(() -> trust.refresh(empty.url("https")))
          .has(reason(Reason.NO_CA_CONFIGURED));
      assertThatThrownBy(() -> trust.refresh(rubbish.url("https")))
          .has(reason(Reason.CA_NOT_A_CERTIFICATE));
    }

    assertTrusts(trust.context(), ca);
  }

  @Test
  void nothingIsAskedForTrustThatNeedsNoCaOfTheServer() throws Exception {
    try (var server = server(ca, ca.pem())) {
      trust("", false).refresh(server.url("https"));

      assertThat(server.accepted()).isEmpty();
    }
  }

  @Test
  void trustIsTheSameObjectAsLongAsItIsTheSame() throws Exception {
    var corporate = TestCa.root("Corporate");
    var trust = trust("", false);
    var before = trust.context();
    assertThat(trust.context()).isSameAs(before);

    Files.writeString(directory.resolve("corporate.crt"), corporate.pem());

    assertThat(trust.context()).isNotSameAs(before);
    assertTrusts(trust.context(), corporate);
  }

  @Test
  void pingAsksWithoutVerifying() throws Exception {
    rancher.stubFor(get("/ping").willReturn(ok("pong")));

    trust("", false).ping();

    rancher.verify(getRequestedFor(urlEqualTo("/ping")));
  }

  @Test
  void pingOfAServerIsByTlsAndAtItsRoot() throws Exception {
    rancher.stubFor(get("/ping").willReturn(ok("pong")));
    var server = URI.create("https://127.0.0.1:" + rancher.httpsPort() + "/base");

    trust("", false).ping(server);

    rancher.stubFor(get("/ping").willReturn(aResponse().withStatus(502)));
    assertThatThrownBy(() -> trust("", false).ping(server))
        .has(reason(Reason.SERVER_UNAVAILABLE))
        .hasMessageEndingWith("/ping answers 502");
  }

  @Test
  void failedPingIsSaidLikeTheStockAgent() {
    rancher.stubFor(get("/ping").willReturn(aResponse().withStatus(502)));

    assertThatThrownBy(trust("", false)::ping)
        .isInstanceOf(IOException.class)
        .hasMessage(rancher.url("/ping") + " is not accessible (the server answers 502)");
  }

  private ServerTrust trust(String checksum, boolean strict) {
    var config =
        new ServerConfig(URI.create(rancher.baseUrl()), checksum, strict, ProxyConfig.NONE);
    var paths = new Paths(Path.of("none"), Path.of("none"), List.of(directory, Path.of("none")));
    return new ServerTrust(
        config, paths, new ServerDialer(ProxyConfig.NONE, ServerTrust.systemStore(paths)), clock);
  }

  private static void serve(String value) {
    String escaped = value.replace("\n", "\\n");
    rancher.stubFor(
        get(CACERTS)
            .willReturn(
                okJson(
                    "{\"id\":\"cacerts\",\"links\":{\"value\":\"x\"},\"value\":\""
                        + escaped
                        + "\",\"a\":[1]}")));
  }

  private static void assertTrusts(SSLContext context, TestCa authority) throws Exception {
    try (var server =
        Listener.startTls(authority.issue("127.0.0.1").server(), ServerDialerTest::echo)) {
      var dialer = new ServerDialer(ProxyConfig.NONE, context);
      var connection = dialer.dial(server.url("https"), context, ServerDialer.STANDARD_LIMIT);
      ServerDialerTest.assertEcho(connection.socket());
      connection.raw().close();
    }
  }

  static String sha256(String text) throws Exception {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8)));
  }
}
