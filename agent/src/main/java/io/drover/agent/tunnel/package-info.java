/**
 * The agent's end of a tunnel. Read {@link io.drover.agent.tunnel.TunnelClient} first, then {@link
 * io.drover.agent.tunnel.TunnelSession}, {@link io.drover.agent.tunnel.TunnelStream} and {@link
 * io.drover.agent.tunnel.Outbox}.
 *
 * <pre>
 *   server ── websocket ─▶ DialledSocket ─▶ TunnelDraft, FrameReader ─▶ TunnelSession.onMessage
 *                                                                        │  thread cluster-reader
 *              ReceiveBuffer ◀── TunnelStream.onData ◀───────────────────┘  never waits
 *                   │ thread cluster-7, only while there is something to write
 *                   ▼
 *              local socket
 *                   │ thread cluster-7, as long as the stream lives
 *                   ▼
 *              Outbox ─▶ thread cluster-writer ─▶ FrameWriter, SendWindow ─▶ library's writer
 *                   thread ─▶ DialledSocket ── websocket ─▶ server
 * </pre>
 *
 * <p>Locks: session, stream, receive buffer, outbox and send window have one each; none is held
 * while calling out into another, but for the timer's, which calls nobody.
 */
@NullMarked
package io.drover.agent.tunnel;

import org.jspecify.annotations.NullMarked;
