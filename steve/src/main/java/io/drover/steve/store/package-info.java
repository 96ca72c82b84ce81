/**
 * All objects of one watched type in little memory: {@link ColumnStore}.
 *
 * <p>What queries look at lies in columns: for each row a number an indexed field, which stands for
 * a text in {@link Texts}, so that a condition is decided once a text, not once a row. The objects
 * themselves lie deflated in {@link Rows}, and only those of the page that is shown are read. Where
 * there are many, the {@link Orders} that pages want are kept: such a page is a range of one. What
 * is large lies in a {@link Space} outside of the Java heap, in a file if there is a directory for
 * it. Everything is counted against a {@link Budget}; at its end the store says {@link
 * StoreFullException}, and its caller lists without it.
 */
@NullMarked
package io.drover.steve.store;

import org.jspecify.annotations.NullMarked;
