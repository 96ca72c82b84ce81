package io.drover.agent.tls;

import io.drover.agent.reason.Explained;
import io.drover.agent.reason.Reason;
import java.security.cert.CertificateException;
import java.util.List;

/** A server's certificate is not accepted; the message says which one and what to do. */
public final class CertificateRefused extends CertificateException implements Explained {
  private static final int MAX_CAUSES = 32;
  private static final long serialVersionUID = 1L;

  private final Reason reason;
  private final transient List<ChainLink> chain;

  CertificateRefused(
      Reason reason, String message, List<ChainLink> chain, CertificateException cause) {
    super(message, cause);
    this.reason = reason;
    this.chain = List.copyOf(chain);
  }

  /** What the server sent, if {@code failure} has it that its certificate was refused. */
  public static List<ChainLink> chain(Throwable failure) {
    Throwable cause = failure;
    for (int i = 0; i < MAX_CAUSES && cause != null; i++) {
      if (cause instanceof CertificateRefused refused) {
        return refused.chain;
      }
      cause = cause.getCause();
    }
    return List.of();
  }

  @Override
  public Reason reason() {
    return reason;
  }
}
