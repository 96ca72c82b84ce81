package io.drover.server.cert;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.server.store.Store;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Collection;
import java.util.Date;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/**
 * A certificate authority of our own and the server's certificate under it, as four PEM files. The
 * authority is made once; the certificate again whenever a name is added or its end is near.
 */
public final class ServerCertificate {
  /** How long the authority lasts. */
  static final Duration AUTHORITY_LIFE = Duration.ofDays(3650);

  /** How long the certificate lasts. */
  static final Duration CERTIFICATE_LIFE = Duration.ofDays(365);

  /** The rest of its life at which a certificate is made anew, at the next start. */
  static final Duration RENEW_BEFORE = Duration.ofDays(90);

  private static final String SIGNATURE = "SHA256withECDSA";
  private static final Duration CLOCK_SKEW = Duration.ofHours(1);

  private final X509Certificate authority;
  private final X509Certificate certificate;
  private final PrivateKey key;

  private ServerCertificate(
      X509Certificate authority, X509Certificate certificate, PrivateKey key) {
    this.authority = authority;
    this.certificate = certificate;
    this.key = key;
  }

  /**
   * Reads what is kept in {@code directory}, making what is missing.
   *
   * @param names host names and addresses that clients use
   */
  public static ServerCertificate open(Path directory, Collection<String> names)
      throws IOException, GeneralSecurityException {
    var authorityFile = directory.resolve("ca.pem");
    var authorityKeyFile = directory.resolve("ca.key");
    if (!Files.exists(authorityFile) || !Files.exists(authorityKeyFile)) {
      var keys = newKeys();
      var made =
          sign("CN=drover-ca", keys.getPublic(), "CN=drover-ca", keys.getPrivate(), Set.of(), true);
      PemFiles.write(authorityKeyFile, keys.getPrivate());
      PemFiles.write(authorityFile, made);
    }
    var authority = PemFiles.certificate(authorityFile);
    var wanted = new TreeSet<>(names);
    var file = directory.resolve("server.pem");
    var keyFile = directory.resolve("server.key");
    if (!Files.exists(file) || !Files.exists(keyFile) || !serves(file, authority, wanted)) {
      var keys = newKeys();
      var issuerKey = PemFiles.key(authorityKeyFile);
      PemFiles.write(keyFile, keys.getPrivate());
      PemFiles.write(
          file,
          sign("CN=drover-server", keys.getPublic(), "CN=drover-ca", issuerKey, wanted, false));
    }
    return new ServerCertificate(authority, PemFiles.certificate(file), PemFiles.key(keyFile));
  }

  private static boolean serves(Path file, X509Certificate authority, Set<String> wanted)
      throws IOException, GeneralSecurityException {
    var old = PemFiles.certificate(file);
    old.verify(authority.getPublicKey());
    var names =
        Objects.requireNonNullElse(old.getSubjectAlternativeNames(), Set.<List<?>>of()).stream()
            .map(name -> String.valueOf(name.get(1)))
            .collect(Collectors.toSet());
    return wanted.stream().map(ServerCertificate::canonical).allMatch(names::contains)
        && old.getNotAfter().toInstant().isAfter(Instant.now().plus(RENEW_BEFORE));
  }

  /** As the JDK prints an alternative name: an IPv6 address in full. */
  private static String canonical(String name) {
    return name.contains(":") ? Addresses.fullIpv6(name) : name;
  }

  private static KeyPair newKeys() throws GeneralSecurityException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static X509Certificate sign(
      String subject,
      PublicKey subjectKey,
      String issuer,
      PrivateKey issuerKey,
      Set<String> names,
      boolean isAuthority)
      throws GeneralSecurityException, IOException {
    var now = Instant.now();
    var builder =
        new JcaX509v3CertificateBuilder(
            new X500Name(issuer),
            new BigInteger(127, new SecureRandom()),
            Date.from(now.minus(CLOCK_SKEW)),
            Date.from(now.plus(isAuthority ? AUTHORITY_LIFE : CERTIFICATE_LIFE)),
            new X500Name(subject),
            subjectKey);
    var extensions = new JcaX509ExtensionUtils();
    builder.addExtension(Extension.basicConstraints, true, new BasicConstraints(isAuthority));
    builder.addExtension(
        Extension.subjectKeyIdentifier, false, extensions.createSubjectKeyIdentifier(subjectKey));
    builder.addExtension(
        Extension.keyUsage,
        true,
        new KeyUsage(
            isAuthority ? KeyUsage.keyCertSign | KeyUsage.cRLSign : KeyUsage.digitalSignature));
    if (!isAuthority) {
      builder.addExtension(
          Extension.extendedKeyUsage, false, new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth));
      builder.addExtension(
          Extension.subjectAlternativeName,
          false,
          new GeneralNames(
              names.stream().map(ServerCertificate::generalName).toArray(GeneralName[]::new)));
    }
    try {
      var signer = new JcaContentSignerBuilder(SIGNATURE).build(issuerKey);
      return new JcaX509CertificateConverter().getCertificate(builder.build(signer));
    } catch (OperatorCreationException e) {
      throw new GeneralSecurityException(e);
    }
  }

  private static GeneralName generalName(String name) {
    return new GeneralName(
        Addresses.isAddress(name) ? GeneralName.iPAddress : GeneralName.dNSName, name);
  }

  /** The authority as PEM, without a newline at the end, as Rancher's setting holds it. */
  public String authorityPem() {
    return PemFiles.pem(authority).stripTrailing();
  }

  /** What an agent compares: SHA-256 of the PEM and one newline, in hex. Source: run.sh. */
  public String checksum() {
    try {
      var digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest((authorityPem() + "\n").getBytes(UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e); // every JDK has SHA-256
    }
  }

  /** Key and chain, for a TLS server; the only entry, without a password. */
  public KeyStore keyStore() throws GeneralSecurityException, IOException {
    var store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry("server", key, new char[0], new Certificate[] {certificate, authority});
    return store;
  }

  /** Reads and writes PEM files; those with keys are for the owner only. */
  private static final class PemFiles {
    static String pem(Certificate certificate) {
      try {
        return pem("CERTIFICATE", certificate.getEncoded());
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    static void write(Path file, Certificate certificate) throws IOException {
      Files.writeString(file, pem(certificate));
    }

    static void write(Path file, PrivateKey key) throws IOException {
      Store.write(file, pem("PRIVATE KEY", key.getEncoded()));
    }

    static X509Certificate certificate(Path file) throws IOException, GeneralSecurityException {
      return (X509Certificate)
          CertificateFactory.getInstance("X.509")
              .generateCertificate(new ByteArrayInputStream(Files.readAllBytes(file)));
    }

    static PrivateKey key(Path file) throws IOException, GeneralSecurityException {
      var base64 = Files.readString(file).replaceAll("-----[A-Z ]+-----|\\s", "");
      return KeyFactory.getInstance("EC")
          .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64)));
    }

    private static String pem(String label, byte[] der) {
      var base64 = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII)).encodeToString(der);
      return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
    }

    private PemFiles() {}
  }
}
