package io.drover.agent.tls;

import java.net.Socket;

/**
 * An open connection to the server. Whoever dialled it closes it.
 *
 * @param raw the TCP socket underneath. Closing it ends everything at once; closing {@code socket}
 *     may wait for a peer that does not read.
 * @param socket what is spoken over: TLS, or {@code raw} itself
 */
public record ServerConnection(Socket raw, Socket socket) {}
