/**
 * What came through the gateway, written down: {@link io.drover.agent.gateway.audit.Recorder} gives
 * each request an {@link io.drover.agent.gateway.audit.Entry}, which is told who asks, what was
 * decided, and what was answered. Of that come an event of {@code audit.k8s.io/v1}, if somebody
 * wants events, and figures.
 *
 * <p>How much of a request is recorded is said by {@link io.drover.agent.gateway.audit.AuditRules}.
 * A body that is to be is a {@code BodyCopy} as it goes by, and a {@code JsonBody} in the event.
 *
 * <p>An event's way: {@code AuditEvent} makes a line of it, {@code AuditQueue} holds it, {@code
 * AuditTrail} gives it to a {@code Sink}, in a thread of its own. A request waits for no sink,
 * unless the owner wants nothing to go on without a record.
 */
@NullMarked
package io.drover.agent.gateway.audit;

import org.jspecify.annotations.NullMarked;
