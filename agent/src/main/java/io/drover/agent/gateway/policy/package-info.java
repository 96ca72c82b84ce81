/**
 * Who may do what through the gateway: {@link io.drover.agent.gateway.policy.RequestInfo} says what
 * a request asks for, as the API server would; {@link io.drover.agent.gateway.policy.Policy} says
 * whether that is allowed, and by which rule. What is not understood for certain is refused. No
 * I/O, no threads, and nothing of the cluster is asked.
 */
@NullMarked
package io.drover.agent.gateway.policy;

import org.jspecify.annotations.NullMarked;
