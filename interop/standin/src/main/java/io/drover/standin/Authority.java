package io.drover.standin;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.stream.Stream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A certificate authority of this run, and the server certificate under it. */
final class Authority {
  private static final Duration LIFE = Duration.ofDays(365);
  private static final X500Name NAME = new X500Name("CN=drover-standin-ca");

  private final X509Certificate certificate;
  private final SSLContext serverContext;

  Authority() throws GeneralSecurityException, IOException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    var keys = generator.generateKeyPair();
    certificate = sign(keys, NAME, keys, true);
    var serverKeys = generator.generateKeyPair();
    var server = sign(serverKeys, new X500Name("CN=kube-apiserver"), keys, false);

    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "server", serverKeys.getPrivate(), new char[0], new Certificate[] {server, certificate});
    var keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keyManagers.init(store, new char[0]);
    serverContext = SSLContext.getInstance("TLS");
    serverContext.init(keyManagers.getKeyManagers(), null, null);
  }

  private static X509Certificate sign(
      KeyPair keys, X500Name subject, KeyPair issuer, boolean isAuthority)
      throws GeneralSecurityException, IOException {
    var now = Instant.now();
    var builder =
        new JcaX509v3CertificateBuilder(
            NAME,
            new BigInteger(127, new SecureRandom()),
            Date.from(now.minus(Duration.ofHours(1))),
            Date.from(now.plus(LIFE)),
            subject,
            keys.getPublic());
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isAuthority));
    builder.addExtension(
        Extension.keyUsage,
        true,
        new KeyUsage(isAuthority ? KeyUsage.keyCertSign : KeyUsage.digitalSignature));
    if (!isAuthority) {
      var names =
          Stream.concat(
              Stream.of("127.0.0.1", "::1", "10.96.0.1")
                  .map(address -> new GeneralName(GeneralName.iPAddress, address)),
              Stream.of("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
                  .map(name -> new GeneralName(GeneralName.dNSName, name)));
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(names.toArray(GeneralName[]::new)));
    }
    try {
      var signer = new JcaContentSignerBuilder("SHA256withECDSA").build(issuer.getPrivate());
      return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
    } catch (OperatorCreationException e) {
      throw new GeneralSecurityException(e);
    }
  }

  SSLContext serverContext() {
    return serverContext;
  }

  /** The authority's certificate. */
  String pem() {
    try {
      var base64 = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII));
      return "-----BEGIN CERTIFICATE-----\n"
          + base64.encodeToString(certificate.getEncoded())
          + "\n-----END CERTIFICATE-----\n";
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // it was encoded when it was signed
    }
  }
}
