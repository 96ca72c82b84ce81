package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.config.ReportConfig.Trial;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.view.Facts.NodeUsage;
import io.drover.agent.view.Facts.Probe;
import io.drover.agent.view.Facts.SeenCertificate;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Quantity;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads the {@link Facts}: those that change by themselves often, the others seldom. Blocks. */
final class FactReader {
  /** ConfigMap with what a kubeadm cluster was made from. */
  static final String KUBEADM = "kube-system/kubeadm-config";

  /** ConfigMap with the CAs that the API server and its extensions trust. */
  static final String AUTHENTICATION = "kube-system/extension-apiserver-authentication";

  /** OpenShift's network configuration. */
  static final String OPENSHIFT_NETWORK = "openshift-network";

  private static final String DISCOVERY =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
          + "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
          + "application/json";

  private static final String CONFIG_MAPS = "/api/v1/namespaces/kube-system/configmaps";

  private final ApiReader api;
  private final Trials trials;
  private final KubeletUsage kubelets;
  private final SurveyConfig config;
  private final Clock clock;

  FactReader(ApiReader api, SurveyConfig config, Clock clock) {
    this.api = api;
    this.trials = new Trials(api, config.namespace());
    this.kubelets = new KubeletUsage(api, clock);
    this.config = config;
    this.clock = clock;
  }

  /** What is served; everything else depends on it. */
  Answer<Discovery> discovery() throws InterruptedException {
    return api.get("/apis", DISCOVERY)
        .then(
            list ->
                Discovery.of(list)
                    .<Answer<Discovery>>map(Answer.Found::new)
                    .orElseGet(() -> unreadable("/apis: no list of API groups")));
  }

  /**
   * All facts, but for the range of node ports, which is asked for at most daily.
   *
   * @param nodes those that are known
   */
  Facts read(
      Answer<Discovery> discovery,
      Answer<Facts.NodePortRange> nodePorts,
      Answer<Collection<Node>> nodes)
      throws InterruptedException {
    var aNode =
        nodes.found().stream().flatMap(Collection::stream).map(Node::name).sorted().findFirst();
    var objects = new HashMap<String, Answer<JsonNode>>();
    var configMaps = systemConfigMaps();
    for (String name : List.of(KUBEADM, AUTHENTICATION)) {
      objects.put(name, systemConfigMap(name, configMaps));
    }
    objects.put(OPENSHIFT_NETWORK, openShiftNetwork(discovery));
    var counts = new HashMap<String, Answer<Boolean>>();
    for (String resource : config.counted()) {
      counts.put(resource, exists(resource, discovery));
    }
    return new Facts(
        clock.instant(),
        discovery,
        version(),
        probe("/readyz?verbose"),
        probe("/livez"),
        Map.copyOf(counts),
        Map.copyOf(objects),
        configMaps,
        apiServerFlags(),
        nodeMetrics(discovery),
        kubelets.latest(),
        nodePorts,
        config.trials().contains(Trial.TAINTS) ? trials.taint(aNode) : switchedOff(),
        config.trials().contains(Trial.POD_SECURITY) ? trials.podSecurity() : switchedOff(),
        certificates(objects));
  }

  Answer<Facts.NodePortRange> nodePorts() throws InterruptedException {
    return config.trials().contains(Trial.NODE_PORTS) ? trials.nodePorts() : switchedOff();
  }

  /** The same, with the API server's own word of now. */
  Facts withReadyz(Facts facts) throws InterruptedException {
    return copy(
        facts, probe("/readyz?verbose"), facts.livez(), facts.nodeMetrics(), facts.kubeletUsage());
  }

  /** The same, with probes and usage of now; kubelets are asked only here. */
  Facts withUsage(Facts facts, Answer<Collection<Node>> nodes) throws InterruptedException {
    var metrics = nodeMetrics(facts.discovery());
    if (metrics.found().isPresent()) {
      kubelets.forget("not asked: metrics.k8s.io has it");
    } else if (nodes instanceof Answer.Found<Collection<Node>>(var known)) {
      kubelets.read(known);
    }
    return copy(facts, probe("/readyz?verbose"), probe("/livez"), metrics, kubelets.latest());
  }

  /** Whether usage should be read again soon. */
  boolean wantsUsage() {
    return kubelets.wantsAnother();
  }

  private Facts copy(
      Facts old,
      Probe readyz,
      Probe livez,
      Answer<List<NodeUsage>> nodeMetrics,
      Answer<List<NodeUsage>> kubeletUsage) {
    return new Facts(
        clock.instant(),
        old.discovery(),
        old.version(),
        readyz,
        livez,
        old.counts(),
        old.objects(),
        old.systemConfigMaps(),
        old.apiServerFlags(),
        nodeMetrics,
        kubeletUsage,
        old.nodePorts(),
        old.taintTrial(),
        old.podSecurityAdmission(),
        old.certificates());
  }

  private Answer<JsonNode> version() throws InterruptedException {
    return api.get("/version")
        .then(
            info ->
                Json.text(info.path("gitVersion")).isEmpty()
                    ? unreadable("/version: names no version")
                    : new Answer.Found<>(info));
  }

  private Probe probe(String path) throws InterruptedException {
    long start = System.nanoTime();
    var text = api.check(path);
    return new Probe(text, Duration.ofNanos(System.nanoTime() - start));
  }

  private static <T> Answer<T> switchedOff() {
    return new Answer.Missing<>(Cause.SWITCHED_OFF, "switched off by configuration");
  }

  private static <T> Answer<T> notServed(String what) {
    return new Answer.Missing<>(Cause.NOT_SERVED, what + " is not served");
  }

  private static <T> Answer<T> unreadable(String what) {
    return new Answer.Missing<>(Cause.UNREADABLE, "GET " + what);
  }

  /** One object; another one in its place would look as if this had nothing in it. */
  private Answer<JsonNode> object(String collection, String name) throws InterruptedException {
    String path = collection + "/" + name;
    return api.get(path)
        .then(
            object ->
                Json.name(object).equals(name)
                    ? new Answer.Found<>(object)
                    : unreadable(path + ": not the object of that name"));
  }

  private Answer<Set<String>> systemConfigMaps() throws InterruptedException {
    var names = new HashSet<String>();
    return api.list(CONFIG_MAPS, ObjectMetadata.LIST_FORM, object -> names.add(Json.name(object)))
        .map(_ -> Set.copyOf(names));
  }

  /** Not asked for if the list says that it is not there. */
  private Answer<JsonNode> systemConfigMap(String name, Answer<Set<String>> known)
      throws InterruptedException {
    String shortName = name.substring("kube-system/".length());
    if (known instanceof Answer.Found<Set<String>>(var names) && !names.contains(shortName)) {
      return new Answer.Missing<>(Cause.NOT_SERVED, "there is no ConfigMap " + name);
    }
    return object(CONFIG_MAPS, shortName);
  }

  private Answer<JsonNode> openShiftNetwork(Answer<Discovery> discovery)
      throws InterruptedException {
    String group = "config.openshift.io";
    if (discovery instanceof Answer.Found<Discovery>(var served)
        && !served.serves(group, "networks")) {
      return notServed("networks." + group);
    }
    return discovery instanceof Answer.Missing<Discovery> missing
        ? missing.of()
        : object("/apis/" + group + "/v1/networks", "cluster");
  }

  private Answer<Boolean> exists(String resource, Answer<Discovery> discovery)
      throws InterruptedException {
    return switch (discovery) {
      case Answer.Missing<Discovery> missing -> missing.of();
      case Answer.Found<Discovery>(var served) -> {
        int slash = resource.indexOf('/');
        String group = resource.substring(0, slash);
        String plural = resource.substring(slash + 1);
        if (!served.serves(group, plural)) {
          yield notServed(plural + "." + group);
        }
        String version = served.version(group).orElse("v1");
        yield api.list(
                "/apis/" + group + "/" + version + "/" + plural + "?limit=1",
                ObjectMetadata.LIST_FORM,
                _ -> {})
            .map(listed -> listed.items() > 0);
      }
    };
  }

  /** Of one API server's pod, where such pods can be seen. */
  private Answer<List<String>> apiServerFlags() throws InterruptedException {
    var flags = new ArrayList<String>();
    var listed =
        api.list(
            "/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-apiserver&limit=1",
            "application/json",
            pod -> {
              JsonNode container = pod.path("spec").path("containers").path(0);
              flags.addAll(Json.texts(container.path("command")));
              flags.addAll(Json.texts(container.path("args")));
            });
    return listed.then(
        found ->
            found.items() == 0
                ? new Answer.Missing<>(Cause.NO_EVIDENCE, "no pod of kube-apiserver to be seen")
                : new Answer.Found<>(List.copyOf(flags)));
  }

  private Answer<List<NodeUsage>> nodeMetrics(Answer<Discovery> discovery)
      throws InterruptedException {
    if (discovery instanceof Answer.Found<Discovery>(var served)
        && !served.hasGroup("metrics.k8s.io")) {
      return notServed("metrics.k8s.io");
    }
    var usage = new ArrayList<NodeUsage>();
    return api.list(
            "/apis/metrics.k8s.io/v1beta1/nodes",
            "application/json",
            object -> nodeUsage(object).ifPresent(usage::add))
        .map(_ -> List.copyOf(usage));
  }

  private static Optional<NodeUsage> nodeUsage(JsonNode object) {
    var usage = Json.quantities(object.path("usage"));
    @Nullable Quantity cpu = usage.get("cpu");
    @Nullable Quantity memory = usage.get("memory");
    return cpu == null || memory == null
        ? Optional.empty()
        : Optional.of(
            new NodeUsage(
                Json.name(object), cpu, memory, time(Json.text(object.path("timestamp")))));
  }

  private static @Nullable Instant time(String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeException _) {
      return null;
    }
  }

  private List<SeenCertificate> certificates(Map<String, Answer<JsonNode>> objects)
      throws InterruptedException {
    var seen = new ArrayList<SeenCertificate>();
    for (X509Certificate certificate : config.servingCertificates().read()) {
      seen.add(Certificates.of("connection to the API server", certificate));
    }
    if (objects.get(AUTHENTICATION) instanceof Answer.Found<JsonNode>(var authentication)) {
      for (String key : List.of("client-ca-file", "requestheader-client-ca-file")) {
        Certificates.ofBundle(
                "ConfigMap " + AUTHENTICATION + " " + key,
                Json.text(authentication.path("data").path(key)))
            .ifPresent(seen::add);
      }
    }
    return List.copyOf(seen);
  }
}
