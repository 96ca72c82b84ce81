package io.drover.agent.tls;

import static io.drover.agent.reason.ReasonIs.reason;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Reason;
import java.net.URI;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.time.Duration;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class ServerCertificateTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private TestCa ca;

  @BeforeEach
  void make() throws Exception {
    ca = TestCa.root("ours");
  }

  private static Secret pem(String label, byte[] der) {
    return new Secret(
        "-----BEGIN %1$s-----\n%2$s\n-----END %1$s-----\n"
            .formatted(label, new String(Base64.getMimeEncoder().encode(der), US_ASCII)));
  }

  private void assertServes(SSLContext context) throws Exception {
    try (var server = Listener.startTls(context, Listener::hold)) {
      var url = URI.create("https://127.0.0.1:" + server.port());
      TimeLimit.closeQuietly(ServerDialer.direct().dial(url, ca.trust(), LIMIT).raw());
    }
  }

  @Test
  void keyMayBePkcs8() throws Exception {
    var own = ca.issue("127.0.0.1");

    assertServes(
        ServerCertificate.context(
            TestCa.pem(own.chain().getFirst()),
            pem("PRIVATE KEY", own.key().getPrivate().getEncoded())));
  }

  /** As Helm makes it. */
  @ParameterizedTest
  @ValueSource(ints = {2048, 4096})
  void rsaKeyMayBePkcs1(int bits) throws Exception {
    var generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(bits);
    var key = generator.generateKeyPair();
    var pkcs1 =
        PrivateKeyInfo.getInstance(key.getPrivate().getEncoded())
            .parsePrivateKey()
            .toASN1Primitive();

    assertServes(
        ServerCertificate.context(
            TestCa.pem(ca.certify(key, "127.0.0.1")), pem("RSA PRIVATE KEY", pkcs1.getEncoded())));
  }

  @Test
  void whatIsNeitherIsSaid() throws Exception {
    var own = ca.issue("127.0.0.1");
    String certificate = TestCa.pem(own.chain().getFirst());
    PrivateKey key = own.key().getPrivate();

    assertThatThrownBy(() -> ServerCertificate.context("", pem("PRIVATE KEY", key.getEncoded())))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining("no certificate");
    assertThatThrownBy(() -> ServerCertificate.context(certificate, new Secret(certificate)))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining("no key in PEM form");
    assertThatThrownBy(
            () -> ServerCertificate.context(certificate, pem("PRIVATE KEY", new byte[] {1})))
        .has(reason(Reason.CERTIFICATE_UNUSABLE))
        .hasMessageContaining("neither RSA nor EC")
        .satisfies(failure -> assertThat(failure.toString()).doesNotContain(TestCa.pem(key)));
  }
}
