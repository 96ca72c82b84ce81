package io.drover.agent.view;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.view.Facts.SeenCertificate;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Base64;
import java.util.Comparator;
import java.util.Optional;

/** Certificates as their ends. What cannot be read is left out: it is not ours to judge. */
final class Certificates {
  private Certificates() {}

  /**
   * The one of a bundle that ends last: the others may have been replaced by it, and end unheeded.
   * Empty if there is none.
   *
   * @param source where it was seen, for people
   */
  static Optional<SeenCertificate> ofBundle(String source, String pem) {
    try {
      return CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(pem.getBytes(US_ASCII)))
          .stream()
          .map(certificate -> of(source, (X509Certificate) certificate))
          .max(Comparator.comparing(SeenCertificate::notAfter));
    } catch (CertificateException _) {
      return Optional.empty();
    }
  }

  /** The same of PEM in base64, as objects of the API have it. */
  static Optional<SeenCertificate> ofEncoded(String source, String base64) {
    try {
      return ofBundle(source, new String(Base64.getDecoder().decode(base64), US_ASCII));
    } catch (IllegalArgumentException _) {
      return Optional.empty();
    }
  }

  /** A single one. */
  static SeenCertificate of(String source, X509Certificate certificate) {
    return new SeenCertificate(
        source,
        certificate.getSubjectX500Principal().getName(),
        certificate.getNotAfter().toInstant());
  }
}
