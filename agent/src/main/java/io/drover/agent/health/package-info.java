/**
 * What operators and Kubernetes ask this process: is it alive, is it ready, what has it done. Knows
 * the tunnels only by the {@link io.drover.agent.health.TunnelReading}s that it is handed.
 */
@NullMarked
package io.drover.agent.health;

import org.jspecify.annotations.NullMarked;
