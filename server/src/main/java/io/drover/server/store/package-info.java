/**
 * What the server must not forget: clusters and their registration tokens, in one file that is
 * whole after a crash at any moment, and the administrator's token in a file of its own. Beside
 * them lies the newest report of each cluster.
 */
@NullMarked
package io.drover.server.store;

import org.jspecify.annotations.NullMarked;
