/**
 * What somebody looks at, and only that, as it changes. A {@link io.drover.steve.live.Feed} is the
 * one watch of a type that all who look share: it keeps the last changes, and each who looks has a
 * place among them, so that nobody has a queue of his own and nobody holds up another. {@link
 * io.drover.steve.live.Feeds} starts feeds when they are wanted, and ends them some minutes after.
 */
@NullMarked
package io.drover.steve.live;

import org.jspecify.annotations.NullMarked;
