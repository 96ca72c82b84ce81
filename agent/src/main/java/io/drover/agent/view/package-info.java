/**
 * The cluster as the reports and duties see it: a {@link io.drover.agent.view.ClusterView} of small
 * records, of which each holds just what somebody asks for. {@link io.drover.agent.view.Kinds}
 * lists all that is read, and how each object becomes a record.
 *
 * <p>A view is either read once ({@code Survey}), or kept up to date by watches ({@code LiveView});
 * whoever looks at it cannot tell.
 */
@NullMarked
package io.drover.agent.view;

import org.jspecify.annotations.NullMarked;
