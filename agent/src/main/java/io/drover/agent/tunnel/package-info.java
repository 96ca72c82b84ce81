/**
 * The agent's end of a tunnel. Read {@link io.drover.agent.tunnel.TunnelClient} first, then {@link
 * io.drover.agent.tunnel.TunnelSession}, {@link io.drover.agent.tunnel.TunnelStream} and {@link
 * io.drover.agent.tunnel.Outbox}.
 *
 * <pre>
 *   server ── websocket ─▶ DialledSocket ─▶ TunnelDraft, FrameReader ─▶ TunnelSession.onMessage
 *                                                                        │  thread cluster-reader
 *              ReceiveBuffer ◀── TunnelStream.onData ◀───────────────────┘  never waits
 *                   │ as far as there is room; the rest: thread cluster-sockets
 *                   ▼
 *              local socket
 *                   │ LocalSockets, thread cluster-sockets
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
