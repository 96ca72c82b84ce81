package io.drover.agent.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.drover.agent.kube.Answer;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Discovery;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kind;
import io.drover.agent.view.Kinds;
import io.drover.proto.report.Cause;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A cluster made up by a test. A new one is bare: all is answered, no kind has objects, only
 * Kubernetes' own groups are served, and nothing was tried. Objects are given as JSON, in which
 * names need no quotes and texts may have single ones.
 */
final class FakeView implements ClusterView {
  /** When the facts were read. */
  static final Instant AT = Instant.parse("2026-01-02T03:04:05Z");

  static final List<Kind<?>> KINDS =
      List.of(
          Kinds.NODES,
          Kinds.PODS,
          Kinds.NAMESPACES,
          Kinds.SERVICES,
          Kinds.DEPLOYMENTS,
          Kinds.DAEMON_SETS,
          Kinds.STATEFUL_SETS,
          Kinds.INGRESS_CLASSES,
          Kinds.INGRESSES,
          Kinds.GATEWAY_CLASSES,
          Kinds.STORAGE_CLASSES,
          Kinds.CSI_DRIVERS,
          Kinds.CSI_NODES,
          Kinds.SNAPSHOT_CLASSES,
          Kinds.VALIDATING_WEBHOOKS,
          Kinds.MUTATING_WEBHOOKS,
          Kinds.API_SERVICES,
          Kinds.CUSTOM_RESOURCES);

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(JsonReadFeature.ALLOW_SINGLE_QUOTES, JsonReadFeature.ALLOW_UNQUOTED_FIELD_NAMES)
          .build();

  /** What a bare cluster serves. */
  private static final List<String> OWN =
      List.of(
          "/nodes",
          "/pods",
          "/services",
          "/namespaces",
          "apps/deployments",
          "apps/daemonsets",
          "apps/statefulsets",
          "networking.k8s.io/ingresses",
          "networking.k8s.io/ingressclasses",
          "storage.k8s.io/storageclasses",
          "storage.k8s.io/csidrivers",
          "storage.k8s.io/csinodes",
          "policy/poddisruptionbudgets",
          "autoscaling/horizontalpodautoscalers",
          "apiregistration.k8s.io/apiservices",
          "admissionregistration.k8s.io/validatingwebhookconfigurations",
          "admissionregistration.k8s.io/mutatingwebhookconfigurations",
          "apiextensions.k8s.io/customresourcedefinitions");

  private final Map<Kind<?>, List<Object>> objects = new HashMap<>();
  private final Map<Kind<?>, Answer.Missing<?>> missing = new HashMap<>();
  private final Set<String> served = new HashSet<>(OWN);
  private final Set<String> broken = new HashSet<>();
  private final Map<String, Answer<Boolean>> counts = new HashMap<>();
  private final Map<String, Answer<JsonNode>> named = new HashMap<>();
  private boolean groupsOnly;
  private Answer.@Nullable Missing<Discovery> noDiscovery;
  private Answer<JsonNode> version = found(version("v1.34.1"));
  private Facts.Probe readyz = new Facts.Probe(found("ok"), Duration.ofMillis(2));
  private Facts.Probe livez = new Facts.Probe(found("ok"), Duration.ofMillis(2));
  private Answer<Set<String>> systemConfigMaps = found(Set.of());
  private Answer<List<String>> apiServerFlags = missing(Cause.NO_EVIDENCE);
  private Answer<List<Facts.NodeUsage>> nodeMetrics = missing(Cause.NOT_SERVED);
  private Answer<List<Facts.NodeUsage>> kubeletUsage = missing(Cause.NO_EVIDENCE);
  private Answer<Facts.NodePortRange> nodePorts = missing(Cause.SWITCHED_OFF);
  private Answer<Facts.TaintTrial> taintTrial = missing(Cause.SWITCHED_OFF);
  private Answer<Boolean> podSecurityAdmission = missing(Cause.SWITCHED_OFF);
  private List<Facts.SeenCertificate> certificates = List.of();

  FakeView() {
    without(Kinds.GATEWAY_CLASSES, Cause.NOT_SERVED);
    without(Kinds.SNAPSHOT_CLASSES, Cause.NOT_SERVED);
  }

  /** A cluster of which nothing can be read at all. */
  static FakeView silent(Cause cause) {
    var view = new FakeView();
    KINDS.forEach(kind -> view.without(kind, cause));
    return view.discovery(cause)
        .version(missing(cause))
        .probes(missing(cause), missing(cause))
        .systemConfigMaps(missing(cause))
        .apiServerFlags(missing(cause))
        .nodeMetrics(missing(cause))
        .kubeletUsage(missing(cause))
        .nodePorts(missing(cause))
        .taintTrial(missing(cause))
        .podSecurityAdmission(missing(cause))
        .object("kube-system/kubeadm-config", missing(cause))
        .object("kube-system/extension-apiserver-authentication", missing(cause))
        .object("openshift-network", missing(cause));
  }

  static <T> Answer<T> found(T value) {
    return new Answer.Found<>(value);
  }

  static <T> Answer.Missing<T> missing(Cause cause) {
    return new Answer.Missing<>(cause, "asked in vain: " + cause);
  }

  static JsonNode json(String text) {
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(text, e);
    }
  }

  /** Adds objects; what the API server would serve for them is served from now on. */
  FakeView with(Kind<?> kind, String... jsons) {
    for (String text : jsons) {
      kind.record().apply(json(text)).ifPresent(record -> add(kind, record));
    }
    return served(kind);
  }

  /** The same with ready records. */
  @SafeVarargs
  final <T> FakeView with(Kind<T> kind, T... records) {
    for (T record : records) {
      add(kind, record);
    }
    return served(kind);
  }

  private void add(Kind<?> kind, Object record) {
    objects.computeIfAbsent(kind, _ -> new ArrayList<>()).add(record);
  }

  private FakeView served(Kind<?> kind) {
    missing.remove(kind);
    return serving(kind.group() + "/" + kind.plural());
  }

  /** The kind cannot be read. */
  FakeView without(Kind<?> kind, Cause cause) {
    missing.put(kind, missing(cause));
    return this;
  }

  /** Serves more, as {@code group/plural}. */
  FakeView serving(String... resources) {
    served.addAll(List.of(resources));
    return this;
  }

  FakeView notServing(String resource) {
    served.remove(resource);
    return this;
  }

  /** The server of a group does not answer. */
  FakeView broken(String group) {
    broken.add(group);
    return this;
  }

  /** Discovery tells only the groups, as of an API server before 1.27. */
  FakeView groupsOnly() {
    groupsOnly = true;
    return this;
  }

  FakeView discovery(Cause cause) {
    noDiscovery = missing(cause);
    return this;
  }

  /** The version by its name, such as {@code v1.30.2+k3s1}. */
  FakeView gitVersion(String gitVersion) {
    return version(found(version(gitVersion)));
  }

  private static JsonNode version(String gitVersion) {
    String[] parts = gitVersion.substring(1).split("[.+-]", 3);
    return json(
        "{major:'%s',minor:'%s',gitVersion:'%s',platform:'linux/amd64'}"
            .formatted(parts[0], parts[1], gitVersion));
  }

  FakeView version(Answer<JsonNode> answer) {
    version = answer;
    return this;
  }

  FakeView probes(Answer<String> ready, Answer<String> live) {
    readyz = new Facts.Probe(ready, Duration.ofMillis(2));
    livez = new Facts.Probe(live, Duration.ofMillis(2));
    return this;
  }

  /** Whether there is an object of a custom resource, by {@code group/plural}; it is served. */
  FakeView count(String resource, Answer<Boolean> any) {
    counts.put(resource, any);
    return serving(resource);
  }

  FakeView object(String name, Answer<JsonNode> object) {
    named.put(name, object);
    return this;
  }

  FakeView object(String name, String json) {
    return object(name, found(json(json)));
  }

  FakeView systemConfigMaps(Answer<Set<String>> answer) {
    systemConfigMaps = answer;
    return this;
  }

  FakeView apiServerFlags(Answer<List<String>> answer) {
    apiServerFlags = answer;
    return this;
  }

  FakeView kubeletUsage(Answer<List<Facts.NodeUsage>> answer) {
    kubeletUsage = answer;
    return this;
  }

  FakeView nodeMetrics(Answer<List<Facts.NodeUsage>> answer) {
    nodeMetrics = answer;
    return this;
  }

  FakeView nodePorts(Answer<Facts.NodePortRange> answer) {
    nodePorts = answer;
    return this;
  }

  FakeView taintTrial(Answer<Facts.TaintTrial> answer) {
    taintTrial = answer;
    return this;
  }

  FakeView podSecurityAdmission(Answer<Boolean> answer) {
    podSecurityAdmission = answer;
    return this;
  }

  FakeView certificates(List<Facts.SeenCertificate> seen) {
    certificates = List.copyOf(seen);
    return this;
  }

  @Override
  @SuppressWarnings("unchecked") // add() puts only records of the kind
  public <T> Answer<Collection<T>> all(Kind<T> kind) {
    Answer.Missing<?> why = missing.get(kind);
    return why != null
        ? why.of()
        : new Answer.Found<>((List<T>) objects.getOrDefault(kind, List.of()));
  }

  @Override
  public Facts facts() {
    return new Facts(
        AT,
        noDiscovery != null ? noDiscovery : found(discovery()),
        version,
        readyz,
        livez,
        Map.copyOf(counts),
        Map.copyOf(named),
        systemConfigMaps,
        apiServerFlags,
        nodeMetrics,
        kubeletUsage,
        nodePorts,
        taintTrial,
        podSecurityAdmission,
        certificates);
  }

  private Discovery discovery() {
    var versions = new HashMap<String, String>();
    for (String resource : served) {
      versions.put(resource.substring(0, resource.indexOf('/')), "v1");
    }
    broken.forEach(group -> versions.put(group, "v1"));
    return new Discovery(
        Map.copyOf(versions), groupsOnly ? Set.of() : Set.copyOf(served), Set.copyOf(broken));
  }
}
