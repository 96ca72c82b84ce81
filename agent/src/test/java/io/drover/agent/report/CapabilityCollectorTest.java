package io.drover.agent.report;

import static io.drover.agent.report.FakeView.found;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.agent.view.Facts.NodePortRange;
import io.drover.agent.view.Facts.TaintTrial;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Capabilities;
import io.drover.proto.report.Capabilities.IngressCapabilities;
import io.drover.proto.report.Capabilities.LoadBalancerCapabilities;
import io.drover.proto.report.Cause;
import io.drover.proto.report.ClusterReport.Undetermined;
import io.drover.proto.report.Details;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class CapabilityCollectorTest {
  private static final String SCALING = "nodePoolScalingSupported";

  private final Findings findings = new Findings(FakeView.AT);

  private CapabilityCollector.Collected collect(FakeView view, int maxListed) {
    return new CapabilityCollector().collect(view, findings, maxListed);
  }

  private static Stream<String> paths() {
    return Stream.of(
            names(Capabilities.class).map(name -> "capabilities." + name),
            names(Details.class).filter(name -> !name.equals("omitted")).map(n -> "details." + n),
            Stream.of("provider"))
        .flatMap(each -> each);
  }

  private static Stream<String> names(Class<? extends Record> type) {
    return Stream.of(type.getRecordComponents()).map(RecordComponent::getName);
  }

  private static Map<String, Object> present(Record record) throws ReflectiveOperationException {
    var present = new TreeMap<String, Object>();
    for (RecordComponent component : record.getClass().getRecordComponents()) {
      Object value = component.getAccessor().invoke(record);
      if (value != null) {
        present.put(component.getName(), value);
      }
    }
    return present;
  }

  @ParameterizedTest
  @EnumSource(Cause.class)
  void nothingIsSaidOfAClusterThatTellsNothing(Cause cause) throws ReflectiveOperationException {
    var collected = collect(FakeView.silent(cause), 10);

    assertThat(present(collected.capabilities()))
        .isEqualTo(
            Map.of(SCALING, false, "loadBalancerCapabilities", LoadBalancerCapabilities.unknown()));
    assertThat(present(collected.details())).isEqualTo(Map.of("omitted", Map.of()));
    assertThat(collected.provider()).isNull();
    assertThat(findings.undetermined())
        .extracting(Undetermined::path)
        .containsExactlyInAnyOrderElementsOf(
            paths().filter(path -> !path.endsWith(SCALING)).toList());
    assertThat(findings.undetermined()).extracting(Undetermined::cause).containsOnly(cause);
    assertThat(findings.evidence()).containsOnlyKeys("capabilities." + SCALING);
  }

  /** One kind that cannot be read must not turn into a no elsewhere, whatever it is. */
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"NOT_SERVED", "NO_EVIDENCE", "SWITCHED_OFF"})
  void failureOfOneKindTakesNothingBack(Cause cause) throws ReflectiveOperationException {
    var whole = collect(k3s(), 10);
    for (var kind : FakeView.KINDS) {
      var partly = collect(k3s().without(kind, cause), 10);

      var before = present(whole.capabilities());
      before.remove("loadBalancerCapabilities");
      present(partly.capabilities())
          .forEach(
              (name, value) ->
                  assertThat(value)
                      .as("%s without %s", name, kind)
                      .isIn(before.get(name), partly.capabilities().loadBalancerCapabilities()));
      assertThat(partly.capabilities().loadBalancerCapabilities().enabled())
          .as("without %s", kind)
          .isNotEqualTo(false);
    }
  }

  @Test
  void everyPathIsEitherKnownOrUndetermined() {
    for (FakeView view : List.of(new FakeView(), k3s())) {
      var each = new Findings(FakeView.AT);
      new CapabilityCollector().collect(view, each, 10);

      var all = new ArrayList<>(each.evidence().keySet());
      each.undetermined().forEach(undetermined -> all.add(undetermined.path()));
      assertThat(all).doesNotHaveDuplicates().containsAll(paths().toList());
    }
  }

  private static FakeView k3s() {
    return new FakeView()
        .gitVersion("v1.33.2+k3s1")
        .nodePorts(found(new NodePortRange(30000, 32767)))
        .taintTrial(found(TaintTrial.ACCEPTED))
        .with(
            Kinds.NODES,
            """
            {metadata:{name:'server',annotations:{'k3s.io/node-args':'["server"]'}},
             spec:{providerID:'k3s://server',podCIDRs:['10.42.0.0/24']},
             status:{nodeInfo:{osImage:'openSUSE Leap'}}}
            """)
        .with(
            Kinds.SERVICES,
            """
            {metadata:{namespace:'kube-system',name:'traefik',
              finalizers:['svccontroller.k3s.cattle.io/daemonset']},
             spec:{type:'LoadBalancer'},status:{loadBalancer:{ingress:[{ip:'10.0.0.2'}]}}}
            """,
            """
            {metadata:{namespace:'default',name:'kubernetes'},
             spec:{type:'ClusterIP',ipFamilies:['IPv4'],clusterIPs:['10.43.0.1']}}
            """)
        .with(
            Kinds.DEPLOYMENTS,
            """
            {metadata:{namespace:'kube-system',name:'traefik'},
             spec:{template:{spec:{containers:[{image:'rancher/mirrored-library-traefik:3.3'}]}}},
             status:{readyReplicas:1}}
            """)
        .with(
            Kinds.INGRESS_CLASSES,
            "{metadata:{name:'traefik'},spec:{controller:'traefik.io/ingress-controller'}}")
        .with(
            Kinds.STORAGE_CLASSES,
            """
            {metadata:{name:'local-path',
              annotations:{'storageclass.kubernetes.io/is-default-class':'true'}},
             provisioner:'rancher.io/local-path'}
            """);
  }

  @Test
  void k3sIsSeenAsItIs() {
    var collected = collect(k3s(), 10);

    assertThat(collected.provider()).isEqualTo("k3s");
    assertThat(collected.capabilities())
        .isEqualTo(
            new Capabilities(
                new LoadBalancerCapabilities(true, "klipper", List.of("TCP", "UDP"), false),
                List.of(new IngressCapabilities("traefik", null)),
                false,
                "30000-32767",
                true,
                false));
    assertThat(collected.details().networkPolicy())
        .isEqualTo(new Details.NetworkPolicy(true, "k3s", false));
    assertThat(collected.details().storageClasses()).hasSize(1);
    assertThat(collected.details().omitted()).isEmpty();
  }

  @Test
  void countedAreTheNeedsOfLoadBalancersInAnyVersion() {
    assertThat(CapabilityCollector.counted())
        .contains("metallb.io/ipaddresspools", "crd.projectcalico.org/ippools")
        .allMatch(name -> name.matches("[^/?]+/[^/?]+"));
  }

  @Test
  void orderInTheViewDoesNotMatter() {
    var names = List.of("a", "b", "c", "d");
    var forth = new FakeView();
    var back = new FakeView();
    names.forEach(name -> fill(forth, name));
    names.reversed().forEach(name -> fill(back, name));

    assertThat(collect(back, 10)).isEqualTo(collect(forth, 10));
  }

  private static void fill(FakeView view, String name) {
    view.with(
            Kinds.NODES,
            """
            {metadata:{name:'%s',labels:{'eks.amazonaws.com/nodegroup':'%s'}},
             spec:{providerID:'aws:///z/%s',taints:[{key:'%s',effect:'NoSchedule'}]}}
            """
                .formatted(name, name, name, name))
        .with(
            Kinds.SERVICES,
            """
            {metadata:{namespace:'x',name:'%s'},spec:{type:'LoadBalancer',loadBalancerClass:'%s'},
             status:{loadBalancer:{ingress:[{ip:'1.2.3.4'}]}}}
            """
                .formatted(name, name))
        .with(
            Kinds.INGRESS_CLASSES,
            "{metadata:{name:'%s'},spec:{controller:'%s'}}".formatted(name, name))
        .with(
            Kinds.STORAGE_CLASSES, "{metadata:{name:'%s'},provisioner:'%s'}".formatted(name, name))
        .with(Kinds.CSI_DRIVERS, "{metadata:{name:'%s'}}".formatted(name));
  }

  @Test
  void longListsAreCutAndCounted() {
    var view = new FakeView();
    List.of("a", "b", "c", "d").forEach(name -> fill(view, name));

    var details = collect(view, 3).details();

    assertThat(details.taints()).hasSize(3);
    assertThat(details.storageClasses()).hasSize(3);
    assertThat(details.csiDrivers()).hasSize(3);
    assertThat(details.nodePools()).hasSize(3);
    assertThat(details.ingressControllers()).hasSize(3);
    assertThat(details.loadBalancers()).hasSize(3);
    assertThat(details.omitted())
        .isEqualTo(
            Map.of(
                "taints", 1,
                "storageClasses", 1,
                "csiDrivers", 1,
                "nodePools", 1,
                "ingressControllers", 1,
                "ingressCapabilities", 1,
                "loadBalancers", 2));
  }
}
