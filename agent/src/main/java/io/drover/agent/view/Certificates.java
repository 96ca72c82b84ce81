package io.drover.agent.view;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.view.Facts.SeenCertificate;
import java.io.ByteArrayInputStream;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;

/** Certificates as their ends. What cannot be read is left out: it is not ours to judge. */
public final class Certificates {
  private Certificates() {}

  /**
   * Those in a text.
   *
   * @param source where it was seen, for people
   */
  public static List<SeenCertificate> of(String source, String pem) {
    if (pem.isBlank()) {
      return List.of();
    }
    try {
      return CertificateFactory.getInstance("X.509")
          .generateCertificates(new ByteArrayInputStream(pem.getBytes(US_ASCII)))
          .stream()
          .map(certificate -> of(source, (X509Certificate) certificate))
          .toList();
    } catch (CertificateException _) {
      return List.of();
    }
  }

  /** One. */
  public static SeenCertificate of(String source, X509Certificate certificate) {
    return new SeenCertificate(
        source,
        certificate.getSubjectX500Principal().getName(),
        certificate.getNotAfter().toInstant());
  }
}
