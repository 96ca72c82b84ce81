package io.drover.agent.tls;

import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.List;

/**
 * A certificate as a server sent it, in words.
 *
 * @param names DNS names and IP addresses that it is for, separated by commas
 */
public record ChainLink(
    String subject, String issuer, String names, Instant notBefore, Instant notAfter) {

  static List<ChainLink> all(List<X509Certificate> chain) {
    return chain.stream()
        .map(
            certificate ->
                new ChainLink(
                    certificate.getSubjectX500Principal().getName(),
                    certificate.getIssuerX500Principal().getName(),
                    TlsDiagnosis.names(certificate),
                    certificate.getNotBefore().toInstant(),
                    certificate.getNotAfter().toInstant()))
        .toList();
  }

  /** Whether it vouches for itself, as roots do. */
  public boolean isSelfSigned() {
    return subject.equals(issuer);
  }
}
