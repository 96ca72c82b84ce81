package io.drover.standin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.SecretBuilder;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.Watcher;
import io.fabric8.kubernetes.client.WatcherException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the agent asks of a cluster, with the agent's client. */
@Timeout(value = 60, unit = TimeUnit.SECONDS)
class Fabric8Test {
  private static final String NAMESPACE = "kube-system";

  @TempDir private static Path directory;
  private static StandIn standIn;
  private static KubernetesClient client;

  @BeforeAll
  static void start() throws Exception {
    standIn =
        StandIn.start(directory, 1, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    client =
        new KubernetesClientBuilder()
            .withConfig(Config.fromKubeconfig(standIn.kubeconfig().toFile()))
            .build();
  }

  @AfterAll
  static void stop() {
    client.close();
    standIn.close();
  }

  @Test
  void fillsTheTokenSecretOfAnAccount() {
    var secret =
        new SecretBuilder()
            .withNewMetadata()
            .withGenerateName("default-token-")
            .withAnnotations(Map.of("kubernetes.io/service-account.name", "default"))
            .endMetadata()
            .withType("kubernetes.io/service-account-token")
            .build();
    var created = client.secrets().inNamespace(NAMESPACE).resource(secret).create();
    assertThat(created.getMetadata().getName()).matches("default-token-\\w{5}");

    var filled =
        client
            .secrets()
            .resource(created)
            .waitUntilCondition(
                now -> now != null && now.getData() != null && now.getData().containsKey("token"),
                10,
                TimeUnit.SECONDS);
    assertThat(filled.getData()).containsKeys("token", "ca.crt", "namespace");
    var rootCa = client.configMaps().inNamespace(NAMESPACE).withName("kube-root-ca.crt").get();
    assertThat(rootCa.getData().get("ca.crt")).startsWith("-----BEGIN CERTIFICATE-----");
    assertThat(client.raw("/readyz")).isEqualTo("ok");
    assertThat(client.services().inNamespace(NAMESPACE).withName("rancher").get()).isNull();
  }

  @Test
  void refusesToOverwriteWhatChangedInBetween() {
    var maps = client.configMaps().inNamespace(NAMESPACE);
    var first = maps.resource(map("raced")).create();
    maps.resource(new ConfigMapBuilder(first).withData(Map.of("a", "1")).build()).update();

    var late = new ConfigMapBuilder(first).withData(Map.of("a", "2")).build();
    var refusal =
        catchThrowableOfType(KubernetesClientException.class, () -> maps.resource(late).update());
    assertThat(refusal.getCode()).isEqualTo(409);
  }

  @Test
  void watchesSeeWhatComesAndGoes() throws Exception {
    var events = new LinkedBlockingQueue<String>();
    var maps = client.configMaps().inNamespace(NAMESPACE);
    try (var _ =
        maps.withLabel("seen", "yes")
            .watch(
                new Watcher<ConfigMap>() {
                  @Override
                  public void eventReceived(Action action, ConfigMap map) {
                    events.add(action + " " + map.getMetadata().getName());
                  }

                  @Override
                  public void onClose(WatcherException cause) {
                    events.add("closed " + cause);
                  }
                })) {
      maps.resource(map("a")).create();
      var labelled =
          new ConfigMapBuilder(map("b"))
              .editMetadata()
              .addToLabels("seen", "yes")
              .endMetadata()
              .build();
      maps.resource(labelled).create();
      maps.withName("b").delete();

      assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("ADDED b");
      assertThat(events.poll(10, TimeUnit.SECONDS)).isEqualTo("DELETED b");
    }
  }

  private static ConfigMap map(String name) {
    return new ConfigMapBuilder().withNewMetadata().withName(name).endMetadata().build();
  }
}
