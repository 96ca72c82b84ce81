/**
 * As much of HTTP/2 as it takes to ask for what goes on for long, such as watches: GET, many at a
 * time on one connection to a server that speaks it. {@link io.drover.steve.http2.Http2Connection}
 * is the connection, {@link io.drover.steve.http2.Http2Stream} a request on it.
 *
 * <p>Written here since the JDK's client keeps what nobody reads in an array of 16 KiB for each
 * frame, however small that is: a few dozen watches whose reader stands still would fill the heap.
 * Here it is {@link io.drover.steve.http2.Http2Stream#WINDOW} bytes a request, whatever the server
 * sends. It also carries targets that {@link java.net.URI} does not, and says nothing of its own.
 *
 * <p>Sources: RFC 9113, RFC 7541.
 */
@NullMarked
package io.drover.steve.http2;

import org.jspecify.annotations.NullMarked;
