/**
 * HTTP/1.1 on connections that nobody else can reach: {@link io.drover.steve.http.HttpFront} makes
 * pairs of sockets, gives one end away and answers at the other. HttpCore reads heads and bodies;
 * the loop around it, its limits and the way out into another protocol are ours.
 */
@NullMarked
package io.drover.steve.http;

import org.jspecify.annotations.NullMarked;
