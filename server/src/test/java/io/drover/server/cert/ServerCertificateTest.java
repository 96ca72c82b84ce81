package io.drover.server.cert;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.openssl.jcajce.JcePEMEncryptorBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  @Test
  void certificateThatIsNoneOfTheAuthorityIsMadeAnew() throws Exception {
    var first = ServerCertificate.open(directory, List.of("localhost"));
    Files.delete(directory.resolve("ca.pem"));

    var second = ServerCertificate.open(directory, List.of("localhost"));

    assertThat(second.authorityPem()).isNotEqualTo(first.authorityPem());
    var chain = second.keyStore().getCertificateChain("server");
    chain[0].verify(chain[1].getPublicKey());
  }

  /** As a kill leaves it. */
  @ParameterizedTest
  @ValueSource(strings = {"server.pem", "server.key"})
  void filesOfACertificateThatAreNoneAreMadeAnew(String name) throws Exception {
    var first = ServerCertificate.open(directory, List.of("localhost"));
    Files.writeString(directory.resolve(name), "");

    var second = ServerCertificate.open(directory, List.of("localhost"));

    assertThat(leaf(second)).isNotEqualTo(leaf(first));
    assertThat(second.authorityPem()).isEqualTo(first.authorityPem());
  }

  /** The new key was there already, the new certificate not yet. */
  @Test
  void certificateOfAnotherKeyIsMadeAnew() throws Exception {
    var first = ServerCertificate.open(directory, List.of("localhost"));
    Files.copy(
        directory.resolve("ca.key"),
        directory.resolve("server.key"),
        StandardCopyOption.REPLACE_EXISTING);

    assertThat(leaf(ServerCertificate.open(directory, List.of("localhost"))))
        .isNotEqualTo(leaf(first));
  }

  /** Whoever reads meanwhile, or after a kill, has the old one or the new one. */
  @Test
  void certificateIsReplacedAsAWhole() throws Exception {
    var _ = ServerCertificate.open(directory, List.of("localhost"));
    var old = Files.createLink(directory.resolve("old.pem"), directory.resolve("server.pem"));
    var text = Files.readString(old);

    var _ = ServerCertificate.open(directory, List.of("localhost", "drover.test"));

    assertThat(old).hasContent(text);
    assertThat(Files.readString(directory.resolve("server.pem"))).isNotEqualTo(text);
  }

  private CertificateFiles files() throws Exception {
    var _ = ServerCertificate.open(directory, List.of("localhost"));
    return new CertificateFiles(
        directory.resolve("server.pem"), directory.resolve("server.key"), Optional.empty());
  }

  private void isRefused(CertificateFiles files, String problem) {
    assertThatThrownBy(() -> ServerCertificate.read(files))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(problem);
  }

  @Test
  void certificateFromElsewhereHasItsChainAndNoAuthorityOfOurs() throws Exception {
    var files = files();
    Files.writeString(
        files.chain(),
        Files.readString(files.chain()) + Files.readString(directory.resolve("ca.pem")));

    var read = ServerCertificate.read(files);

    assertThat(read.keyStore().getCertificateChain("server")).hasSize(2);
    assertThat(read.authorityPem()).isEmpty();
    assertThat(read.checksum()).isEmpty();
    assertThat(read).isEqualTo(ServerCertificate.read(files));
  }

  @Test
  void keyMayBeAsOpenSslWritesIt() throws Exception {
    var keys = KeyPairGenerator.getInstance("RSA").generateKeyPair();
    var chain = Files.writeString(directory.resolve("rsa.pem"), pem(selfSigned(keys)));
    var key = Files.writeString(directory.resolve("rsa.key"), pem(keys.getPrivate()));
    assertThat(Files.readString(key)).contains("BEGIN RSA PRIVATE KEY");
    var rsa = ServerCertificate.read(new CertificateFiles(chain, key, Optional.empty()));
    assertThat(leaf(rsa).getPublicKey()).isEqualTo(keys.getPublic());

    // By openssl ecparam -genkey -name prime256v1, and openssl req -x509 -days 36500.
    var ec =
        ServerCertificate.read(
            new CertificateFiles(
                resource("openssl-ec.pem"), resource("openssl-ec.key"), Optional.empty()));
    assertThat(leaf(ec).getPublicKey().getAlgorithm()).isEqualTo("EC");
  }

  private static Path resource(String name) throws Exception {
    return Path.of(Objects.requireNonNull(ServerCertificateTest.class.getResource(name)).toURI());
  }

  private static X509Certificate selfSigned(KeyPair keys) throws Exception {
    var signer = new JcaContentSignerBuilder("SHA256withRSA").build(keys.getPrivate());
    return new JcaX509CertificateConverter()
        .getCertificate(
            new JcaX509v3CertificateBuilder(
                    new X500Name("CN=a"),
                    BigInteger.ONE,
                    Date.from(Instant.now().minusSeconds(60)),
                    Date.from(Instant.now().plusSeconds(3600)),
                    new X500Name("CN=a"),
                    keys.getPublic())
                .build(signer));
  }

  private static String pem(Object what) throws IOException {
    var text = new StringWriter();
    try (var writer = new JcaPEMWriter(text)) {
      writer.writeObject(what);
    }
    return text.toString();
  }

  @Test
  void eachFaultNamesItsFile() throws Exception {
    var files = files();
    var other = KeyPairGenerator.getInstance("RSA").generateKeyPair();
    var otherKey = Files.writeString(directory.resolve("other.key"), pem(other.getPrivate()));
    isRefused(
        new CertificateFiles(files.chain(), otherKey, Optional.empty()),
        "other.key: not the key of the certificate in");

    var wrongOrder =
        Files.writeString(
            directory.resolve("order.pem"),
            Files.readString(directory.resolve("ca.pem")) + Files.readString(files.chain()));
    isRefused(
        new CertificateFiles(wrongOrder, files.key(), Optional.empty()),
        "order.pem: certificate 1 is not signed by certificate 2");

    var nothing = Files.writeString(directory.resolve("nothing.pem"), "");
    isRefused(
        new CertificateFiles(nothing, files.key(), Optional.empty()),
        "nothing.pem: no certificate in it");
    isRefused(
        new CertificateFiles(files.chain(), nothing, Optional.empty()),
        "nothing.pem: no private key in PEM in it");
    isRefused(
        new CertificateFiles(files.chain(), files.key(), Optional.of(nothing)),
        "nothing.pem: no certificate in it");

    var garbage =
        Files.writeString(
            directory.resolve("garbage.pem"),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    isRefused(
        new CertificateFiles(files.chain(), garbage, Optional.empty()),
        "garbage.pem: not a private key in PEM");

    for (var text : List.of("AAA!\n-----END PRIVATE KEY-----\n", "AAAA\n")) {
      var broken =
          Files.writeString(
              directory.resolve("broken.key"), "-----BEGIN PRIVATE KEY-----\n" + text);
      isRefused(
          new CertificateFiles(files.chain(), broken, Optional.empty()),
          "broken.key: not a private key in PEM");
    }

    var secret = directory.resolve("secret.key");
    try (var writer = new JcaPEMWriter(Files.newBufferedWriter(secret))) {
      writer.writeObject(
          other.getPrivate(),
          new JcePEMEncryptorBuilder("AES-256-CBC")
              .setProvider(new BouncyCastleProvider())
              .build("x".toCharArray()));
    }
    isRefused(
        new CertificateFiles(files.chain(), secret, Optional.empty()),
        "secret.key: the key has a password");
  }
}
