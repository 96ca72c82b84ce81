package io.drover.agent.kube;

import io.drover.agent.config.KubeConfig;
import io.drover.agent.tls.FileTrustManager;
import io.drover.steve.kube.ApiAccess;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.internal.SSLUtils;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import org.jspecify.annotations.Nullable;

/** The API server as fabric8's client reaches it, for another client. Tokens stay in here. */
final class ExplorerAccess implements ApiAccess {
  private static final String AUTHORIZATION = "Authorization";

  private final KubeConfig kube;
  private final Config config;

  ExplorerAccess(KubeConfig kube, Config config) {
    this.kube = kube;
    this.config = config;
  }

  @Override
  public URI url() {
    return URI.create(config.getMasterUrl());
  }

  @Override
  public SSLContext tls() throws IOException {
    try {
      return switch (kube) {
        // As in Fabric8ClusterApi: the cluster's CA rotates.
        case KubeConfig.InCluster(_, var account) ->
            SSLUtils.sslContext(
                null,
                new TrustManager[] {
                  new FileTrustManager(account.resolve(Fabric8ClusterApi.CA_KEY))
                });
        case KubeConfig.Kubeconfig _ -> SSLUtils.sslContext(config);
      };
    } catch (GeneralSecurityException e) {
      throw new IOException("the API server's CA or our certificate cannot be used: " + e, e);
    }
  }

  @Override
  public void authorize(HttpRequest.Builder request) throws IOException {
    try {
      String token = token();
      if (token != null && !token.isEmpty()) {
        request.header(AUTHORIZATION, "Bearer " + token);
      } else if (config.getUsername() != null && config.getPassword() != null) {
        String login = config.getUsername() + ":" + config.getPassword();
        request.header(
            AUTHORIZATION,
            "Basic " + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8)));
      }
    } catch (KubernetesClientException e) {
      throw new IOException("no token for the API server: " + e.getMessage(), e);
    }
  }

  /**
   * The one that fabric8 would send. Of a kubeconfig it is the last of these, which fabric8 reads
   * again when it is refused, and once a minute.
   */
  private @Nullable String token() {
    var provider = config.getOauthTokenProvider();
    if (provider != null) {
      return provider.getToken();
    }
    String given = config.getOauthToken();
    return given == null ? config.getAutoOAuthToken() : given;
  }
}
