package io.drover.server.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.TextNode;
import io.drover.server.store.Cluster;
import io.drover.server.store.Secret;
import java.util.Base64;

/** What kubectl needs to reach a cluster through this server. */
final class Kubeconfig {
  private static final String AUTHORITY = "\n    certificate-authority-data: ";

  private Kubeconfig() {}

  static String render(Cluster cluster, String serverUrl, String caPem, Secret token) {
    return """
    apiVersion: v1
    kind: Config
    clusters:
    - name: %1$s
      cluster:
        server: %2$s%3$s
    users:
    - name: %1$s
      user:
        token: %4$s
    contexts:
    - name: %1$s
      context:
        cluster: %1$s
        user: %1$s
    current-context: %1$s
    """
        .formatted(
            quote(cluster.name()),
            quote(serverUrl + "/k8s/clusters/" + cluster.id()),
            caPem.isEmpty() ? "" : AUTHORITY + base64(caPem + "\n"),
            quote(token.value()));
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  private static String quote(String text) {
    return TextNode.valueOf(text).toString();
  }
}
