/**
 * A stand-in for a cluster, for demos on machines without the real control plane of {@code
 * interop/cluster}: enough of the Kubernetes API for kubectl and the agent, in one process.
 *
 * <p>{@link io.drover.standin.ApiServer} takes requests, {@link io.drover.standin.ObjectStore}
 * keeps the objects, {@link io.drover.standin.Controllers} plays the rest of the control plane.
 * Nothing runs in its pods, nothing is authorized beyond a valid token, and objects are hardly
 * validated; what it cannot do it refuses with a {@code Status} that says so.
 */
@NullMarked
package io.drover.standin;

import org.jspecify.annotations.NullMarked;
