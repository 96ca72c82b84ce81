package io.drover.agent.view;

import java.util.List;
import java.util.Set;

/**
 * What is asked of the cluster beside lists.
 *
 * @param namespace of the agent, where it may create
 * @param counted resources as {@code group/plural}, of which it matters whether there is one
 * @param trials whether changes are tried that take no effect: a taint, a namespace's label
 * @param nodePortTrial whether a Service is tried that the API server must refuse
 * @param apiServerCertificates that a connection to the API server shows
 */
public record SurveyConfig(
    String namespace,
    Set<String> counted,
    boolean trials,
    boolean nodePortTrial,
    CertificateSource apiServerCertificates) {
  public SurveyConfig {
    counted = Set.copyOf(counted);
  }

  /** Certificates by PEM, by where they were seen. Blocks for some seconds at most. */
  public interface CertificateSource {
    List<List<Facts.SeenCertificate>> read();
  }
}
