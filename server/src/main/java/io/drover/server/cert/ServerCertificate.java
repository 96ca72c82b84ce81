package io.drover.server.cert;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.server.store.Store;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
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
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
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
import org.bouncycastle.openssl.PEMEncryptedKeyPair;
import org.bouncycastle.openssl.PEMException;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS8EncryptedPrivateKeyInfo;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the server shows who it is with: a certificate of its owner, or one under an authority of
 * our own, as four PEM files. The authority is made once; the certificate again whenever a name is
 * added or its end is near.
 */
public final class ServerCertificate {
  /** How long the authority lasts. */
  static final Duration AUTHORITY_LIFE = Duration.ofDays(3650);

  /** How long the certificate lasts. */
  static final Duration CERTIFICATE_LIFE = Duration.ofDays(365);

  /** The rest of its life at which a certificate is made anew. */
  static final Duration RENEW_BEFORE = Duration.ofDays(90);

  private static final Logger log = LoggerFactory.getLogger(ServerCertificate.class);
  private static final String SIGNATURE = "SHA256withECDSA";
  private static final Duration CLOCK_SKEW = Duration.ofHours(1);

  private final String authorityPem;
  private final List<X509Certificate> chain;
  private final PrivateKey key;

  private ServerCertificate(String authorityPem, List<X509Certificate> chain, PrivateKey key) {
    this.authorityPem = authorityPem;
    this.chain = List.copyOf(chain);
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
    return renew(directory, names);
  }

  /**
   * As {@link #open}, but for a server that runs: agents trust its authority, and another one would
   * lock them out.
   *
   * @throws IOException if the authority is not there any more
   */
  public static ServerCertificate renew(Path directory, Collection<String> names)
      throws IOException, GeneralSecurityException {
    var authority = PemFiles.certificate(directory.resolve("ca.pem"));
    var wanted = new TreeSet<>(names);
    var file = directory.resolve("server.pem");
    var keyFile = directory.resolve("server.key");
    if (!Files.exists(file)
        || !Files.exists(keyFile)
        || !serves(file, keyFile, authority, wanted)) {
      var keys = newKeys();
      var issuerKey = PemFiles.key(directory.resolve("ca.key"));
      PemFiles.write(keyFile, keys.getPrivate());
      PemFiles.write(
          file,
          sign("CN=drover-server", keys.getPublic(), "CN=drover-ca", issuerKey, wanted, false));
    }
    return new ServerCertificate(
        PemFiles.pem(authority).stripTrailing(),
        List.of(PemFiles.certificate(file), authority),
        PemFiles.key(keyFile));
  }

  /**
   * One that the server's owner has got elsewhere.
   *
   * @param files where it is
   * @throws IOException naming the file and what is wrong with it
   */
  public static ServerCertificate read(CertificateFiles files) throws IOException {
    var chain = PemFiles.certificates(files.chain());
    var key = PemFiles.key(files.key());
    for (int i = 0; i + 1 < chain.size(); i++) {
      try {
        chain.get(i).verify(chain.get(i + 1).getPublicKey());
      } catch (GeneralSecurityException e) {
        throw new IOException(
            "%s: certificate %d is not signed by certificate %d: write the server's first, then each signer"
                .formatted(files.chain(), i + 1, i + 2),
            e);
      }
    }
    try {
      chain.getFirst().checkValidity();
    } catch (CertificateException e) {
      throw new IOException(files.chain() + ": not valid now: " + e.getMessage(), e);
    }
    if (!belongs(key, chain.getFirst().getPublicKey())) {
      throw new IOException(files.key() + ": not the key of the certificate in " + files.chain());
    }
    var authorities = new StringBuilder();
    if (files.authorities().isPresent()) {
      PemFiles.certificates(files.authorities().get())
          .forEach(one -> authorities.append(PemFiles.pem(one)));
    }
    return new ServerCertificate(authorities.toString().stripTrailing(), chain, key);
  }

  /** Whether what one signs the other one verifies. */
  private static boolean belongs(PrivateKey key, PublicKey certified) {
    var algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> SIGNATURE;
          default -> key.getAlgorithm();
        };
    try {
      byte[] anything = new byte[32];
      var signature = Signature.getInstance(algorithm);
      signature.initSign(key);
      signature.update(anything);
      byte[] signed = signature.sign();
      signature.initVerify(certified);
      signature.update(anything);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false; // of another kind
    }
  }

  /** Whether what is there will do; not if a kill or another authority made it useless. */
  private static boolean serves(
      Path file, Path keyFile, X509Certificate authority, Set<String> wanted) {
    try {
      var old = PemFiles.certificate(file);
      old.verify(authority.getPublicKey());
      var names =
          Objects.requireNonNullElse(old.getSubjectAlternativeNames(), Set.<List<?>>of()).stream()
              .map(name -> String.valueOf(name.get(1)))
              .collect(Collectors.toSet());
      return wanted.stream().map(ServerCertificate::canonical).allMatch(names::contains)
          && old.getNotAfter().toInstant().isAfter(Instant.now().plus(RENEW_BEFORE))
          && belongs(PemFiles.key(keyFile), old.getPublicKey());
    } catch (IOException | GeneralSecurityException e) {
      log.warn("certificate made anew: file={} reason={}", file, e.toString());
      return false;
    }
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

  /**
   * Who vouches for it, as PEM without a newline at the end, as Rancher's setting holds it; empty:
   * an authority that everybody knows.
   */
  public String authorityPem() {
    return authorityPem;
  }

  /** The certificate itself, as PEM with a newline at the end. */
  public String pem() {
    return PemFiles.pem(chain.getFirst());
  }

  /** Until when it is good. */
  public Instant end() {
    return chain.getFirst().getNotAfter().toInstant();
  }

  /**
   * What an agent compares: SHA-256 of the PEM and one newline, in hex; empty if there is no PEM.
   * Source: run.sh.
   */
  public String checksum() {
    if (authorityPem.isEmpty()) {
      return "";
    }
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
    store.setKeyEntry("server", key, new char[0], chain.toArray(Certificate[]::new));
    return store;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof ServerCertificate that
        && chain.equals(that.chain)
        && key.equals(that.key)
        && authorityPem.equals(that.authorityPem);
  }

  @Override
  public int hashCode() {
    return chain.hashCode();
  }

  /** Reads and writes PEM files, each as a whole; what is written is for the owner only. */
  private static final class PemFiles {
    static String pem(Certificate certificate) {
      try {
        return pem("CERTIFICATE", certificate.getEncoded());
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    static void write(Path file, Certificate certificate) throws IOException {
      Store.write(file, pem(certificate));
    }

    static void write(Path file, PrivateKey key) throws IOException {
      Store.write(file, pem("PRIVATE KEY", key.getEncoded()));
    }

    static X509Certificate certificate(Path file) throws IOException {
      return certificates(file).getFirst();
    }

    static List<X509Certificate> certificates(Path file) throws IOException {
      try (var in = Files.newInputStream(file)) {
        var found =
            CertificateFactory.getInstance("X.509").generateCertificates(in).stream()
                .map(X509Certificate.class::cast)
                .toList();
        if (found.isEmpty()) {
          throw new IOException(file + ": no certificate in it");
        }
        return found;
      } catch (NoSuchFileException e) {
        throw new IOException(file + ": no such file", e);
      } catch (CertificateException e) {
        throw new IOException(file + ": not certificates in PEM: " + e.getMessage(), e);
      }
    }

    /** PKCS#8, and what OpenSSL writes by itself: PKCS#1 and SEC 1. */
    static PrivateKey key(Path file) throws IOException {
      try (var parser = new PEMParser(Files.newBufferedReader(file))) {
        for (var found = next(parser, file); found != null; found = next(parser, file)) {
          switch (found) {
            case PrivateKeyInfo info -> {
              return new JcaPEMKeyConverter().getPrivateKey(info);
            }
            case PEMKeyPair pair -> {
              return new JcaPEMKeyConverter().getPrivateKey(pair.getPrivateKeyInfo());
            }
            case PEMEncryptedKeyPair _, PKCS8EncryptedPrivateKeyInfo _ ->
                throw new IOException(file + ": the key has a password: write it without one");
            default -> {} // the parameters of a curve
          }
        }
        throw new IOException(file + ": no private key in PEM in it");
      } catch (NoSuchFileException e) {
        throw new IOException(file + ": no such file", e);
      } catch (PEMException e) {
        throw new IOException(file + ": not a private key in PEM: " + e.getMessage(), e);
      }
    }

    /** What comes next in it; null: nothing. */
    private static @Nullable Object next(PEMParser parser, Path file) throws IOException {
      try {
        return parser.readObject();
      } catch (IOException e) {
        throw new IOException(file + ": not a private key in PEM: " + e.getMessage(), e);
      }
    }

    private static String pem(String label, byte[] der) {
      var base64 = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII)).encodeToString(der);
      return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
    }

    private PemFiles() {}
  }
}
