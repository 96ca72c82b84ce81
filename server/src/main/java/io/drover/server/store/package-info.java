/**
 * What the server must not forget: clusters, their registration tokens, conditions and reports, in
 * one {@link io.drover.server.store.Database}; and the administrator's token, in a file of its own.
 * What a method has written is on the disk when it returns.
 */
@NullMarked
package io.drover.server.store;

import org.jspecify.annotations.NullMarked;
