package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class PodTest {
  private static Pod pod(String json) {
    return Pod.of(Given.json(json)).orElseThrow();
  }

  @Test
  void runningPod() {
    var pod =
        pod(
            """
            {metadata: {namespace: 'kube-system', name: 'coredns-7db6d8ff4d-abcde',
               ownerReferences: [
                 {kind: 'Other', controller: false},
                 {kind: 'ReplicaSet', name: 'coredns-7db6d8ff4d', controller: true}]},
             spec: {nodeName: 'a', containers: [
               {image: 'coredns:1.11', resources: {requests: {cpu: '100m', memory: '70Mi'}}}]},
             status: {phase: 'Running',
               conditions: [{type: 'PodScheduled', status: 'True'}, {type: 'Ready', status: 'True'}],
               containerStatuses: [{ready: true, restartCount: 3, state: {running: {}},
                 lastState: {terminated: {reason: 'Error'}}}]}}
            """);

    assertThat(pod.namespace()).isEqualTo("kube-system");
    assertThat(pod.name()).isEqualTo("coredns-7db6d8ff4d-abcde");
    assertThat(pod.node()).isEqualTo("a");
    assertThat(pod.ready()).isTrue();
    assertThat(pod.controlled()).isTrue();
    assertThat(pod.reason()).isEmpty();
    assertThat(pod.hasEnded()).isFalse();
    assertThat(pod.amounts().requests()).hasSize(2);
    // Its workload has them.
    assertThat(pod.images()).isEmpty();
  }

  @Test
  void podThatCannotBeScheduled() {
    var pod =
        pod(
            """
            {metadata: {namespace: 'n', name: 'p'}, spec: {containers: []},
             status: {phase: 'Pending', conditions: [
               {type: 'PodScheduled', status: 'False', reason: 'Unschedulable',
                message: '0/3 nodes are available: 3 Insufficient cpu.'}]}}
            """);

    assertThat(pod.node()).isEmpty();
    assertThat(pod.ready()).isFalse();
    assertThat(pod.controlled()).isFalse();
    assertThat(pod.reason()).isEqualTo("Unschedulable");
    assertThat(pod.message()).startsWith("0/3 nodes");
  }

  @Test
  void podWhoseContainerCrashes() {
    var pod =
        pod(
            """
            {metadata: {namespace: 'n', name: 'p'}, spec: {nodeName: 'a'},
             status: {phase: 'Running',
               conditions: [{type: 'Ready', status: 'False', reason: 'ContainersNotReady'}],
               containerStatuses: [
                 {state: {running: {}}},
                 {state: {waiting: {reason: 'CrashLoopBackOff', message: 'back-off 5m0s'}}}]}}
            """);

    assertThat(pod.reason()).isEqualTo("CrashLoopBackOff");
    assertThat(pod.message()).isEqualTo("back-off 5m0s");
  }

  @Test
  void podWhoseInitContainerHasNoImage() {
    var pod =
        pod(
            """
            {metadata: {namespace: 'n', name: 'p'},
             status: {phase: 'Pending',
               initContainerStatuses: [{state: {waiting: {reason: 'ImagePullBackOff'}}}],
               containerStatuses: [{state: {waiting: {reason: 'PodInitializing'}}}]}}
            """);

    assertThat(pod.reason()).isEqualTo("ImagePullBackOff");
  }

  @Test
  void podThatIsAboutToStartHasNoReason() {
    var pod =
        pod(
            """
            {metadata: {namespace: 'n', name: 'p'},
             status: {phase: 'Pending',
               conditions: [{type: 'PodScheduled', status: 'True'}],
               containerStatuses: [{state: {waiting: {reason: 'ContainerCreating'}}}]}}
            """);

    assertThat(pod.reason()).isEmpty();
  }

  @Test
  void staticPodHasItsImages() {
    var pod =
        pod(
            """
            {metadata: {namespace: 'kube-system', name: 'kube-apiserver-a',
               ownerReferences: [{kind: 'Node', name: 'a', controller: true}]},
             spec: {containers: [{image: 'kube-apiserver:v1.34.1'}]}, status: {phase: 'Running'}}
            """);

    assertThat(pod.images()).isEqualTo(List.of("kube-apiserver:v1.34.1"));
  }

  @Test
  void podsThatSucceededOrFailedHaveEnded() {
    assertThat(pod("{status: {phase: 'Succeeded'}}").hasEnded()).isTrue();
    assertThat(pod("{status: {phase: 'Failed'}}").hasEnded()).isTrue();
    assertThat(pod("{status: {phase: 'Unknown'}}").hasEnded()).isFalse();
  }

  @Test
  void longMessageIsShortened() {
    var pod =
        pod(
            "{status: {containerStatuses: [{state: {waiting: {reason: 'X', message: '%s'}}}]}}"
                .formatted("x".repeat(5000)));

    assertThat(pod.message()).hasSizeLessThan(300).endsWith("…");
  }
}
