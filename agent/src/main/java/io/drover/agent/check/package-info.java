/**
 * The command {@code check}: the steps of a connection one by one, each by the agent's own code,
 * and what became of each. Read {@link io.drover.agent.check.Checks} first. Changes nothing but
 * what the agent itself would: it makes the service account's token Secret if there is none, unless
 * there is a gateway.
 */
@NullMarked
package io.drover.agent.check;

import org.jspecify.annotations.NullMarked;
