/**
 * What the Explorer shows of an object beyond the object itself: its state, its conditions as marks
 * of error and change, and the objects that it names. Functions of one object and a clock; no I/O.
 *
 * <p>{@link Summary} is where to begin: it asks one question after the other, in a fixed order, and
 * most answers are rows of a table ({@link Transitions}, {@link StandardStatus}). {@link State} is
 * the same as the pages show it, {@link Relationship} what an object points to, and {@link
 * Computed} puts all of it into an object and takes it out again.
 *
 * <p>The rules are those of Rancher's {@code wrangler/pkg/summary} (3.7.0) and of {@code kstatus},
 * written anew and held by recorded answers. Left out is what cannot happen here: the tables of the
 * Cluster API's own kinds, which no imported cluster has, and whatever in {@code kstatus} an
 * earlier question has always answered.
 */
@NullMarked
package io.drover.steve.state;

import org.jspecify.annotations.NullMarked;
