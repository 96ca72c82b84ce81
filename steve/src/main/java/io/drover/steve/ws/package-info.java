/**
 * The server's side of RFC 6455: {@link io.drover.steve.ws.Handshake} says whether a request means
 * it. What is said then, the API server says.
 */
@NullMarked
package io.drover.steve.ws;

import org.jspecify.annotations.NullMarked;
