package io.drover.server.store;

import java.time.Instant;

/**
 * A cluster's way out, from when somebody asked for it until its agent is gone.
 *
 * @param job the clean-up Job's name, chosen before it is made, so that there is never a second one
 * @param isJobMade whether it is in the cluster, with what gives it its rights
 * @param agentSeen when the agent was last connected, give or take a minute
 */
public record Removal(
    String clusterId, Instant asked, String job, boolean isJobMade, Instant agentSeen) {}
