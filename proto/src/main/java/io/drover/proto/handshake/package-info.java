/**
 * What an agent says when it opens a tunnel: header names, the bearer of the steve tunnel, and the
 * parameters that tell the server how to reach the cluster's API server through the tunnel.
 */
@NullMarked
package io.drover.proto.handshake;

import org.jspecify.annotations.NullMarked;
