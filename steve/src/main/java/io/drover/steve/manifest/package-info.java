/**
 * What somebody imports: {@link io.drover.steve.manifest.Manifests} reads a text of many objects,
 * whole or not at all.
 */
@NullMarked
package io.drover.steve.manifest;

import org.jspecify.annotations.NullMarked;
