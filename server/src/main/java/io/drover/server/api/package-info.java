/**
 * What the server says over HTTP about itself and its clusters, in the shapes of Rancher's v3 API,
 * and who is let in: {@link io.drover.server.api.Router} is where every request arrives.
 */
@NullMarked
package io.drover.server.api;

import org.jspecify.annotations.NullMarked;
