/**
 * How many objects of which type there are, by namespace and state: what the navigation shows, and
 * the stream that keeps it right.
 *
 * <p>{@link TypeCounts} keeps one type in 40 bytes an object, from nothing but what a list of
 * metadata tells; a store of whole objects counts its own rows. Both give a {@link Count} for what
 * a user may see. {@link CountsStream} says which of them a client should hear of, and when.
 */
@NullMarked
package io.drover.steve.counts;

import org.jspecify.annotations.NullMarked;
