package io.drover.agent.view;

import io.drover.agent.config.ReportConfig.Trial;
import java.util.List;
import java.util.Set;

/**
 * What is asked of the cluster beside lists.
 *
 * @param namespace of the agent, where it may create
 * @param counted resources as {@code group/plural}, of which it matters whether there is one
 * @param trials what may be tried out, without effect
 * @param apiServerCertificates that a connection to the API server shows
 */
public record SurveyConfig(
    String namespace,
    Set<String> counted,
    Set<Trial> trials,
    CertificateSource apiServerCertificates) {
  public SurveyConfig {
    counted = Set.copyOf(counted);
    trials = Set.copyOf(trials);
  }

  /** Certificates that are seen by other ways than the API. Blocks for some seconds at most. */
  public interface CertificateSource {
    List<Facts.SeenCertificate> read();
  }
}
