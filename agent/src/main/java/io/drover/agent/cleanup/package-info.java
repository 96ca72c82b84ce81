/**
 * Takes out of a cluster what Rancher has put into it: the mode that {@code CLUSTER_CLEANUP}
 * starts, in the Job that Rancher makes when a cluster is removed.
 *
 * <p>{@link io.drover.agent.cleanup.Plan} is what is done, as a list of {@link
 * io.drover.agent.cleanup.Step}s; {@link io.drover.agent.cleanup.Cleanup} does it. A second run
 * finds what the first one left.
 */
@NullMarked
package io.drover.agent.cleanup;

import org.jspecify.annotations.NullMarked;
