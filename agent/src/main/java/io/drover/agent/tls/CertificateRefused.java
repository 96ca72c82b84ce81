package io.drover.agent.tls;

import io.drover.agent.reason.Explained;
import io.drover.agent.reason.Reason;
import java.security.cert.CertificateException;

/** A server's certificate is not accepted; the message says which one and what to do. */
final class CertificateRefused extends CertificateException implements Explained {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  CertificateRefused(Reason reason, String message, CertificateException cause) {
    super(message, cause);
    this.reason = reason;
  }

  @Override
  public Reason reason() {
    return reason;
  }
}
