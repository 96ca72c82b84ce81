/**
 * The API itself: from a request to its answer. {@link io.drover.steve.api.Api} finds out who asks
 * for what and in which form, and gives it to the {@link io.drover.steve.api.Store} of that type;
 * most are types of Kubernetes and one store's ({@link io.drover.steve.api.KubeStore}). What the
 * API server gives is read, changed and sent on object by object.
 */
@NullMarked
package io.drover.steve.api;

import org.jspecify.annotations.NullMarked;
