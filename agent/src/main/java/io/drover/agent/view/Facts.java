package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Single facts of the cluster.
 *
 * @param at when they were read
 * @param discovery what is served
 * @param version Kubernetes' {@code version.Info}
 * @param readyz,livez the API server's own checks
 * @param counts of the custom resources that load balancers need, by {@code group/plural}: whether
 *     there is one
 * @param objects few, by name: the fact reader lists them
 * @param apiServerFlags the command line of a visible kube-apiserver; empty if none is
 * @param nodeMetrics usage by node, from metrics.k8s.io
 * @param kubeletUsage the same from the kubelets themselves, if metrics.k8s.io has none
 * @param certificates that were seen on the way, with where
 */
public record Facts(
    Instant at,
    Answer<Discovery> discovery,
    Answer<JsonNode> version,
    Probe readyz,
    Probe livez,
    Map<String, Answer<Boolean>> counts,
    Map<String, Answer<JsonNode>> objects,
    Answer<Set<String>> systemConfigMaps,
    Answer<List<String>> apiServerFlags,
    Answer<List<NodeUsage>> nodeMetrics,
    Answer<List<NodeUsage>> kubeletUsage,
    Answer<NodePortRange> nodePorts,
    Answer<TaintTrial> taintTrial,
    Answer<Boolean> podSecurityAdmission,
    List<SeenCertificate> certificates) {

  /**
   * What a check said, and how long it took.
   *
   * @param text the whole answer, also of a check that failed (status 500): it names what has. All
   *     other refusals are missing answers. See {@link io.drover.agent.kube.ApiReader#check}
   */
  public record Probe(Answer<String> text, Duration took) {}

  /** Usage of one node. */
  public record NodeUsage(
      String node,
      io.drover.proto.report.Quantity cpu,
      io.drover.proto.report.Quantity memory,
      @Nullable Instant measured) {}

  /** As the API server's refusal names it. */
  public record NodePortRange(int low, int high) {
    @Override
    public String toString() {
      return low + "-" + high;
    }
  }

  /** What became of an attempt, without effect, to taint a node. */
  public enum TaintTrial {
    /** It would have been done. */
    ACCEPTED,
    /** A policy of the cluster forbids it. */
    REFUSED
  }

  /** A certificate, and where it was seen. */
  public record SeenCertificate(String source, String subject, Instant notAfter) {}
}
