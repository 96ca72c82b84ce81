package io.drover.agent.view;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.tls.TestCa;
import io.drover.agent.view.Facts.SeenCertificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import org.junit.jupiter.api.Test;

class CertificatesTest {
  private static final Duration DAY = Duration.ofDays(1);

  @Test
  void bundleLastsAsLongAsTheCertificateThatEndsLast() throws Exception {
    var first = TestCa.root("First");
    Instant now = Instant.now();
    var second = first.issue(now.minus(DAY), now.plus(DAY), "a.example").chain().getFirst();
    var later = Certificates.of("x", first.certificate());
    var earlier = Certificates.of("x", second);
    assertThat(later.notAfter()).isAfter(earlier.notAfter());

    for (String pem :
        new String[] {
          first.pem() + "\n" + TestCa.pem(second), TestCa.pem(second) + "\n" + first.pem()
        }) {
      assertThat(Certificates.ofBundle("x", pem)).contains(later);
      assertThat(Certificates.ofEncoded("x", encoded(pem))).contains(later);
    }
  }

  @Test
  void sourceAndSubjectAreThere() throws Exception {
    var ca = TestCa.root("Some CA");

    assertThat(Certificates.ofBundle("ConfigMap a", ca.pem()))
        .contains(
            new SeenCertificate(
                "ConfigMap a", "CN=Some CA", ca.certificate().getNotAfter().toInstant()));
  }

  @Test
  void whatCannotBeReadIsNone() {
    for (String text : new String[] {"", " ", "rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
      assertThat(Certificates.ofBundle("x", text)).isEmpty();
      assertThat(Certificates.ofEncoded("x", text)).isEmpty();
      assertThat(Certificates.ofEncoded("x", encoded(text))).isEmpty();
    }
  }

  private static String encoded(String pem) {
    return Base64.getEncoder().encodeToString(pem.getBytes(US_ASCII));
  }
}
