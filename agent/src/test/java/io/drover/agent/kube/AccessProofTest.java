package io.drover.agent.kube;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.ClosedPort;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.Listener;
import io.drover.agent.tls.TestCa;
import io.drover.agent.tls.TestCa.Identity;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the server is to be told is tried at an API server with real TLS. */
@Timeout(60)
class AccessProofTest {
  private static final String TOKEN = "eyJhbGciOi.service-account.signature";
  private static final Duration SHORT = Duration.ofMillis(300);

  private final Queue<String> asked = new ConcurrentLinkedQueue<>();

  /** Shows this certificate, and answers so. */
  private Listener apiServer(Identity identity, String answer) throws Exception {
    return Listener.startTls(identity.server(), socket -> answer(socket, answer));
  }

  private void answer(Socket socket, String answer) throws IOException {
    var in = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
    List<String> head = new ArrayList<>();
    for (String line = in.readLine(); !line.isEmpty(); line = in.readLine()) {
      head.add(line);
    }
    asked.addAll(head);
    socket.getOutputStream().write(answer.getBytes(ISO_8859_1));
  }

  private static String status(String status) {
    return "HTTP/1.1 " + status + "\r\nContent-Length: 2\r\n\r\n{}";
  }

  private static ClusterAccess access(Listener server, String caCert) {
    return new ClusterAccess("127.0.0.1:" + server.port(), new Secret(TOKEN), caCert);
  }

  @Test
  void asksWithTheNewTokenAndTrustsTheNewCaAlone() throws Exception {
    var ca = TestCa.root("kube-ca");
    try (var server = apiServer(ca.issue("127.0.0.1"), status("200 OK"))) {
      var former = TestCa.root("former-kube-ca");

      AccessProof.require(access(server, former.pem() + ca.pem()));

      assertThat(asked)
          .contains("GET /version HTTP/1.1", "Authorization: Bearer " + TOKEN)
          .contains("Host: 127.0.0.1:" + server.port());
    }
  }

  @Test
  void tokenThatTheApiServerRefusesIsSaid() throws Exception {
    var ca = TestCa.root("kube-ca");
    try (var server = apiServer(ca.issue("127.0.0.1"), status("401 Unauthorized"))) {
      assertThatThrownBy(() -> AccessProof.require(access(server, ca.pem())))
          .isInstanceOf(Failure.class)
          .has(reason(Reason.UNAUTHORIZED))
          .hasMessageContaining("127.0.0.1:" + server.port())
          .message()
          .doesNotContain(TOKEN);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"another", "kube-ca"}) // the same name, but another key
  void caThatDidNotIssueTheCertificateIsSaidAndGetsNoToken(String name) throws Exception {
    var ca = TestCa.root("kube-ca");
    try (var server = apiServer(ca.issue("127.0.0.1"), status("200 OK"))) {
      var unrelated = TestCa.root(name).pem();

      assertThatThrownBy(() -> AccessProof.require(access(server, unrelated)))
          .has(reason(Reason.CLUSTER_CA_WRONG))
          .hasMessageContaining("issued by CN=kube-ca")
          .message()
          .doesNotContain("cacerts"); // which is the server's
      assertThat(asked).isEmpty();
    }
  }

  @Test
  void textWithoutACertificateIsNoCa() throws Exception {
    var ca = TestCa.root("kube-ca");
    try (var server = apiServer(ca.issue("127.0.0.1"), status("200 OK"))) {
      assertThatThrownBy(() -> AccessProof.require(access(server, "nothing")))
          .has(reason(Reason.CLUSTER_CA_WRONG));
      assertThat(asked).isEmpty();
    }
  }

  @Test
  void otherFaultsOfTheCertificateKeepTheirNames() throws Exception {
    var ca = TestCa.root("kube-ca");
    var now = Instant.now();
    var expired = ca.issue(now.minusSeconds(7200), now.minusSeconds(3600), "127.0.0.1");
    try (var old = apiServer(expired, status("200 OK"));
        var other = apiServer(ca.issue("10.43.0.1"), status("200 OK"))) {
      assertThatThrownBy(() -> AccessProof.require(access(old, ca.pem())))
          .has(reason(Reason.TLS_EXPIRED))
          .hasMessageStartingWith("the API server at 127.0.0.1:");
      assertThatThrownBy(() -> AccessProof.require(access(other, ca.pem())))
          .has(reason(Reason.TLS_WRONG_NAME));
      assertThat(asked).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"403 Forbidden", "429 Too Many Requests", "500 Internal Server Error"})
  void otherAnswersDisproveNothing(String status) throws Exception {
    var ca = TestCa.root("kube-ca");
    try (var server = apiServer(ca.issue("127.0.0.1"), status(status))) {
      AccessProof.require(access(server, ca.pem()));

      assertThat(asked).contains("GET /version HTTP/1.1");
    }
  }

  @Test
  void anApiServerThatIsAwayDisprovesNothing() throws Exception {
    var ca = TestCa.root("kube-ca");
    try (var closed = new ClosedPort();
        var cut = apiServer(ca.issue("127.0.0.1"), "");
        var silent = Listener.start(Listener::hold)) {
      var refuses = new ClusterAccess(closed.address(), new Secret(TOKEN), ca.pem());

      assertThatCode(() -> AccessProof.require(refuses)).doesNotThrowAnyException();
      assertThatCode(() -> AccessProof.require(access(cut, ca.pem()))).doesNotThrowAnyException();
      assertThatCode(() -> AccessProof.require(access(silent, ca.pem()), SHORT))
          .doesNotThrowAnyException();
    }
  }
}
