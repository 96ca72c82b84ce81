/**
 * What answers behind the steve tunnel: a small HTTP server of our own on the loopback interface.
 *
 * <p>Rancher asks {@code /ping} through that tunnel every 15 s, for all its clusters one after the
 * other and without a time limit: an agent that does not answer holds up everybody's check.
 */
@NullMarked
package io.drover.agent.steve;

import org.jspecify.annotations.NullMarked;
