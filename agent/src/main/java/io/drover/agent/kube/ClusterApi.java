package io.drover.agent.kube;

import java.io.IOException;

/**
 * What we ask of the cluster we are in. Methods block, for 10 s a request at most; any thread. An
 * {@link IOException} says what was asked and what the answer was, and is worth another attempt.
 */
public interface ClusterApi extends AutoCloseable {

  /** {@code host:port} of the API server, an IPv6 host in brackets. Asks nobody. */
  String address();

  /**
   * What the server is to be told. Makes the service account's token Secret if there is none, and
   * waits until Kubernetes has put a token into it.
   *
   * @throws InterruptedException if the caller is to stop
   */
  ClusterAccess access() throws IOException, InterruptedException;

  /** Writes the Secret unless it is there with the same content. */
  void write(AggregationSecret secret) throws IOException;

  /** Whether a Rancher server is installed in this cluster; it then opens the steve tunnel. */
  boolean rancherServiceExists() throws IOException;

  /** Whether the API server says that it is ready; false if it answers that it is not. */
  boolean apiServerReady() throws IOException;

  /** Ends idle connections. */
  @Override
  void close();
}
