/** Whether clusters are connected and ready; asked of the agents, never told by them. */
@NullMarked
package io.drover.server.health;

import org.jspecify.annotations.NullMarked;
