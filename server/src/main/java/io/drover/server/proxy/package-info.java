/**
 * The way to a cluster's API server: plain HTTP/1.1 in TLS in a stream of the cluster tunnel. The
 * agent sees only ciphertext. Requests of users go through {@link
 * io.drover.server.proxy.ClusterProxy}; the server's own through {@link
 * io.drover.server.proxy.ApiConnections}.
 */
@NullMarked
package io.drover.server.proxy;

import org.jspecify.annotations.NullMarked;
