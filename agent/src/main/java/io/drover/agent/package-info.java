/**
 * The agent: a daemon inside a cluster that lets a Rancher server reach this cluster's API server
 * through tunnels which the agent opens.
 *
 * <p>{@link io.drover.agent.Main} is the command, {@code Agent} puts the parts together, of which
 * {@code Tunnels} and {@code OwnCluster} are the two that are made of several. Features ({@code
 * tunnel}, {@code steve}, {@code report}, {@code duty}, {@code health}) do not know each other;
 * they use the tools {@code tls}, {@code kube}, {@code view} and {@code retry}, which know no
 * feature; {@code config} knows nobody.
 */
@NullMarked
package io.drover.agent;

import org.jspecify.annotations.NullMarked;
