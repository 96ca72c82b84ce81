package io.drover.standin;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.standin.ObjectStore.ObjectKey;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the control plane and the nodes do by themselves: accounts and tokens, the pods of
 * Deployments, their running, and clearing up. After each change everything is looked at anew.
 */
final class Controllers implements Runnable {
  /** How often nodes say that they live, as kubelets do. */
  static final Duration HEARTBEAT = Duration.ofSeconds(10);

  private static final Logger log = LoggerFactory.getLogger(Controllers.class);

  private static final ResourceType NODES = ResourceType.of("v1", "nodes");
  private static final ResourceType PODS = ResourceType.of("v1", "pods");
  private static final ResourceType SECRETS = ResourceType.of("v1", "secrets");
  private static final ResourceType ACCOUNTS = ResourceType.of("v1", "serviceaccounts");
  private static final ResourceType CONFIG_MAPS = ResourceType.of("v1", "configmaps");
  private static final ResourceType DEPLOYMENTS = ResourceType.of("apps/v1", "deployments");
  private static final ResourceType LEASES = ResourceType.of("coordination.k8s.io/v1", "leases");

  private static final String ROOT_CA = "kube-root-ca.crt";
  private static final String TOKEN_TYPE = "kubernetes.io/service-account-token";
  private static final String TOKEN_OWNER = "kubernetes.io/service-account.name";
  private static final String TEMPLATE_HASH = "pod-template-hash";
  private static final String LEASE_NAMESPACE = "kube-node-lease";

  private final ObjectStore store;
  private final Tokens tokens;
  private final String caPem;

  // Used by one thread at a time.
  private int podsStarted;

  Controllers(ObjectStore store, Tokens tokens, String caPem) {
    this.store = store;
    this.tokens = tokens;
    this.caPem = caPem;
  }

  /** Works until interrupted. */
  @Override
  public void run() {
    try {
      while (true) {
        long seen = store.version();
        try {
          seen = settle();
        } catch (RuntimeException e) {
          log.error("an object that the controllers cannot deal with", e);
        }
        if (!store.awaitChange(seen, HEARTBEAT)) {
          heartbeat();
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Works until there is nothing left to do; the version at which that was so. */
  long settle() {
    while (true) {
      long seen = store.version();
      try {
        clearUp();
        store.list(Defaults.NAMESPACES, "").items().forEach(this::equip);
        store.list(SECRETS, "").items().forEach(this::fillToken);
        store.list(DEPLOYMENTS, "").items().forEach(this::deploy);
        store.list(PODS, "").items().forEach(this::play);
      } catch (Refusal e) {
        log.debug("overtaken by a client: reason={}", e.getMessage());
      }
      if (store.version() == seen) {
        return seen;
      }
    }
  }

  /** Removes what is in a namespace that has gone, or belongs to an object that has gone. */
  private void clearUp() {
    var keys = new HashSet<>(store.keys());
    var uids = new HashSet<String>();
    var orphans = new HashSet<ObjectKey>();
    for (ObjectKey key : keys) {
      store.find(key).ifPresent(object -> uids.add(Json.metadata(object, "uid")));
    }
    for (ObjectKey key : keys) {
      boolean isHomeless =
          !key.namespace().isEmpty() && !keys.contains(ObjectStore.namespace(key.namespace()));
      var owners =
          store.find(key).map(object -> object.at("/metadata/ownerReferences")).stream()
              .flatMap(JsonNode::valueStream)
              .map(owner -> owner.path("uid").asText())
              .toList();
      if (isHomeless || (!owners.isEmpty() && owners.stream().noneMatch(uids::contains))) {
        orphans.add(key);
      }
    }
    orphans.forEach(key -> store.delete(key, false));
  }

  private void equip(ObjectNode namespace) {
    String name = Json.metadata(namespace, "name");
    if (store.find(new ObjectKey(ACCOUNTS, name, "default")).isEmpty()) {
      store.create(ACCOUNTS, name, Json.object("v1", "ServiceAccount", name, "default"), false);
    }
    if (store.find(new ObjectKey(CONFIG_MAPS, name, ROOT_CA)).isEmpty()) {
      var config = Json.object("v1", "ConfigMap", name, ROOT_CA);
      config.putObject("data").put("ca.crt", caPem);
      store.create(CONFIG_MAPS, name, config, false);
    }
  }

  private void fillToken(ObjectNode secret) {
    String namespace = Json.metadata(secret, "namespace");
    String account = secret.at("/metadata/annotations").path(TOKEN_OWNER).asText();
    if (!secret.path("type").asText().equals(TOKEN_TYPE)
        || secret.path("data").has("token")
        || account.isEmpty()) {
      return;
    }
    var owner = store.find(new ObjectKey(ACCOUNTS, namespace, account));
    if (owner.isEmpty()) {
      return; // until there is one
    }
    update(
        SECRETS,
        secret,
        filled -> {
          Json.child(Json.metadata(filled), "annotations")
              .put("kubernetes.io/service-account.uid", Json.metadata(owner.get(), "uid"));
          Json.child(filled, "data")
              .put("token", base64(tokens.issue(namespace, account)))
              .put("ca.crt", base64(caPem))
              .put("namespace", base64(namespace));
        });
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  /** Makes and removes pods until there are as many of the latest template as asked for. */
  private void deploy(ObjectNode deployment) {
    String namespace = Json.metadata(deployment, "namespace");
    String uid = Json.metadata(deployment, "uid");
    if (!(deployment.at("/spec/template") instanceof ObjectNode template)) {
      return;
    }
    String hash = Integer.toHexString(template.toString().hashCode());
    int wanted = deployment.at("/spec/replicas").asInt();
    int count = 0;
    int ready = 0;
    for (ObjectNode pod : store.list(PODS, namespace).items()) {
      if (!pod.at("/metadata/ownerReferences/0/uid").asText().equals(uid)) {
        continue;
      }
      boolean isLatest = pod.at("/metadata/labels").path(TEMPLATE_HASH).asText().equals(hash);
      if (!isLatest || count == wanted) {
        store.delete(new ObjectKey(PODS, namespace, Json.metadata(pod, "name")), false);
      } else {
        count++;
        ready += pod.at("/status/phase").asText().equals("Running") ? 1 : 0;
      }
    }
    for (; count < wanted; count++) {
      store.create(PODS, namespace, podOf(deployment, template, hash), false);
    }
    int running = ready;
    update(DEPLOYMENTS, deployment, object -> report(object, wanted, running));
  }

  private static ObjectNode podOf(ObjectNode deployment, ObjectNode template, String hash) {
    String name = Json.metadata(deployment, "name");
    var pod = Json.object("v1", "Pod");
    pod.setAll(template.deepCopy());
    var metadata = Json.metadata(pod);
    metadata.put("generateName", name + "-" + hash + "-");
    Json.child(metadata, "labels").put(TEMPLATE_HASH, hash);
    metadata
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", "apps/v1")
        .put("kind", "Deployment")
        .put("name", name)
        .put("uid", Json.metadata(deployment, "uid"))
        .put("controller", true)
        .put("blockOwnerDeletion", true);
    return pod;
  }

  private static void report(ObjectNode deployment, int wanted, int ready) {
    var status = Json.child(deployment, "status");
    status
        .put("observedGeneration", deployment.at("/metadata/generation").asLong())
        .put("replicas", wanted)
        .put("updatedReplicas", wanted)
        .put("readyReplicas", ready)
        .put("availableReplicas", ready)
        .put("unavailableReplicas", wanted - ready);
    String available = ready >= wanted ? "True" : "False";
    if (!status.at("/conditions/0/status").asText().equals(available)) {
      status
          .putArray("conditions")
          .addObject()
          .put("type", "Available")
          .put("status", available)
          .put("reason", "MinimumReplicasAvailable")
          .put("message", "")
          .put("lastTransitionTime", ObjectStore.now())
          .put("lastUpdateTime", ObjectStore.now());
    }
  }

  /** Gives a new pod a node and says that it runs; one that no node takes stays pending. */
  private void play(ObjectNode pod) {
    if (!pod.at("/status/phase").asText().equals("Pending")) {
      return;
    }
    var nodes =
        store.list(NODES, "").items().stream()
            .filter(node -> !node.at("/spec/unschedulable").asBoolean())
            .filter(node -> tolerates(pod, node.at("/spec/taints")))
            .map(node -> Json.metadata(node, "name"))
            .toList();
    String bound = pod.at("/spec/nodeName").asText();
    if (bound.isEmpty() && nodes.isEmpty()) {
      return;
    }
    podsStarted++;
    String node = bound.isEmpty() ? nodes.get(podsStarted % nodes.size()) : bound;
    String address = "10.244.%d.%d".formatted(podsStarted >> 8 & 255, podsStarted & 255);
    update(PODS, pod, object -> running(object, node, address));
  }

  private static boolean tolerates(ObjectNode pod, JsonNode taints) {
    return taints
        .valueStream()
        .filter(taint -> !taint.path("effect").asText().equals("PreferNoSchedule"))
        .allMatch(
            taint ->
                pod.at("/spec/tolerations")
                    .valueStream()
                    .map(toleration -> toleration.path("key").asText())
                    .anyMatch(key -> key.isEmpty() || key.equals(taint.path("key").asText())));
  }

  private static void running(ObjectNode pod, String node, String address) {
    String now = ObjectStore.now();
    Json.child(pod, "spec").put("nodeName", node);
    var status = Json.child(pod, "status");
    status
        .put("phase", "Running")
        .put("hostIP", "127.0.0.1")
        .put("podIP", address)
        .put("startTime", now);
    status.putArray("podIPs").addObject().put("ip", address);
    var conditions = status.putArray("conditions");
    for (String type : List.of("PodScheduled", "Initialized", "ContainersReady", "Ready")) {
      conditions.addObject().put("type", type).put("status", "True").put("lastTransitionTime", now);
    }
    var containers = status.putArray("containerStatuses");
    for (JsonNode container : pod.at("/spec/containers")) {
      var one =
          containers
              .addObject()
              .put("name", container.path("name").asText())
              .put("image", container.path("image").asText())
              .put("imageID", "")
              .put("ready", true)
              .put("started", true)
              .put("restartCount", 0);
      one.putObject("state").putObject("running").put("startedAt", now);
    }
  }

  /** Renews the leases of the nodes. */
  void heartbeat() {
    String now = Instant.now().truncatedTo(ChronoUnit.MICROS).toString();
    for (ObjectNode node : store.list(NODES, "").items()) {
      String name = Json.metadata(node, "name");
      var key = new ObjectKey(LEASES, LEASE_NAMESPACE, name);
      if (store.find(key).isEmpty()) {
        var lease = Json.object(LEASES.apiVersion(), LEASES.kind(), LEASE_NAMESPACE, name);
        lease.putObject("spec").put("holderIdentity", name).put("leaseDurationSeconds", 40);
        store.create(LEASES, LEASE_NAMESPACE, lease, false);
      }
      update(LEASES, store.get(key), lease -> Json.child(lease, "spec").put("renewTime", now));
    }
  }

  private void update(ResourceType type, ObjectNode object, Consumer<ObjectNode> change) {
    store.update(
        new ObjectKey(type, Json.metadata(object, "namespace"), Json.metadata(object, "name")),
        now -> {
          change.accept(now);
          return now;
        },
        false);
  }
}
