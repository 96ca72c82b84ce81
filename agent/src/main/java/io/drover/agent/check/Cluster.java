package io.drover.agent.check;

import io.drover.agent.config.Secret;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ClusterAccess;
import java.io.IOException;
import java.net.URI;

/** What a check needs of the cluster, so that it need not know how that is reached. */
public interface Cluster {
  /** For the server. */
  record Login(URI url, Secret token) {}

  /** From the mounted Secret. */
  Login login() throws IOException;

  /** Where the API server is. */
  String address() throws IOException;

  /** Succeeds if the API server answers at all. */
  void requireReachable() throws IOException, InterruptedException;

  /** What the server is to be told. */
  ClusterAccess access() throws IOException, InterruptedException;

  /** For questions. */
  ApiReader reader() throws IOException;
}
