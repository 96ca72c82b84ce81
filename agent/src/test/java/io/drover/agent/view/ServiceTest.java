package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ServiceTest {
  @Test
  void loadBalancer() {
    var service =
        Service.of(
                Given.json(
                    """
                    {metadata: {namespace: 'kube-system', name: 'traefik',
                       creationTimestamp: '2026-01-01T00:00:00Z',
                       annotations: {'metallb.universe.tf/ip-allocated-from-pool': 'first'},
                       finalizers: ['service.kubernetes.io/load-balancer-cleanup']},
                     spec: {type: 'LoadBalancer', loadBalancerClass: 'io.cilium/l2-announcer',
                       clusterIPs: ['10.43.1.2'], ipFamilies: ['IPv4']},
                     status: {loadBalancer: {ingress: [
                       {ip: '192.0.2.1', ipMode: 'VIP'}, {hostname: 'x.elb.example.com'}]}}}
                    """))
            .orElseThrow();

    assertThat(service.type()).isEqualTo("LoadBalancer");
    assertThat(service.loadBalancerClass()).isEqualTo("io.cilium/l2-announcer");
    assertThat(service.annotations()).hasSize(1);
    assertThat(service.finalizers()).containsExactly("service.kubernetes.io/load-balancer-cleanup");
    assertThat(service.addresses()).containsExactly("192.0.2.1", "x.elb.example.com");
    assertThat(service.clusterIps()).containsExactly("10.43.1.2");
    assertThat(service.ipFamilies()).containsExactly("IPv4");
    assertThat(service.created()).isEqualTo("2026-01-01T00:00:00Z");
  }

  @Test
  void loadBalancerWithoutAddress() {
    var service =
        Service.of(
                Given.json(
                    """
                    {metadata: {namespace: 'n', name: 's'}, spec: {type: 'LoadBalancer'},
                     status: {loadBalancer: {}}}
                    """))
            .orElseThrow();

    assertThat(service.addresses()).isEmpty();
    assertThat(service.loadBalancerClass()).isEmpty();
  }

  @Test
  void ofOthersOnlyThoseThatAreAskedForAreKept() {
    String json = "{metadata: {namespace: '%s', name: '%s'}, spec: {type: 'ClusterIP'}}";

    assertThat(Service.of(Given.json(json.formatted("default", "kubernetes")))).isPresent();
    assertThat(Service.of(Given.json(json.formatted("cattle-system", "rancher")))).isPresent();
    assertThat(Service.of(Given.json(json.formatted("other", "kubernetes")))).isEmpty();
    assertThat(Service.of(Given.json(json.formatted("default", "web")))).isEmpty();
  }
}
