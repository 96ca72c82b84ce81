/**
 * The gateway: what the server believes to be this cluster's API server. {@link
 * io.drover.agent.gateway.Gateway} ends TLS inside the agent, on streams of the cluster tunnel, and
 * passes requests on to the API server with the agent's own credentials in place of an opaque token
 * that means nothing elsewhere.
 *
 * <p>A request's way: {@link io.drover.agent.gateway.GatewayIdentity} says who asks, {@code
 * RequestHead} what of it may be passed on, {@code Exchange} does it, on a connection of {@code
 * Upstream}, or, if it goes on for long ({@code Lasting}), on one that is shared ({@code
 * SharedUpstream}). One virtual thread a connection; another one while a big body comes, or after
 * an upgrade. Nothing is copied whole: a peer that does not read holds up its own request, and no
 * other.
 *
 * <p>What may bring tokens of service accounts ({@code TokenPath}) is asked for in a form that can
 * be read ({@code JsonOnly}), and answered with stand-ins for them ({@link
 * io.drover.agent.gateway.standin}); a Secret that the server writes is read as a whole, up to a
 * limit ({@code SecretWrites}).
 */
@NullMarked
package io.drover.agent.gateway;

import org.jspecify.annotations.NullMarked;
