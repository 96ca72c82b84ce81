/**
 * The reference management server: it lets agents in, watches over their clusters and takes kubectl
 * to them. {@link io.drover.server.Server} puts the parts together; {@link io.drover.server.Main}
 * is the command line.
 */
@NullMarked
package io.drover.server;

import org.jspecify.annotations.NullMarked;
