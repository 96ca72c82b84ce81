package io.drover.server.health;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ProviderTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "v1.36.2+k3s1 | | k3s",
        "v1.36.2+rke2r1 | | rke2",
        "v1.30.1-eks-1234 | | eks",
        "v1.30.1-gke.100 | | gke",
        "v1.30.1 | | ``",
        "v1.30.1 | {'metadata':{'labels':{'kubernetes.azure.com/cluster':'x'}}} | aks",
        "v1.30.1+rke2r1 | {'metadata':{'labels':{'harvesterhci.io/managed':'true'}}} | harvester",
        "v1.30.1 | {'metadata':{'labels':{'minikube.k8s.io/name':'x'}}} | minikube",
        "v1.30.1 | {'status':{'nodeInfo':{'osImage':'Docker Desktop'}}} | docker",
        "v1.30.1 | {'metadata':{'annotations':{'rke.cattle.io/internal-ip':'x'}}} | rke",
        "v1.30.1 | {'metadata':{'labels':{'kubernetes.io/os':'windows'},"
            + "'annotations':{'rke.cattle.io/internal-ip':'x'}}} | rke.windows",
      })
  void providerIsKnownByVersionAndNodes(String gitVersion, String node, String provider)
      throws Exception {
    var version = JSON.createObjectNode().put("gitVersion", gitVersion);
    var items = "{\"items\":[" + (node == null ? "" : node.replace('\'', '"')) + "]}";

    assertThat(Provider.of(version, JSON.readTree(items))).isEqualTo(provider);
  }
}
