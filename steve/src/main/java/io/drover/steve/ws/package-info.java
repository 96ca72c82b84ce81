/**
 * The server's side of RFC 6455 on a connection that speaks HTTP: {@link
 * io.drover.steve.ws.Handshake} says whether a request means it, {@link
 * io.drover.steve.ws.WebSocket} reads and writes messages. Without extensions, and as strict as the
 * standard allows: what is not in order ends the connection with a code that says why.
 */
@NullMarked
package io.drover.steve.ws;

import org.jspecify.annotations.NullMarked;
