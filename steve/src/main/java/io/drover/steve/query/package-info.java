/**
 * What a list request asks: filters, order, pages, in each of the three dialects that Rancher's
 * dashboards have spoken. No I/O.
 *
 * <p>{@link Dialect} says which one a server's dashboard speaks; {@link Query#parse} reads the
 * parameters of a request; {@link Listing} answers it from objects in memory, and {@code
 * io.drover.steve.store} from columns.
 *
 * <p>In the classic dialect a {@link Substring} is looked for in whatever an object has. In the two
 * others a {@link Comparison} looks at the text of one of the type's {@link Columns}, so that it
 * can be decided once for all objects that have the same text.
 */
@NullMarked
package io.drover.steve.query;

import org.jspecify.annotations.NullMarked;
