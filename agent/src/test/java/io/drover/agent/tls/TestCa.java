package io.drover.agent.tls;

import java.io.IOException;
import java.io.StringWriter;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.stream.Stream;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedKeyManager;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.sec.ECPrivateKey;
import org.bouncycastle.asn1.sec.SECObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.util.io.pem.PemObject;
import org.jspecify.annotations.Nullable;

/** A certificate authority for tests: a root, intermediates below it, and servers. */
public final class TestCa {
  private static final ASN1ObjectIdentifier CURVE = SECObjectIdentifiers.secp256r1;
  private static final Duration YEAR = Duration.ofDays(365);

  /** A certificate with its key and the certificates up to, not including, its root. */
  public record Identity(KeyPair key, List<X509Certificate> chain) {

    /** For a server that presents this, however wrong it is. */
    public SSLContext server() throws GeneralSecurityException {
      var context = SSLContext.getInstance("TLS");
      context.init(new KeyManager[] {new OneKey(this)}, null, null);
      return context;
    }
  }

  /** A key store would refuse chains that do not fit. */
  private static final class OneKey extends X509ExtendedKeyManager {
    private static final String ALIAS = "server";
    private final Identity identity;

    OneKey(Identity identity) {
      this.identity = identity;
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
      return new String[] {ALIAS};
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
      return keyType.equals("EC") ? ALIAS : null;
    }

    @Override
    public @Nullable String chooseEngineServerAlias(
        String keyType, Principal[] issuers, SSLEngine engine) {
      return keyType.equals("EC") ? ALIAS : null;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return identity.chain().toArray(X509Certificate[]::new);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return identity.key().getPrivate();
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
      return new String[0];
    }

    @Override
    public @Nullable String chooseClientAlias(
        String[] keyTypes, Principal[] issuers, Socket socket) {
      return null;
    }
  }

  private final KeyPair key;
  private final X509Certificate certificate;
  private final List<X509Certificate> above;

  private TestCa(KeyPair key, X509Certificate certificate, List<X509Certificate> above) {
    this.key = key;
    this.certificate = certificate;
    this.above = above;
  }

  /** A self-signed root. */
  public static TestCa root(String name) throws Exception {
    KeyPair key = newKey();
    var subject = new X500Name("CN=" + name);
    Instant now = Instant.now();
    return new TestCa(
        key,
        sign(subject, key, subject, key, true, List.of(), now.minus(YEAR), now.plus(YEAR)),
        List.of());
  }

  public TestCa intermediate(String name) throws Exception {
    KeyPair child = newKey();
    Instant now = Instant.now();
    var issued =
        sign(
            new X500Name(certificate.getSubjectX500Principal().getName()),
            key,
            new X500Name("CN=" + name),
            child,
            true,
            List.of(),
            now.minus(YEAR),
            now.plus(YEAR));
    return new TestCa(child, issued, Stream.concat(Stream.of(issued), above.stream()).toList());
  }

  /** A server's certificate for these names and addresses, valid now. */
  public Identity issue(String... names) throws Exception {
    Instant now = Instant.now();
    return issue(now.minus(YEAR), now.plus(YEAR), names);
  }

  /** The same, valid at another time. */
  public Identity issue(Instant from, Instant to, String... names) throws Exception {
    KeyPair child = newKey();
    return identity(child, certify("server", child, from, to, names));
  }

  /** For a server that has a key already. */
  X509Certificate certify(KeyPair server, String... names) throws Exception {
    Instant now = Instant.now();
    return certify("server", server, now.minus(YEAR), now.plus(YEAR), names);
  }

  /** With a certificate that says that it is not for servers. */
  Identity issueForClients(String... names) throws Exception {
    KeyPair child = newKey();
    Instant now = Instant.now();
    var use = new ExtendedKeyUsage(KeyPurposeId.id_kp_clientAuth);
    return identity(
        child,
        certify(
            "client",
            child,
            now.minus(YEAR),
            now.plus(YEAR),
            names,
            Extension.create(Extension.extendedKeyUsage, false, use)));
  }

  private Identity identity(KeyPair child, X509Certificate issued) {
    return new Identity(child, Stream.concat(Stream.of(issued), above.stream()).toList());
  }

  private X509Certificate certify(
      String name, KeyPair of, Instant from, Instant to, String[] names, Extension... more)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    return sign(
        new X500Name(certificate.getSubjectX500Principal().getName()),
        key,
        new X500Name("CN=" + name),
        of,
        false,
        List.of(names),
        from,
        to,
        more);
  }

  public X509Certificate certificate() {
    return certificate;
  }

  /** The CA's certificate. */
  public String pem() throws IOException {
    return pem(certificate);
  }

  public static String pem(X509Certificate certificate) throws IOException {
    var text = new StringWriter();
    try (var pem = new JcaPEMWriter(text)) {
      pem.writeObject(certificate);
    }
    return text.toString();
  }

  /** In the form that kubeconfigs hold (SEC 1, with the curve). */
  public static String pem(PrivateKey key) throws IOException {
    var sec1 = new ECPrivateKey(256, ((java.security.interfaces.ECPrivateKey) key).getS(), CURVE);
    var text = new StringWriter();
    try (var pem = new JcaPEMWriter(text)) {
      pem.writeObject(new PemObject("EC PRIVATE KEY", sec1.getEncoded()));
    }
    return text.toString();
  }

  /** Trusts this CA and nobody else. */
  SSLContext trust() {
    return new CertificateAuthorities(List.of(certificate)).context();
  }

  static KeyPair newKey() throws GeneralSecurityException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static X509Certificate sign(
      X500Name issuer,
      KeyPair issuerKey,
      X500Name subject,
      KeyPair subjectKey,
      boolean authority,
      List<String> names,
      Instant from,
      Instant to,
      Extension... more)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    var builder =
        new JcaX509v3CertificateBuilder(
            issuer,
            new BigInteger(64, new SecureRandom()),
            Date.from(from),
            Date.from(to),
            subject,
            subjectKey.getPublic());
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(authority));
    if (!names.isEmpty()) {
      var general = new ArrayList<GeneralName>();
      for (String name : names) {
        general.add(
            new GeneralName(isAddress(name) ? GeneralName.iPAddress : GeneralName.dNSName, name));
      }
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(general.toArray(GeneralName[]::new)));
    }
    for (var extension : more) {
      builder.addExtension(extension);
    }
    var signer = new JcaContentSignerBuilder("SHA256withECDSA").build(issuerKey.getPrivate());
    return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
  }

  private static boolean isAddress(String name) {
    try {
      InetAddress.ofLiteral(name);
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }
}
