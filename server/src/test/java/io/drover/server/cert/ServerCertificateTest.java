package io.drover.server.cert;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ServerCertificateTest {
  @TempDir private Path directory;

  private static X509Certificate leaf(ServerCertificate certificate) throws Exception {
    return (X509Certificate) certificate.keyStore().getCertificate("server");
  }

  @Test
  void authorityAndCertificateAreKept() throws Exception {
    var first = ServerCertificate.open(directory, List.of("localhost", "::1", "127.0.0.1"));
    var second = ServerCertificate.open(directory, List.of("127.0.0.1", "::1"));

    assertThat(leaf(second)).isEqualTo(leaf(first));
    assertThat(second.checksum()).isEqualTo(first.checksum());
  }

  @Test
  void newNameMakesANewCertificateUnderTheSameAuthority() throws Exception {
    var first = ServerCertificate.open(directory, List.of("localhost"));
    var second = ServerCertificate.open(directory, List.of("localhost", "drover.test"));

    assertThat(leaf(second)).isNotEqualTo(leaf(first));
    assertThat(second.authorityPem()).isEqualTo(first.authorityPem());
    assertThat(leaf(second).getSubjectAlternativeNames())
        .extracting(name -> (Object) name.get(1))
        .containsExactlyInAnyOrder("localhost", "drover.test");
  }

  @Test
  void checksumIsOfThePemAndOneNewline() throws Exception {
    var certificate = ServerCertificate.open(directory, List.of("localhost"));
    var digest = MessageDigest.getInstance("SHA-256");
    var file = Files.readString(directory.resolve("ca.pem"));

    assertThat(certificate.authorityPem()).doesNotEndWith("\n");
    assertThat(file).isEqualTo(certificate.authorityPem() + "\n");
    assertThat(certificate.checksum())
        .isEqualTo(HexFormat.of().formatHex(digest.digest(file.getBytes(UTF_8))));
  }
}
