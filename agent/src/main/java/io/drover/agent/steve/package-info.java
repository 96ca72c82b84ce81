/**
 * What answers behind the steve tunnel. No port is open for it: each stream gets an end of a pair
 * of sockets, since whoever could ask here would be believed to be any user.
 *
 * <p>Rancher asks {@code /ping} through that tunnel every 15 s, for all its clusters one after the
 * other and without a time limit: an agent that does not answer holds up everybody's check.
 */
@NullMarked
package io.drover.agent.steve;

import org.jspecify.annotations.NullMarked;
