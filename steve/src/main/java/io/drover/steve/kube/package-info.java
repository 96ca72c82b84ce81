/**
 * The API server, asked in a user's name: one client for all of it, HTTP/2, with every answer read
 * as it comes. How the API server is reached, and by what token, the agent knows ({@link
 * io.drover.steve.kube.ApiAccess}).
 */
@NullMarked
package io.drover.steve.kube;

import org.jspecify.annotations.NullMarked;
