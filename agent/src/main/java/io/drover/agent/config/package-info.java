/**
 * What the operator and Rancher's manifest ask of this process: environment variables, read once
 * and turned into records.
 *
 * <p>{@link io.drover.agent.config.Setting} is the table of everything that can be set; {@link
 * io.drover.agent.config.AgentConfig} is the result. What rotates (registration token, CA) is not
 * configuration and is read where it is used.
 */
@NullMarked
package io.drover.agent.config;

import org.jspecify.annotations.NullMarked;
