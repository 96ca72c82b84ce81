/**
 * The packaged programs against the real peers, each as a process of its own.
 *
 * <p>One control plane ({@link io.drover.e2e.ControlPlane}) serves all tests of a run. A test takes
 * an {@link io.drover.e2e.Installation}: a Rancher peer, the agent that was imported into it, and
 * kubectl. What the processes say lies in {@code target/e2e-logs}.
 */
@NullMarked
package io.drover.e2e;

import org.jspecify.annotations.NullMarked;
