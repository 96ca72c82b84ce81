/**
 * Removes clusters: a clean-up Job in the cluster first, as Rancher makes it, then the record here.
 * What has to outlive this process is in the database.
 */
@NullMarked
package io.drover.server.removal;

import org.jspecify.annotations.NullMarked;
