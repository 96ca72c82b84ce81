/**
 * Reports of the cluster: what is found out ({@code CapabilityCollector}, {@code HealthCollector},
 * {@code ResourceCollector}, all of them functions of a {@link io.drover.agent.view.ClusterView}),
 * how certain it is ({@link io.drover.agent.report.Finding}), and where it goes.
 */
@NullMarked
package io.drover.agent.report;

import org.jspecify.annotations.NullMarked;
