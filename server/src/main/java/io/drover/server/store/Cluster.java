package io.drover.server.store;

import java.time.Instant;

/**
 * A cluster that was imported or is waiting for its agent.
 *
 * @param id {@code c-} and five characters
 * @param name chosen by the user, unique
 * @param created when
 * @param driver empty until an agent has connected, then {@code imported}
 * @param apiEndpoint where the agent reaches the API server, as a URL; empty until then
 */
public record Cluster(String id, String name, Instant created, String driver, String apiEndpoint) {

  /** Whether an agent ever connected. */
  public boolean isProvisioned() {
    return !driver.isEmpty();
  }
}
