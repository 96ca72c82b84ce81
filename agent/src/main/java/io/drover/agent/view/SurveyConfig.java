package io.drover.agent.view;

import io.drover.agent.config.ReportConfig.Trial;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Set;

/**
 * What is asked of the cluster beside lists.
 *
 * @param namespace of the agent, where it may create
 * @param counted resources as {@code group/plural}, of which it matters whether there is one
 * @param trials what may be tried out, without effect
 * @param servingCertificates that a connection to the API server shows
 */
public record SurveyConfig(
    String namespace,
    Set<String> counted,
    Set<Trial> trials,
    CertificateSource servingCertificates) {
  public SurveyConfig {
    counted = Set.copyOf(counted);
    trials = Set.copyOf(trials);
  }

  /** Certificates that are not in the API. Blocks for some seconds at most. */
  public interface CertificateSource {
    /** The API server's own first; empty if they cannot be had. */
    List<X509Certificate> read() throws InterruptedException;
  }
}
