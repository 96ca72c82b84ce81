/**
 * The server's end of a tunnel: it accepts the websocket and opens the streams.
 *
 * <pre>
 *   TunnelStream.write ─▶ Outbox ─▶ writer thread ─▶ Link ── websocket ──▶ agent
 *   TunnelStream.read  ◀─ ReceiveBuffer ◀─ ServerSession ◀─ MessageAssembler ◀─ Link
 * </pre>
 *
 * <p>The thread that reads a websocket never waits and never writes: what it has to say goes to the
 * {@link io.drover.server.tunnel.Outbox}. {@link io.drover.server.tunnel.Sessions} knows which
 * cluster is reached through which session.
 */
@NullMarked
package io.drover.server.tunnel;

import org.jspecify.annotations.NullMarked;
