/**
 * What a user may do, read from the roles and bindings of the cluster: which types he is shown, and
 * which objects of a list that was read in our own name are his. It never allows what Kubernetes
 * would refuse, since whatever can be asked in his own name is.
 */
@NullMarked
package io.drover.steve.access;

import org.jspecify.annotations.NullMarked;
