/**
 * From which node what works. A node agent looks at its node every few minutes and answers with
 * what it found; the cluster agent asks all of them. A node agent has no right in the cluster, and
 * uses neither the Kubernetes client nor the tunnels.
 */
@NullMarked
package io.drover.agent.node;

import org.jspecify.annotations.NullMarked;
