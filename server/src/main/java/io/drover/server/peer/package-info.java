/**
 * Several servers on one database are one: an agent's tunnel ends at one of them, and what the
 * others want of it they ask that one for.
 *
 * <pre>
 *   ApiConnections ─▶ Peers.newest ─▶ PeerSession ─▶ PeerStream ── TLS ──▶ PeerEntrance ─▶ ServerSession ── agent
 *                       (other server)                               (where the agent is connected)
 * </pre>
 *
 * <p>A stream of a tunnel is a connection between the two servers, and nothing goes further than
 * that: {@link io.drover.server.peer.PeerEntrance} knows the sessions of its own server only.
 */
@NullMarked
package io.drover.server.peer;

import org.jspecify.annotations.NullMarked;
