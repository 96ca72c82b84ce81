package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.config.Secret;
import java.math.BigInteger;
import java.security.KeyPair;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import org.bouncycastle.asn1.DERPrintableString;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x500.style.BCStyle;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Certificates of authorities that somebody made by hand. */
class SigningAuthorityTest {
  private static final Instant NOW = Instant.parse("2026-11-30T00:00:00Z");
  private static final Instant SOON = NOW.plus(Duration.ofHours(1));

  /** In the order of directories, and in an encoding that we do not use ourselves. */
  private static final X500Name NAME =
      new X500NameBuilder(BCStyle.INSTANCE)
          .addRDN(BCStyle.C, new DERPrintableString("DE"))
          .addRDN(BCStyle.O, new DERPrintableString("Platform, Inc."))
          .addRDN(BCStyle.CN, new DERPrintableString("clusters"))
          .build();

  /** With an identifier that is no hash of its key, or none. */
  private static X509Certificate made(KeyPair keys, boolean identified) throws Exception {
    var builder =
        new JcaX509v3CertificateBuilder(
            NAME, BigInteger.TWO, Date.from(NOW), Date.from(SOON), NAME, keys.getPublic());
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(true));
    if (identified) {
      builder.addExtension(
          Extension.subjectKeyIdentifier,
          false,
          new SubjectKeyIdentifier("number one".getBytes(US_ASCII)));
    }
    return new JcaX509CertificateConverter()
        .getCertificate(
            builder.build(new JcaContentSignerBuilder("SHA256withECDSA").build(keys.getPrivate())));
  }

  private static SigningAuthority read(X509Certificate authority, KeyPair keys) throws Exception {
    return SigningAuthority.read(TestCa.pem(authority), new Secret(TestCa.pem(keys.getPrivate())));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void issuerIsTheAuthoritysNameToTheByte(boolean identified) throws Exception {
    var keys = TestCa.newKey();
    var authority = made(keys, identified);

    var leaf = read(authority, keys).certify("gateway", TestCa.newKey().getPublic(), NOW, SOON);

    leaf.verify(keys.getPublic());
    assertThat(leaf.getIssuerX500Principal().getEncoded())
        .isEqualTo(authority.getSubjectX500Principal().getEncoded());
  }

  @Test
  void authorityIsIdentifiedAsItSaysItself() throws Exception {
    var keys = TestCa.newKey();

    var leaf =
        read(made(keys, true), keys).certify("gateway", TestCa.newKey().getPublic(), NOW, SOON);

    assertThat(leaf.getExtensionValue(Extension.authorityKeyIdentifier.getId()))
        .asString(US_ASCII)
        .endsWith("number one");
  }
}
