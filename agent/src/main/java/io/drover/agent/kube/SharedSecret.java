package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Secret of this agent's own, which all its replicas share: the first to come makes it, the
 * others take what is there. Any thread; methods block.
 */
public final class SharedSecret {
  /** How often another replica may be quicker than we are. */
  static final int MAX_CONFLICTS = 3;

  private static final Logger log = LoggerFactory.getLogger(SharedSecret.class);

  private final KubernetesClient client;
  private final String namespace;
  private final String name;

  SharedSecret(KubernetesClient client, String namespace, String name) {
    this.client = client;
    this.namespace = namespace;
    this.name = name;
  }

  /**
   * What is in it.
   *
   * @param made is put there if there is nothing, or nothing useful
   * @param useful whether what is there can be used
   * @throws IOException if it can neither be read nor be made; with what was refused
   */
  public Map<String, Secret> ensure(
      Supplier<Map<String, Secret>> made, Predicate<Map<String, Secret>> useful)
      throws IOException {
    for (int conflicts = 0; ; conflicts++) {
      try {
        return ensureOnce(made, useful);
      } catch (KubernetesClientException e) {
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT || conflicts == MAX_CONFLICTS) {
          throw Fabric8ClusterApi.failure("keep secret " + namespace + "/" + name, e);
        }
        // Another replica was quicker: its own counts.
      }
    }
  }

  /**
   * What is in it, as it is.
   *
   * @return empty: there is none
   * @throws IOException if it cannot be read
   */
  public Optional<Map<String, Secret>> read() throws IOException {
    try {
      return Optional.ofNullable(client.secrets().inNamespace(namespace).withName(name).get())
          .map(there -> decoded(there.getData()));
    } catch (KubernetesClientException e) {
      throw Fabric8ClusterApi.failure("read secret " + namespace + "/" + name, e);
    }
  }

  private Map<String, Secret> ensureOnce(
      Supplier<Map<String, Secret>> made, Predicate<Map<String, Secret>> useful) {
    var secrets = client.secrets().inNamespace(namespace);
    var existing = secrets.withName(name).get();
    if (existing == null) {
      var first = made.get();
      var secret =
          new SecretBuilder()
              .withNewMetadata()
              .withName(name)
              .withNamespace(namespace)
              .endMetadata()
              .withData(encoded(first))
              .build();
      secrets.resource(secret).create();
      log.info("secret created: name={}/{}", namespace, name);
      return first;
    }
    var there = decoded(existing.getData());
    if (useful.test(there)) {
      return there;
    }
    var next = made.get();
    // Carries the version that was read, so that only one replica can be first.
    secrets.resource(new SecretBuilder(existing).withData(encoded(next)).build()).update();
    log.info("secret replaced: name={}/{}", namespace, name);
    return next;
  }

  private static Map<String, String> encoded(Map<String, Secret> content) {
    var data = new HashMap<String, String>();
    content.forEach(
        (key, value) ->
            data.put(key, Base64.getEncoder().encodeToString(value.value().getBytes(UTF_8))));
    return data;
  }

  /** Values that are no base64 are left out: the API server would not keep such. */
  private static Map<String, Secret> decoded(@Nullable Map<String, String> data) {
    var content = new HashMap<String, Secret>();
    if (data != null) {
      data.forEach(
          (key, value) -> {
            try {
              content.put(key, new Secret(new String(Base64.getDecoder().decode(value), UTF_8)));
            } catch (IllegalArgumentException e) {
              log.debug("key is no base64: key={}", key);
            }
          });
    }
    return content;
  }
}
