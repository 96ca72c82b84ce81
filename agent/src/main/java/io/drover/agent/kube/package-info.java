/**
 * The cluster we are in: the few questions that we ask Kubernetes ({@link
 * io.drover.agent.kube.ClusterApi}), lists and watches of any length ({@link
 * io.drover.agent.kube.ApiReader}), what we change ({@link io.drover.agent.kube.ClusterWriter}),
 * objects of any kind for the clean-up ({@link io.drover.agent.kube.ApiObjects}), what the server
 * is told of it ({@link io.drover.agent.kube.ClusterAccess}), the wait for the pod that takes over
 * ({@link io.drover.agent.kube.Handover}) and the mounted credentials for the server ({@link
 * io.drover.agent.kube.Credentials}).
 *
 * <p>fabric8 stays inside this package.
 */
@NullMarked
package io.drover.agent.kube;

import org.jspecify.annotations.NullMarked;
