package io.drover.proto.report;

import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A cluster at one moment. What is null was not determined: {@code undetermined} says why.
 *
 * @param clusterId as the management server names it; empty if the agent was not told
 * @param observedAt when the agent had read all that is in it
 * @param version what the API server says of itself
 * @param provider one of Rancher's ids ({@code k3s}, {@code eks}, …); null if the distribution has
 *     none or is not known, see {@link Details#distribution}
 * @param nodes from where in the cluster what works; null: there are no node agents
 * @param evidence by the path of the value, such as {@code capabilities.nodePortRange}
 */
public record ClusterReport(
    String clusterId,
    AgentIdentity agent,
    Instant observedAt,
    Health health,
    @Nullable KubernetesVersion version,
    @Nullable String provider,
    Resources resources,
    Capabilities capabilities,
    Details details,
    @Nullable NodeChecks nodes,
    SortedMap<String, Evidence> evidence,
    List<Undetermined> undetermined) {
  /** Of the whole: raised when a reader of the older one would misread it. */
  public static final int SCHEMA = 1;

  public static final String KIND = "ClusterReport";

  public ClusterReport {
    evidence = Collections.unmodifiableSortedMap(new TreeMap<>(evidence));
    undetermined = List.copyOf(undetermined);
  }

  /**
   * Whose report it is.
   *
   * @param instance names one life of one agent process; {@code sequence} starts again with it
   * @param sequence counts up with each report that an instance makes; a gap is a report lost
   * @param gateway null: the server reaches the API server itself
   */
  public record AgentIdentity(
      String version, String instance, long sequence, @Nullable Gateway gateway) {
    /** Names the report in HTTP: a patch of it goes with {@code If-Match}. */
    public String entityTag() {
      return "\"" + instance + "/" + sequence + "\"";
    }
  }

  /**
   * The gateway between the management server and the API server.
   *
   * @param policy the one in force, for people; {@code none}: everything goes on
   * @param audit where requests are recorded; {@code off}: nowhere
   */
  public record Gateway(String policy, String audit) {}

  /** Kubernetes' {@code version.Info}, as far as people ask for it. */
  public record KubernetesVersion(
      String major, String minor, String gitVersion, @Nullable String platform) {}

  /**
   * Why a value is believed.
   *
   * @param source where it was read, for people
   */
  public record Evidence(String source, Confidence confidence, Instant observedAt) {}

  /**
   * A value that is absent.
   *
   * @param path of the value in this report
   * @param detail for people: what was asked, and what came back
   */
  public record Undetermined(String path, Cause cause, String detail) {}

  /** The same with another health. */
  public ClusterReport withHealth(Health other) {
    return new ClusterReport(
        clusterId,
        agent,
        observedAt,
        other,
        version,
        provider,
        resources,
        capabilities,
        details,
        nodes,
        evidence,
        undetermined);
  }

  /** The same state: all but who reports it and when. */
  public boolean saysTheSameAs(ClusterReport other) {
    return clusterId.equals(other.clusterId)
        && health.withoutTimes().equals(other.health.withoutTimes())
        && Objects.equals(version, other.version)
        && Objects.equals(provider, other.provider)
        && resources.withoutTimes().equals(other.resources.withoutTimes())
        && capabilities.equals(other.capabilities)
        && details.equals(other.details)
        && Objects.equals(
            nodes == null ? null : nodes.withoutFigures(),
            other.nodes == null ? null : other.nodes.withoutFigures())
        && undetermined.equals(other.undetermined)
        && evidence.keySet().equals(other.evidence.keySet());
  }

  static <V> Map<String, V> sorted(Map<String, V> map) {
    return Collections.unmodifiableMap(new TreeMap<>(map));
  }
}
