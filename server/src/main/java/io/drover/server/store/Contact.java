package io.drover.server.store;

import java.time.Instant;
import java.util.Optional;

/**
 * When something was last heard of a cluster.
 *
 * @param manifestFetched when somebody last fetched its manifest
 * @param last when its agent was last known to be connected
 * @param address from where it came, or empty
 */
public record Contact(Optional<Instant> manifestFetched, Optional<Instant> last, String address) {}
