package io.drover.agent.tls;

import io.drover.agent.reason.Reason;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Says which certificate of a server is wrong and what to do about it, in one sentence. Source: the
 * stock agent's certificate checks in {@code cmd/agent/main.go}.
 */
final class TlsDiagnosis {
  private static final int SAN_DNS = 2;
  private static final int SAN_IP = 7;

  private TlsDiagnosis() {}

  /** How a URI of the issuer's certificate is announced in the certificate. */
  private static final String AUTHORITY_INFO_ACCESS = "1.3.6.1.5.5.7.1.1";

  /**
   * The most specific explanation of a refusal.
   *
   * @param chain what the server sent, its own certificate first
   * @param host the name or address that was wanted
   * @param authorities who is trusted
   * @param failure what the JDK said
   */
  static CertificateRefused explain(
      List<X509Certificate> chain,
      String host,
      Collection<X509Certificate> authorities,
      CertificateException failure,
      Instant now) {
    for (int i = 0; i < chain.size(); i++) {
      X509Certificate certificate = chain.get(i);
      if (certificate.getNotAfter().toInstant().isBefore(now)) {
        return refused(
            Reason.TLS_EXPIRED,
            "%s expired at %s: renew it, or correct this node's clock (%s)"
                .formatted(name(chain, i), certificate.getNotAfter().toInstant(), now),
            chain,
            failure);
      }
      if (certificate.getNotBefore().toInstant().isAfter(now)) {
        return refused(
            Reason.TLS_NOT_YET_VALID,
            "%s is not valid before %s: correct this node's clock (%s)"
                .formatted(name(chain, i), certificate.getNotBefore().toInstant(), now),
            chain,
            failure);
      }
    }
    if (!isPathProblem(failure)) {
      return isAboutTheName(failure)
          ? refused(
              Reason.TLS_WRONG_NAME,
              "%s is for %s, not for '%s': add that name to its Subject Alternative Names, or use one"
                      .formatted(name(chain, 0), names(chain.getFirst()), host)
                  + " of them in the server's URL",
              chain,
              failure)
          : refused(
              Reason.TLS_FAILED,
              "%s is refused: %s".formatted(name(chain, 0), root(failure)),
              chain,
              failure);
    }
    for (int i = 1; i < chain.size(); i++) {
      if (!chain
          .get(i - 1)
          .getIssuerX500Principal()
          .equals(chain.get(i).getSubjectX500Principal())) {
        return refused(
            Reason.TLS_INCOMPLETE_CHAIN,
            "%s did not sign the one before it (issuer %s): send the server's certificate first,"
                    .formatted(name(chain, i), chain.get(i - 1).getIssuerX500Principal())
                + " then its intermediates in order",
            chain,
            failure);
      }
    }
    X509Certificate last = chain.getLast();
    boolean known =
        authorities.stream()
            .anyMatch(ca -> ca.getSubjectX500Principal().equals(last.getIssuerX500Principal()));
    if (known) {
      return refused(
          Reason.TLS_CA_REPLACED,
          "%s names a CA that is trusted (%s), but was not signed by its key: the CA was replaced,"
                  .formatted(name(chain, chain.size() - 1), last.getIssuerX500Principal())
              + " so update Rancher's 'cacerts' setting and apply the manifest again ("
              + root(failure)
              + ")",
          chain,
          failure);
    }
    return refused(
        stopsBelowItsRoot(chain) ? Reason.TLS_INCOMPLETE_CHAIN : Reason.TLS_UNKNOWN_ISSUER,
        "%s is signed by '%s', which is not trusted here: let the server send all intermediate"
                .formatted(name(chain, chain.size() - 1), last.getIssuerX500Principal())
            + " certificates, or put that CA into Rancher's 'cacerts' setting and apply the"
            + " manifest again",
        chain,
        failure);
  }

  private static CertificateRefused refused(
      Reason reason, String message, List<X509Certificate> chain, CertificateException failure) {
    return new CertificateRefused(reason, message, ChainLink.all(chain), failure);
  }

  /**
   * Whether an intermediate is missing rather than trust in a root. Both look alike from here but
   * for one sign: certificates that say where their issuer's is to be had are those of CAs with
   * intermediates, and those are to be sent along.
   */
  private static boolean stopsBelowItsRoot(List<X509Certificate> chain) {
    var last = chain.getLast();
    return chain.size() == 1
        && !last.getIssuerX500Principal().equals(last.getSubjectX500Principal())
        && last.getExtensionValue(AUTHORITY_INFO_ACCESS) != null;
  }

  private static String name(List<X509Certificate> chain, int index) {
    return "certificate #%d of %d (subject %s)"
        .formatted(index + 1, chain.size(), chain.get(index).getSubjectX500Principal());
  }

  private static boolean isPathProblem(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertPathBuilderException
          || cause instanceof CertPathValidatorException) {
        return true;
      }
    }
    return false;
  }

  /**
   * What the JDK has against a certificate itself, its use for one, it says by a subclass, and what
   * it has against the name by none. Source: {@code sun.security.util.HostnameChecker} and {@code
   * sun.security.validator}.
   */
  private static boolean isAboutTheName(CertificateException failure) {
    return failure.getClass() == CertificateException.class;
  }

  private static String root(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    return String.valueOf(cause.getMessage());
  }

  static String names(X509Certificate certificate) {
    try {
      var names = certificate.getSubjectAlternativeNames();
      String text =
          names == null
              ? ""
              : names.stream()
                  .filter(name -> name.get(0).equals(SAN_DNS) || name.get(0).equals(SAN_IP))
                  .map(name -> String.valueOf(name.get(1)))
                  .collect(Collectors.joining(", "));
      return text.isEmpty() ? "no DNS name or IP address" : text;
    } catch (CertificateParsingException e) {
      return "unreadable names";
    }
  }
}
