package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.time.Instant;
import java.util.Base64;
import java.util.Date;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AuthorityKeyIdentifier;
import org.bouncycastle.asn1.x509.BasicConstraints;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.asn1.x509.KeyUsage;
import org.bouncycastle.asn1.x509.SubjectKeyIdentifier;
import org.bouncycastle.cert.X509v3CertificateBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cert.jcajce.JcaX509v3CertificateBuilder;
import org.bouncycastle.operator.OperatorCreationException;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;

/** A certificate authority of our own, with its key: EC on P-256. Any thread. */
public final class SigningAuthority {
  private static final String SIGNATURE = "SHA256withECDSA";
  private static final int SERIAL_BITS = 127;
  private static final int LINE = 64;

  private final X509Certificate certificate;
  private final PrivateKey key;

  private SigningAuthority(X509Certificate certificate, PrivateKey key) {
    this.certificate = certificate;
    this.key = key;
  }

  /**
   * Makes one that signs servers' certificates only, and no other authority's.
   *
   * @param name its common name
   */
  public static SigningAuthority make(String name, Instant from, Instant to) {
    try {
      var keys = newKeys();
      var issuer = new X500Name("CN=" + name);
      var made =
          sign(
              builder(issuer, issuer, keys.getPublic(), from, to)
                  .addExtension(Extension.basicConstraints, true, new BasicConstraints(0))
                  .addExtension(
                      Extension.keyUsage,
                      true,
                      new KeyUsage(KeyUsage.keyCertSign | KeyUsage.cRLSign)),
              keys.getPrivate());
      return new SigningAuthority(made, keys.getPrivate());
    } catch (GeneralSecurityException | IOException | OperatorCreationException e) {
      throw new IllegalStateException("no certificate authority can be made", e);
    }
  }

  /**
   * Reads what {@link #certificate} and {@link #key} gave.
   *
   * @throws Failure if one of both is missing or broken, or they do not belong together
   */
  public static SigningAuthority read(String certificate, Secret key) throws Failure {
    var found = CertificateAuthorities.ofPem(certificate).certificates();
    if (found.size() != 1) {
      throw new Failure(
          Reason.CERTIFICATE_UNUSABLE,
          "there is not one certificate, but %d of them".formatted(found.size()));
    }
    var read = new SigningAuthority(found.getFirst(), PrivateKeyPem.read(key, new Secret("")));
    if (!read.belongsTogether()) {
      throw new Failure(Reason.CERTIFICATE_UNUSABLE, "the key is not the certificate's");
    }
    return read;
  }

  private boolean belongsTogether() {
    try {
      var signing = Signature.getInstance(SIGNATURE);
      byte[] text = "a signature to try".getBytes(US_ASCII);
      signing.initSign(key);
      signing.update(text);
      byte[] signed = signing.sign();
      signing.initVerify(certificate.getPublicKey());
      signing.update(text);
      return signing.verify(signed);
    } catch (GeneralSecurityException _) {
      return false;
    }
  }

  /** As PEM. */
  public String certificate() {
    try {
      return pem("CERTIFICATE", certificate.getEncoded());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** As PEM, in PKCS #8. */
  public Secret key() {
    return new Secret(pem("PRIVATE KEY", key.getEncoded()));
  }

  private static String pem(String type, byte[] der) {
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n"
        .formatted(type, Base64.getMimeEncoder(LINE, new byte[] {'\n'}).encodeToString(der), type);
  }

  /** When it begins. */
  public Instant begin() {
    return certificate.getNotBefore().toInstant();
  }

  /** When it ends. */
  public Instant end() {
    return certificate.getNotAfter().toInstant();
  }

  /**
   * What a server of that name presents: a new key, which never leaves this process, and a
   * certificate for it.
   *
   * @param to no later than {@link #end}
   */
  public SSLContext serve(String host, Instant from, Instant to) {
    try {
      var keys = newKeys();
      return ServerCertificate.context(
          List.of(certify(host, keys.getPublic(), from, to)), keys.getPrivate());
    } catch (GeneralSecurityException | IOException | OperatorCreationException e) {
      throw new IllegalStateException("no certificate can be made for " + host, e);
    }
  }

  X509Certificate certify(String host, PublicKey subject, Instant from, Instant to)
      throws GeneralSecurityException, IOException, OperatorCreationException {
    // To the byte: Go's clients look for the issuer by the bytes of its name.
    var issuer = X500Name.getInstance(certificate.getSubjectX500Principal().getEncoded());
    return sign(
        builder(issuer, new X500Name("CN=" + host), subject, from, to)
            .addExtension(Extension.basicConstraints, true, new BasicConstraints(false))
            .addExtension(Extension.keyUsage, true, new KeyUsage(KeyUsage.digitalSignature))
            .addExtension(
                Extension.extendedKeyUsage,
                false,
                new ExtendedKeyUsage(KeyPurposeId.id_kp_serverAuth))
            .addExtension(Extension.authorityKeyIdentifier, false, keyIdentifier())
            .addExtension(
                Extension.subjectAlternativeName,
                false,
                new GeneralNames(new GeneralName(GeneralName.dNSName, host))),
        key);
  }

  /** As it says itself, or by its key: there are several ways to reckon it. */
  private AuthorityKeyIdentifier keyIdentifier() throws GeneralSecurityException, IOException {
    byte[] own = certificate.getExtensionValue(Extension.subjectKeyIdentifier.getId());
    return own == null
        ? new JcaX509ExtensionUtils().createAuthorityKeyIdentifier(certificate.getPublicKey())
        : new AuthorityKeyIdentifier(
            SubjectKeyIdentifier.getInstance(JcaX509ExtensionUtils.parseExtensionValue(own))
                .getKeyIdentifier());
  }

  private static KeyPair newKeys() throws GeneralSecurityException {
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    return generator.generateKeyPair();
  }

  private static JcaX509v3CertificateBuilder builder(
      X500Name issuer, X500Name subject, PublicKey key, Instant from, Instant to)
      throws GeneralSecurityException, IOException {
    var builder =
        new JcaX509v3CertificateBuilder(
            issuer,
            new BigInteger(SERIAL_BITS, new SecureRandom()),
            Date.from(from),
            Date.from(to),
            subject,
            key);
    builder.addExtension(
        Extension.subjectKeyIdentifier,
        false,
        new JcaX509ExtensionUtils().createSubjectKeyIdentifier(key));
    return builder;
  }

  private static X509Certificate sign(X509v3CertificateBuilder builder, PrivateKey issuer)
      throws GeneralSecurityException, OperatorCreationException {
    return new JcaX509CertificateConverter()
        .getCertificate(builder.build(new JcaContentSignerBuilder(SIGNATURE).build(issuer)));
  }
}
