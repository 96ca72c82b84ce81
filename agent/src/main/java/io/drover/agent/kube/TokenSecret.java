package io.drover.agent.kube;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.fabric8.kubernetes.api.model.Secret;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.api.model.ServiceAccount;
import io.fabric8.kubernetes.api.model.ServiceAccountBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The Secret with the long-lived token of our service account: found, or made. Several replicas may
 * do this at the same time. Source: Rancher {@code pkg/serviceaccounttoken/secret.go}.
 */
final class TokenSecret {
  /** How long Kubernetes may take to put a token into a new Secret. */
  static final Duration WAIT = Duration.ofSeconds(40);

  /** How often we look. */
  static final Duration POLL = Duration.ofMillis(500);

  /** How often another writer may be quicker than we are. */
  static final int MAX_CONFLICTS = 3;

  static final String REFERENCE = "rancher.io/service-account.secret-ref";
  static final String LABEL = "cattle.io/service-account.name";
  static final String OWNER = "kubernetes.io/service-account.name";
  static final String TYPE = "kubernetes.io/service-account-token";
  static final String KEY = "token";

  private static final Logger log = LoggerFactory.getLogger(TokenSecret.class);

  private final KubernetesClient client;
  private final Sleeper sleeper;

  TokenSecret(KubernetesClient client, Sleeper sleeper) {
    this.client = client;
    this.sleeper = sleeper;
  }

  /**
   * The Secret, with a token in it.
   *
   * @throws IOException if there is no token after {@link #WAIT}
   * @throws KubernetesClientException if the API server refuses
   */
  Secret ensure(ServiceAccount account) throws IOException, InterruptedException {
    return withToken(findOrCreate(account));
  }

  private Secret findOrCreate(ServiceAccount first) throws IOException {
    ServiceAccount account = first;
    for (int conflicts = 0; conflicts <= MAX_CONFLICTS; conflicts++) {
      var found = referenced(account).or(() -> labelled(first));
      if (found.isPresent()) {
        return found.get();
      }
      Secret created = create(account);
      try {
        refer(account, created);
        return created;
      } catch (KubernetesClientException e) {
        if (e.getCode() != HttpURLConnection.HTTP_CONFLICT) {
          throw e;
        }
        // Another replica was quicker: its Secret counts.
        delete(created);
        account = reread(account);
      }
    }
    throw new IOException(
        "service account " + name(first) + " keeps changing: is something else editing it?");
  }

  private Optional<Secret> referenced(ServiceAccount account) {
    var annotations = account.getMetadata().getAnnotations();
    String reference = annotations == null ? "" : annotations.getOrDefault(REFERENCE, "");
    int slash = reference.indexOf('/');
    if (slash <= 0 || slash == reference.length() - 1) {
      return Optional.empty();
    }
    try {
      return Optional.ofNullable(
          client
              .secrets()
              .inNamespace(reference.substring(0, slash))
              .withName(reference.substring(slash + 1))
              .get());
    } catch (KubernetesClientException e) {
      if (e.getCode() == HttpURLConnection.HTTP_INTERNAL_ERROR) {
        return Optional.empty(); // as the stock agent reads it
      }
      throw e;
    }
  }

  private Optional<Secret> labelled(ServiceAccount account) {
    String namespace = account.getMetadata().getNamespace();
    String name = account.getMetadata().getName();
    var candidates =
        client.secrets().inNamespace(namespace).withLabel(LABEL, name).list().getItems();
    Optional<Secret> valid = Optional.empty();
    for (Secret candidate : candidates) {
      if (!isTokenOf(candidate, name)) {
        delete(candidate);
      } else if (valid.isEmpty()) {
        valid = Optional.of(candidate);
      }
    }
    return valid;
  }

  private static boolean isTokenOf(Secret secret, String account) {
    var annotations = secret.getMetadata().getAnnotations();
    return TYPE.equals(secret.getType())
        && annotations != null
        && account.equals(annotations.get(OWNER));
  }

  private Secret create(ServiceAccount account) {
    var owner = account.getMetadata();
    var secret =
        new SecretBuilder()
            .withNewMetadata()
            .withGenerateName(owner.getName() + "-token-")
            .withNamespace(owner.getNamespace())
            .withLabels(Map.of(LABEL, owner.getName()))
            .withAnnotations(Map.of(OWNER, owner.getName()))
            .addNewOwnerReference()
            .withApiVersion("v1")
            .withKind("ServiceAccount")
            .withName(owner.getName())
            .withUid(owner.getUid())
            .endOwnerReference()
            .endMetadata()
            .withType(TYPE)
            .build();
    return client.secrets().inNamespace(owner.getNamespace()).resource(secret).create();
  }

  /** Carries the version that was read, so that only one replica can be first. */
  private void refer(ServiceAccount account, Secret secret) {
    var metadata = secret.getMetadata();
    var referring =
        new ServiceAccountBuilder(account)
            .editMetadata()
            .addToAnnotations(REFERENCE, metadata.getNamespace() + "/" + metadata.getName())
            .endMetadata()
            .build();
    client.serviceAccounts().resource(referring).update();
  }

  /** Best effort: a Secret too many does no harm. */
  private void delete(Secret secret) {
    try {
      client.secrets().resource(secret).delete();
    } catch (KubernetesClientException e) {
      log.debug(
          "secret not deleted: name={} reason={}", secret.getMetadata().getName(), e.getMessage());
    }
  }

  private ServiceAccount reread(ServiceAccount account) throws IOException {
    @Nullable ServiceAccount now = client.serviceAccounts().resource(account).get();
    if (now == null) {
      throw new IOException("service account " + name(account) + " was deleted");
    }
    return now;
  }

  private Secret withToken(Secret first) throws IOException, InterruptedException {
    String name = first.getMetadata().getNamespace() + "/" + first.getMetadata().getName();
    @Nullable Secret secret = first;
    for (Duration waited = Duration.ZERO; waited.compareTo(WAIT) < 0; waited = waited.plus(POLL)) {
      if (secret == null) {
        throw new IOException("secret " + name + " was deleted while we waited for its token");
      }
      if (hasToken(secret)) {
        return secret;
      }
      sleeper.sleep(POLL);
      secret = client.secrets().resource(first).get();
    }
    throw new Failure(
        Reason.SERVICE_ACCOUNT_MISSING,
        "secret %s has no token after %d s: is kube-controller-manager running?"
            .formatted(name, WAIT.toSeconds()));
  }

  private static boolean hasToken(Secret secret) {
    var data = secret.getData();
    return data != null && !data.getOrDefault(KEY, "").isEmpty();
  }

  private static String name(ServiceAccount account) {
    return account.getMetadata().getNamespace() + "/" + account.getMetadata().getName();
  }
}
