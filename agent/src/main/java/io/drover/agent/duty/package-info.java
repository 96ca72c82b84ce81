/**
 * The small things that the stock agent does beside its tunnels: annotations of nodes, labels of
 * namespaces, the number of agents, Secrets that nobody uses any more; and Events about the
 * tunnels, which it does not write.
 *
 * <p>A {@link io.drover.agent.duty.Duty} looks at a {@link io.drover.agent.view.ClusterView}, which
 * costs no request, and writes what differs by a {@link io.drover.agent.kube.ClusterWriter}. {@link
 * io.drover.agent.duty.Duties} runs them all, in one thread.
 */
@NullMarked
package io.drover.agent.duty;

import org.jspecify.annotations.NullMarked;
