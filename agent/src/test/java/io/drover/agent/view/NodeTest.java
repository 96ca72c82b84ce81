package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Node.NodeCondition;
import io.drover.agent.view.Node.Taint;
import io.drover.proto.report.Quantity;
import java.util.List;
import org.junit.jupiter.api.Test;

class NodeTest {
  private static Node node(String json) {
    return Node.of(Given.json(json)).orElseThrow();
  }

  @Test
  void node() {
    var node =
        node(
            """
            {metadata: {name: 'a',
               labels: {'kubernetes.io/os': 'linux', 'node-role.kubernetes.io/control-plane': ''},
               annotations: {'management.cattle.io/pod-limits': '{}'}},
             spec: {providerID: 'k3s://a', podCIDR: '10.42.0.0/24', podCIDRs: ['10.42.0.0/24', 'fd00::/64'],
               unschedulable: true,
               taints: [{key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule'}]},
             status: {
               capacity: {cpu: '8', memory: '16303428Ki', pods: '110'},
               allocatable: {cpu: '7500m', memory: '15Gi', pods: '110'},
               conditions: [
                 {type: 'MemoryPressure', status: 'False', reason: 'KubeletHasSufficientMemory'},
                 {type: 'Ready', status: 'True', reason: 'KubeletReady',
                  message: 'kubelet is posting ready status',
                  lastHeartbeatTime: '2026-01-02T03:04:05Z',
                  lastTransitionTime: '2026-01-01T00:00:00Z'}],
               nodeInfo: {osImage: 'Debian', kernelVersion: '6.12', kubeletVersion: 'v1.34.1+k3s1',
                 operatingSystem: 'linux'},
               images: [{names: ['k8s-minikube/storage-provisioner:v5'], sizeBytes: 1}]}}
            """);

    assertThat(node.name()).isEqualTo("a");
    assertThat(node.labels()).containsEntry("kubernetes.io/os", "linux").hasSize(2);
    assertThat(node.annotations()).containsEntry("management.cattle.io/pod-limits", "{}");
    assertThat(node.taints())
        .containsExactly(new Taint("node-role.kubernetes.io/control-plane", "", "NoSchedule"));
    assertThat(node.unschedulable()).isTrue();
    assertThat(node.providerId()).isEqualTo("k3s://a");
    assertThat(node.podCidrs()).containsExactly("10.42.0.0/24", "fd00::/64");
    assertThat(node.conditions())
        .containsEntry(
            "Ready",
            new NodeCondition(
                "True", "KubeletReady", "kubelet is posting ready status", "2026-01-01T00:00:00Z"))
        .containsKey("MemoryPressure");
    assertThat(node.kubeletVersion()).isEqualTo("v1.34.1+k3s1");
    assertThat(node.capacity()).containsEntry("memory", Quantity.parse("16303428Ki"));
    assertThat(node.allocatable()).containsEntry("cpu", Quantity.parse("7500m"));
    assertThat(node.images()).containsExactly("k8s-minikube/");
  }

  @Test
  void nodeThatHasJustJoined() {
    var node = node("{metadata: {name: 'a'}, spec: {podCIDR: '10.42.0.0/24'}}");

    assertThat(node.conditions()).isEmpty();
    assertThat(node.capacity()).isEmpty();
    assertThat(node.unschedulable()).isFalse();
    assertThat(node.podCidrs()).isEqualTo(List.of("10.42.0.0/24"));
  }

  @Test
  void longAnnotationIsNotKept() {
    var node =
        node(
            "{metadata: {name: 'a', annotations: {short: 'x', long: '%s', number: 1}}}"
                .formatted("x".repeat(Node.MAX_ANNOTATION_CHARACTERS + 1)));

    assertThat(node.annotations()).containsOnlyKeys("short");
  }
}
