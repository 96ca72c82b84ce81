/**
 * Whether clusters are connected and ready, asked of the agents and never told by them; and why one
 * is missing, as far as its server can see.
 */
@NullMarked
package io.drover.server.health;

import org.jspecify.annotations.NullMarked;
