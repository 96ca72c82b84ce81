package io.drover.agent.view;

import static io.drover.agent.kube.TestApi.json;
import static io.drover.agent.kube.TestApi.reply;
import static io.drover.agent.kube.TestApi.status;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.drover.agent.config.ReportConfig.Trial;
import io.drover.agent.kube.TestApi;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A cluster of one node that serves everything, and has one of most kinds; of what load balancers
 * need, it has MetalLB's.
 */
public final class SmallCluster {
  /** The refusal that tells the range of node ports. */
  static final String REFUSED_PORT =
      "Service is invalid: spec.ports[0].nodePort: Invalid value: 1: provided port is not in the"
          + " valid range. The range of valid ports is 30000-32767";

  public static final String REVIEW = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

  private static final Map<Kind<?>, String> OBJECTS =
      Map.of(
          Kinds.NODES,
          """
          {metadata: {name: 'n1', labels: {'kubernetes.io/os': 'linux'}},
           spec: {providerID: 'k3s://n1', podCIDRs: ['10.42.0.0/24']},
           status: {
             capacity: {cpu: '8', memory: '16Gi', pods: '110'},
             allocatable: {cpu: '8', memory: '16Gi', pods: '110', 'nvidia.com/gpu': '1'},
             conditions: [{type: 'Ready', status: 'True', reason: 'KubeletReady'}],
             nodeInfo: {osImage: 'Debian', kubeletVersion: 'v1.34.1+k3s1'}}}
          """,
          Kinds.PODS,
          """
          {metadata: {name: 'p1', namespace: 'kube-system'},
           spec: {nodeName: 'n1', containers: [
             {name: 'a', image: 'a:1', resources: {requests: {cpu: '100m', memory: '64Mi'}}}]},
           status: {phase: 'Running', conditions: [{type: 'Ready', status: 'True'}]}}
          """,
          Kinds.SERVICES,
          """
          {metadata: {name: 'kubernetes', namespace: 'default'},
           spec: {type: 'ClusterIP', clusterIPs: ['10.43.0.1'], ipFamilies: ['IPv4']}},
          {metadata: {name: 'web', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z'},
           spec: {type: 'LoadBalancer', loadBalancerClass: 'metallb.io/metallb',
             clusterIPs: ['10.43.0.2'], ipFamilies: ['IPv4']},
           status: {loadBalancer: {ingress: [{ip: '192.0.2.1'}]}}}
          """,
          Kinds.DEPLOYMENTS,
          """
          {metadata: {name: 'ingress-nginx-controller', namespace: 'ingress-nginx'},
           spec: {replicas: 1, template: {spec: {containers: [
             {image: 'registry.k8s.io/ingress-nginx/controller:v1.13.0'}]}}},
           status: {readyReplicas: 1}}
          """,
          Kinds.INGRESS_CLASSES,
          """
          {metadata: {name: 'nginx',
             annotations: {'ingressclass.kubernetes.io/is-default-class': 'true'}},
           spec: {controller: 'k8s.io/ingress-nginx'}}
          """,
          Kinds.INGRESSES,
          """
          {metadata: {name: 'web', namespace: 'shop'}, spec: {ingressClassName: 'nginx'},
           status: {loadBalancer: {ingress: [{ip: '192.0.2.2'}]}}}
          """,
          Kinds.GATEWAY_CLASSES,
          """
          {metadata: {name: 'g'}, spec: {controllerName: 'example.com/gateway'},
           status: {conditions: [{type: 'Accepted', status: 'True'}]}}
          """,
          Kinds.STORAGE_CLASSES,
          """
          {metadata: {name: 'fast', creationTimestamp: '2026-01-01T00:00:00Z',
             annotations: {'storageclass.kubernetes.io/is-default-class': 'true'}},
           provisioner: 'csi.example.com', allowVolumeExpansion: true}
          """,
          Kinds.CSI_NODES,
          "{metadata: {name: 'n1'}, spec: {drivers: [{name: 'csi.example.com'}]}}",
          Kinds.API_SERVICES,
          """
          {metadata: {name: 'v1beta1.metrics.k8s.io'}, spec: {service: {name: 'metrics-server'}},
           status: {conditions: [{type: 'Available', status: 'True'}]}}
          """);

  private SmallCluster() {}

  /** Answers as such a cluster would. */
  public static TestApi answer(TestApi api, Set<String> counted) {
    kinds()
        .forEach(
            kind ->
                api.on("GET " + kind.path(kind.version()), list(kind))
                    .on("WATCH " + kind.path(kind.version()), new TestApi.Watch()));
    counted.forEach(
        resource ->
            api.on(
                "GET /apis/" + resource.replace("/", "/v1/"),
                list(resource.startsWith("metallb.io/") ? "{metadata: {name: 'one'}}" : "")));
    String configMaps = "/api/v1/namespaces/kube-system/configmaps";
    return answerDiscovery(api, counted)
        .on("GET /version", given("{major: '1', minor: '34', gitVersion: 'v1.34.1+k3s1'}"))
        .on("GET /readyz", reply(200, Map.of(), "[+]etcd ok\nreadyz check passed\n"))
        .on("GET /livez", reply(200, Map.of(), "ok"))
        .on(
            "GET " + configMaps,
            list(
                """
                {metadata: {name: 'kubeadm-config'}},
                {metadata: {name: 'extension-apiserver-authentication'}}
                """))
        .on(
            "GET " + configMaps + "/kubeadm-config",
            given("{metadata: {name: 'kubeadm-config'}, data: {ClusterConfiguration: 'a: b'}}"))
        .on(
            "GET " + configMaps + "/extension-apiserver-authentication",
            given(
                """
                {metadata: {name: 'extension-apiserver-authentication'},
                 data: {'requestheader-client-ca-file': 'PEM'}}
                """))
        .on(
            "GET /apis/config.openshift.io/v1/networks/cluster",
            given("{metadata: {name: 'cluster'}, spec: {}}"))
        .on(
            "GET /api/v1/namespaces/kube-system/pods",
            list(
                """
                {metadata: {name: 'kube-apiserver-n1'}, spec: {containers: [
                  {command: ['kube-apiserver', '--etcd-servers=https://127.0.0.1:2379']}]}}
                """))
        .on(
            "GET /apis/metrics.k8s.io/v1beta1/nodes",
            list("{metadata: {name: 'n1'}, usage: {cpu: '1', memory: '1Gi'}}"))
        .on(REVIEW, given("{status: {allowed: true}}"))
        .on("POST /api/v1/namespaces/cattle-system/services", status(422, REFUSED_PORT))
        .on(
            "PATCH /api/v1/nodes/n1",
            given("{metadata: {name: 'n1'}, spec: {taints: [{key: 'drover.io/trial'}]}}"))
        .on(
            "PATCH /api/v1/namespaces/kube-system",
            reply(
                200,
                Map.of(
                    "Warning",
                    "299 - \"existing pods in namespace violate the new PodSecurity enforce level\""),
                "{\"metadata\":{\"name\":\"kube-system\"}}"));
  }

  /** Only says what there is. */
  public static TestApi answerDiscovery(TestApi api, Set<String> counted) {
    return api.on("GET /apis", discovery(counted));
  }

  /** All that there is to try. */
  public static SurveyConfig config(Set<String> counted) {
    return config(counted, List::of);
  }

  static SurveyConfig config(Set<String> counted, SurveyConfig.CertificateSource certificates) {
    return new SurveyConfig("cattle-system", counted, EnumSet.allOf(Trial.class), certificates);
  }

  /** All that is read as a whole. */
  public static List<Kind<?>> kinds() {
    return Stream.of(Kinds.WATCHED, Kinds.READ, Kinds.SELDOM)
        .<Kind<?>>flatMap(List::stream)
        .toList();
  }

  private static TestApi.Reply list(Kind<?> kind) {
    return list(OBJECTS.getOrDefault(kind, "{metadata: {name: 'one', namespace: 'kube-system'}}"));
  }

  static TestApi.Reply list(String objects) {
    return given("{metadata: {resourceVersion: '100'}, items: [" + objects + "]}");
  }

  static TestApi.Reply given(String json) {
    return json(Given.json(json).toString());
  }

  private static TestApi.Reply discovery(Set<String> counted) {
    var resources = new TreeMap<String, String>();
    Stream.concat(
            kinds().stream().map(kind -> kind.group() + "/" + kind.plural()),
            Stream.concat(
                counted.stream(),
                Stream.of("config.openshift.io/networks", "metrics.k8s.io/nodes")))
        .filter(resource -> !resource.startsWith("/"))
        .forEach(
            resource -> {
              int slash = resource.indexOf('/');
              resources.merge(
                  resource.substring(0, slash),
                  "{resource: '" + resource.substring(slash + 1) + "'}",
                  (one, other) -> one + ", " + other);
            });
    var groups = JsonNodeFactory.instance.arrayNode();
    resources.forEach(
        (group, list) ->
            groups.add(
                Given.json(
                    "{metadata: {name: '%s'}, versions: [{version: '%s', resources: [%s]}]}"
                        .formatted(
                            group, group.equals("metrics.k8s.io") ? "v1beta1" : "v1", list))));
    return json("{\"kind\":\"APIGroupDiscoveryList\",\"items\":" + groups + "}");
  }
}
