package io.drover.agent;

import io.drover.agent.config.AgentConfig;
import io.drover.agent.config.Paths;
import io.drover.agent.kube.Credentials;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerTrust;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the parts of a cluster's agent have around them: settings, the cluster, whom of the server
 * to trust, and the way to it. Safe to use by all threads.
 */
record AgentContext(
    AgentConfig config, Fabric8ClusterApi kube, ServerTrust trust, ServerDialer serverDialer) {
  private static final Logger log = LoggerFactory.getLogger(AgentContext.class);

  /** Read anew for each use, since they rotate. */
  Credentials credentials() throws IOException {
    return credentials(config.paths(), config.duty().credentialName(), kube);
  }

  static Credentials credentials(Paths paths, String secret, Fabric8ClusterApi kube)
      throws IOException {
    var directory = paths.credentials();
    return !secret.isEmpty() && Credentials.areForbidden(directory)
        ? kube.credentials(secret)
        : Credentials.read(directory);
  }

  /** Of TLS, with the server and with a proxy: the next connection keeps nothing of them. */
  void forgetSessions() {
    trust.forgetSessions();
    serverDialer.forgetSessions();
  }

  /** Whether a Rancher is installed in this cluster. */
  boolean rancherExists() {
    try {
      return kube.rancherServiceExists();
    } catch (IOException e) {
      // The server's check must be answered even while the API server is away.
      log.debug("cannot tell whether Rancher is installed here: reason={}", e.getMessage());
      return false;
    }
  }
}
