package io.drover.server.store;

import java.time.Instant;

/**
 * A cluster that was imported or is waiting for its agent.
 *
 * @param id {@code c-} and five characters
 * @param created when
 * @param driver empty until an agent has connected, then {@code imported}
 * @param apiEndpoint where the agent reaches the API server, as a URL; empty until then
 * @param version what the API server says of itself, as JSON; empty until it was asked
 * @param provider one of Rancher's ids, or empty
 * @param isRemoving whether somebody has asked to remove it
 */
public record Cluster(
    String id,
    ClusterSpec spec,
    Instant created,
    String driver,
    String apiEndpoint,
    String version,
    String provider,
    boolean isRemoving) {

  /** Chosen by the user, unique. */
  public String name() {
    return spec.name();
  }

  /** Whether an agent ever connected. */
  public boolean isProvisioned() {
    return !driver.isEmpty();
  }
}
