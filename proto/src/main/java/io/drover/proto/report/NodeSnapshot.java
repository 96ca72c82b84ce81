package io.drover.proto.report;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one node agent found on its node, as it tells the cluster agent. What is null could not be
 * determined there.
 *
 * @param node by its name in Kubernetes
 * @param version of the node agent
 * @param observedAt when the last check was over, by the node's clock
 */
public record NodeSnapshot(
    String node, String version, Instant observedAt, List<Check> checks, Facts facts) {
  /** Raised when a reader of the older one would misread it. */
  public static final int SCHEMA = 1;

  public static final String KIND = "NodeSnapshot";

  public NodeSnapshot {
    checks = List.copyOf(checks);
  }

  /**
   * Something that was tried from this node.
   *
   * @param name {@code server}, {@code proxy}, {@code dns}, {@code api-server}, {@code registry},
   *     {@code peer}, {@code clock}, {@code disk} or {@code inodes}
   * @param target what was asked: a URL, a name, an address or a path
   * @param latencyMs from the question to the whole answer, in milliseconds
   * @param reason the code of what is wrong; empty if nothing is
   * @param message the particulars, for people; empty if nothing is wrong
   */
  public record Check(
      String name, String target, @Nullable Long latencyMs, String reason, String message) {
    /** Whether nothing is wrong. */
    public boolean ok() {
      return reason.isEmpty();
    }
  }

  /**
   * The node as it is seen from inside a pod.
   *
   * @param clockOffsetSeconds by how much the server's clock is ahead of the node's; may be
   *     negative
   * @param kernel release, such as {@code 6.12.0}
   * @param nameServers of resolv.conf, in its order
   * @param searchDomains of resolv.conf, in its order
   * @param mtu of the interface on the way to the server, in bytes
   * @param pressure in percent
   * @param disk in bytes
   * @param inodes number of files that the file system can hold
   */
  public record Facts(
      @Nullable Long clockOffsetSeconds,
      @Nullable String kernel,
      @Nullable List<String> nameServers,
      @Nullable List<String> searchDomains,
      @Nullable Integer mtu,
      @Nullable Pressure pressure,
      @Nullable Room disk,
      @Nullable Room inodes) {
    public Facts {
      nameServers = nameServers == null ? null : List.copyOf(nameServers);
      searchDomains = searchDomains == null ? null : List.copyOf(searchDomains);
    }
  }

  /** Share of the last minute in which at least one task waited for it, as Linux' PSI tells. */
  public record Pressure(double cpu, double memory, double io) {}

  /** What there is in all, and what is still free. */
  public record Room(long total, long free) {
    /** In percent, from 0 to 100. */
    public double usedPercent() {
      return total == 0 ? 0 : 100.0 * (total - free) / total;
    }
  }
}
