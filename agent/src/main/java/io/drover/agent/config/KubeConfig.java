package io.drover.agent.config;

import java.nio.file.Path;

/** How we reach the Kubernetes API, and which address of it the server is told. */
public sealed interface KubeConfig {

  /**
   * With the pod's service account.
   *
   * @param address {@code host:port}, an IPv6 host in brackets; also what the server is told
   */
  record InCluster(String address, Path serviceAccount) implements KubeConfig {}

  /**
   * With a kubeconfig file.
   *
   * @param address what the server is told; empty: host and port of the file's current cluster
   */
  record Kubeconfig(Path file, String address) implements KubeConfig {}

  /** Notes what is missing; then the result is of no use. */
  static KubeConfig from(Environment env, Paths paths) {
    String host = env.text(Setting.KUBERNETES_SERVICE_HOST);
    String port = env.text(Setting.KUBERNETES_SERVICE_PORT);
    String address = host.isEmpty() || port.isEmpty() ? "" : HostPort.join(host, port);
    if (!port.isEmpty()) {
      env.parse(
          Setting.KUBERNETES_SERVICE_PORT,
          text -> text.isEmpty() ? 0 : Numbers.port(text, "expected a port up to 65535"));
    }
    String file = env.text(Setting.KUBECONFIG);
    if (!file.isEmpty()) {
      if (file.indexOf(':') >= 0) {
        env.problem(
            Setting.KUBECONFIG,
            "is '"
                + file
                + "': several files are not supported, merge them with 'kubectl config"
                + " view --flatten' and name one");
      }
      return new Kubeconfig(env.parse(Setting.KUBECONFIG, Path::of), address);
    }
    require(env, Setting.KUBERNETES_SERVICE_HOST, host);
    require(env, Setting.KUBERNETES_SERVICE_PORT, port);
    return new InCluster(address, paths.serviceAccount());
  }

  private static void require(Environment env, Setting setting, String value) {
    if (value.isEmpty()) {
      env.problem(
          setting,
          "is not set: run as a pod, or name a kubeconfig with --kubeconfig or KUBECONFIG");
    }
  }
}
