package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WorkloadTest {
  @Test
  void deployment() {
    var deployment =
        Workload.deployment(
                Given.json(
                    """
                    {metadata: {namespace: 'kube-system', name: 'coredns', labels: {app: 'own'}},
                     spec: {replicas: 3, template: {
                       metadata: {labels: {app: 'of pods', 'k8s-app': 'kube-dns'}},
                       spec: {containers: [{image: 'coredns:1.11'}, {image: 'proxy:2'}]}}},
                     status: {replicas: 3, readyReplicas: 1, conditions: [
                       {type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable'},
                       {type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable',
                        message: 'Deployment does not have minimum availability.'}]}}
                    """))
            .orElseThrow();

    assertThat(deployment.kind()).isEqualTo("Deployment");
    assertThat(deployment.namespace()).isEqualTo("kube-system");
    assertThat(deployment.name()).isEqualTo("coredns");
    assertThat(deployment.labels())
        .containsEntry("app", "own")
        .containsEntry("k8s-app", "kube-dns");
    assertThat(deployment.images()).containsExactly("coredns:1.11", "proxy:2");
    assertThat(deployment.desired()).isEqualTo(3);
    assertThat(deployment.ready()).isEqualTo(1);
    assertThat(deployment.reason()).isEqualTo("MinimumReplicasUnavailable");
  }

  @Test
  void deploymentThatIsWellHasNoReason() {
    var deployment =
        Workload.deployment(
                Given.json(
                    """
                    {spec: {replicas: 1}, status: {readyReplicas: 1, conditions: [
                       {type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable'},
                       {type: 'ReplicaFailure', status: 'False', reason: 'FailedCreate'}]}}
                    """))
            .orElseThrow();

    assertThat(deployment.reason()).isEmpty();
  }

  @Test
  void deploymentWhosePodsAreRefused() {
    var deployment =
        Workload.deployment(
                Given.json(
                    """
                    {status: {conditions: [
                       {type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate'}]}}
                    """))
            .orElseThrow();

    assertThat(deployment.desired()).as("the default").isEqualTo(1);
    assertThat(deployment.ready()).isZero();
    assertThat(deployment.reason()).isEqualTo("FailedCreate");
  }

  @Test
  void statefulSetScaledToNone() {
    var statefulSet =
        Workload.statefulSet(
                Given.json("{metadata: {namespace: 'n', name: 's'}, spec: {replicas: 0}}"))
            .orElseThrow();

    assertThat(statefulSet.kind()).isEqualTo("StatefulSet");
    assertThat(statefulSet.desired()).isZero();
  }

  @Test
  void daemonSetIsWantedOnSomeNodes() {
    var daemonSet =
        Workload.daemonSet(
                Given.json(
                    """
                    {metadata: {namespace: 'n', name: 'd'}, spec: {},
                     status: {desiredNumberScheduled: 3, numberReady: 2, numberAvailable: 2}}
                    """))
            .orElseThrow();

    assertThat(daemonSet.kind()).isEqualTo("DaemonSet");
    assertThat(daemonSet.desired()).isEqualTo(3);
    assertThat(daemonSet.ready()).isEqualTo(2);
  }
}
