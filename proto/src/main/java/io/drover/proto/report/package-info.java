/**
 * What the agent says of its cluster: {@link io.drover.proto.report.ClusterReport} and its parts,
 * their JSON ({@link io.drover.proto.report.ReportJson}, {@code cluster-report.schema.json}), and
 * {@link io.drover.proto.report.Quantity}, since a report's amounts are added up.
 *
 * <p>A part that is null was not determined; {@link
 * io.drover.proto.report.ClusterReport#undetermined} says why. It is never to be read as false,
 * none or zero.
 */
@NullMarked
package io.drover.proto.report;

import org.jspecify.annotations.NullMarked;
