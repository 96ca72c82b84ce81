package io.drover.agent.kube;

import io.drover.agent.config.Secret;

/**
 * How the server reaches this cluster's API server, once it is inside the cluster tunnel.
 *
 * @param address {@code host:port} as seen from here, an IPv6 host in brackets
 * @param token of service account {@code cattle}; it does not expire
 * @param caCert the API server's CA, as PEM
 */
public record ClusterAccess(String address, Secret token, String caCert) {}
