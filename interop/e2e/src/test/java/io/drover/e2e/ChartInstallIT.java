package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.e2e.Rights.Access;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The chart at a real API server, in a cluster of its own whose namespace enforces Pod Security
 * {@code restricted}: by the commands of docs/install.md.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class ChartInstallIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String DEPLOYMENT = "cattle-cluster-agent";
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final String JANES_TOKEN = "e2e-jane";

  /** A ClusterRole of the operator's. */
  private static final String CONFIG_WRITER = "config-writer";

  /** What Rancher adds to the environment, which no agent needs. */
  private static final Set<String> OF_RANCHER =
      Set.of(
          "CATTLE_SUC_APP_NAME_OVERRIDE",
          "CATTLE_SERVER_VERSION",
          "CATTLE_INSTALL_UUID",
          "CATTLE_INGRESS_IP_DOMAIN");

  private Path directory;
  private ControlPlane plane;
  private Kubectl admin;
  private Helm helm;
  private Peer peer;
  private ClusterObjects before;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    directory = Programs.directory("chart-install");
    plane = ControlPlane.start();
    admin = plane.admin();
    helm = new Helm(admin);
    var flags = new ArrayList<>(List.of(Installation.FREQUENT_CHECKS));
    flags.add("--user-token=jane=" + JANES_TOKEN);
    peer = Peer.start(directory, Peer.VERSIONS.getFirst(), flags.toArray(String[]::new));
    for (String namespace : List.of("team-a", "team-b")) { // of namespaced.values.yaml
      admin.run("create", "namespace", namespace);
    }
    admin.run(
        "create",
        "clusterrole",
        CONFIG_WRITER,
        "--verb=get,create,delete",
        "--resource=configmaps");
    admin.run("-n", "team-a", "create", "rolebinding", "jane", "--clusterrole=view", "--user=jane");
    before = ClusterObjects.settled(admin);
    createNamespace();
  }

  private void createNamespace() throws IOException, InterruptedException {
    admin.run("create", "namespace", Import.NAMESPACE);
    for (String mode : List.of("enforce", "warn")) {
      admin.run(
          "label",
          "namespace",
          Import.NAMESPACE,
          "pod-security.kubernetes.io/" + mode + "=restricted");
    }
  }

  @AfterAll
  void close() {
    if (peer != null) {
      peer.close();
    }
    if (plane != null) {
      plane.close();
    }
  }

  static List<Path> values() throws IOException {
    return ChartIT.values();
  }

  @Order(1)
  @ParameterizedTest
  @MethodSource("values")
  void apiServerTakesWhatIsRendered(Path values) throws Exception {
    var applied =
        admin
            .outcome(helm.template(values).getBytes(UTF_8), "apply", "--dry-run=server", "-f", "-")
            .expect(0);

    assertThat(applied.stdout()).contains("deployment.apps/" + DEPLOYMENT);
    assertThat(applied.stderr()).doesNotContain("PodSecurity", "unknown field");
  }

  /** For those who do not use Helm; and as the reference server has it for imports. */
  @Order(1)
  @ParameterizedTest
  @ValueSource(strings = {"manifest", "server"})
  void staticManifestIsAppliedAdmittedAndDeletedWithoutATrace(String values) throws Exception {
    var file = values().getFirst().resolveSibling(values + ".values.yaml");
    var manifest = helm.template(file).getBytes(UTF_8);

    var applied = admin.outcome(manifest, "apply", "-f", "-").expect(0);

    assertThat(applied.stderr()).doesNotContain("PodSecurity");
    assertThat(
            admin
                .json("get", "namespace", Import.NAMESPACE, "-o", "json")
                .at("/metadata/labels")
                .path("pod-security.kubernetes.io/enforce")
                .asText())
        .isEqualTo("restricted");
    admin.run(
        "-n", Import.NAMESPACE, "rollout", "status", "deployment/" + DEPLOYMENT, "--timeout=50s");
    assertThat(runningPods()).isEqualTo(1);

    admin.outcome(manifest, "delete", "-f", "-", "--timeout=50s").expect(0);
    ClusterObjects.awaitSame(admin, before);
    createNamespace();
  }

  private long runningPods() throws IOException, InterruptedException {
    return admin
        .json("-n", Import.NAMESPACE, "get", "pods", "-l", "app=" + DEPLOYMENT, "-o", "json")
        .path("items")
        .valueStream()
        .filter(pod -> pod.at("/status/phase").asText().equals("Running"))
        .count();
  }

  /** Of the kinds of the Prometheus operator there is just the outline here. */
  @Test
  @Order(1)
  void apiServerTakesPolicyAndMonitoring() throws Exception {
    for (String kind : List.of("ServiceMonitor", "PrometheusRule")) {
      admin.outcome(outline(kind).getBytes(UTF_8), "create", "-f", "-").expect(0);
    }
    admin.run(
        "wait",
        "--for=condition=Established",
        "crd/servicemonitors.monitoring.coreos.com",
        "crd/prometheusrules.monitoring.coreos.com");
    var rendered =
        helm.outcome(
                "template",
                Helm.RELEASE,
                Programs.chart().toString(),
                "--set",
                "server.url=https://rancher.example.org,server.token=token,serviceMonitor.enabled"
                    + "=true,rules.enabled=true,dashboards.enabled=true,networkPolicy.enabled=true"
                    + ",networkPolicy.apiServerCidrs={10.1.0.0/24}"
                    + ",networkPolicy.serverCidrs={192.0.2.7/32}")
            .expect(0)
            .stdout();

    var applied =
        admin
            .outcome(
                rendered.getBytes(UTF_8),
                "apply",
                "--dry-run=server",
                "--validate=strict",
                "-f",
                "-")
            .expect(0);

    assertThat(applied.stdout())
        .contains(
            "networkpolicy.networking.k8s.io/" + DEPLOYMENT,
            "servicemonitor.monitoring.coreos.com/" + DEPLOYMENT,
            "prometheusrule.monitoring.coreos.com/drover",
            "configmap/drover-dashboard");
    admin.run(
        "delete",
        "crd",
        "servicemonitors.monitoring.coreos.com",
        "prometheusrules.monitoring.coreos.com");
  }

  private static String outline(String kind) {
    var plural = kind.toLowerCase(Locale.ROOT) + "s";
    return """
        apiVersion: apiextensions.k8s.io/v1
        kind: CustomResourceDefinition
        metadata: {name: %s.monitoring.coreos.com}
        spec:
          group: monitoring.coreos.com
          names: {kind: %s, plural: %1$s}
          scope: Namespaced
          versions:
          - name: v1
            served: true
            storage: true
            schema:
              openAPIV3Schema:
                type: object
                properties:
                  spec: {type: object, x-kubernetes-preserve-unknown-fields: true}
        """
        .formatted(plural, kind);
  }

  @Test
  @Order(2)
  void podsAreAdmittedWherePodSecurityIsRestricted() throws Exception {
    var refused =
        admin.outcome(new byte[0], "-n", Import.NAMESPACE, "run", "plain", "--image=plain");
    assertThat(refused.stderr()).contains("violates PodSecurity");

    var installed = helm("install", Profile.FULL);

    assertThat(installed.stderr()).doesNotContain("PodSecurity");
    assertThat(runningPods()).isEqualTo(1);
  }

  @Test
  @Order(3)
  void ranchersOwnManifestChangesTheImageAndNothingElse() throws Exception {
    var ours = stockObjects();

    var manifest = peer.manifest();
    admin.outcome(manifest, "apply", "-f", "-").expect(0);

    var theirs = stockObjects();
    assertThat(image(theirs)).isNotEqualTo(image(ours));
    setImage(theirs, image(ours));
    assertThat(removeEnvironment(theirs)).containsExactlyInAnyOrderElementsOf(OF_RANCHER);
    removeEnvironment(ours);
    assertThat(theirs).isEqualTo(ours);
    assertThat(
            Helm.objects(new String(manifest, UTF_8)).stream()
                .filter(object -> !object.path("kind").asText().equals("Namespace"))
                .map(ChartInstallIT::kindAndName))
        .as("names of the stock manifest")
        .allMatch(ours::containsKey);
  }

  /**
   * What Rancher applies by itself, some seconds after the first connection: with its features,
   * with another token and so another Secret, and with a note for itself.
   */
  @Test
  @Order(4)
  void ranchersSecondManifestRollsThePodsAndLeavesTheFirstSecret() throws Exception {
    var before = stockObjects();
    var former = credentials(before);
    var token = "token-of-ranchers-own-user";
    var next =
        "cattle-credentials-"
            + Payload.sha256(
                    String.join(".", peer.url().toString(), token, Peer.CLUSTER).getBytes(UTF_8))
                .substring(0, 10);

    admin.outcome(serverApplied(token, next), "apply", "-f", "-").expect(0);

    var after = stockObjects();
    assertThat(container(after).at("/env/0/name").asText()).isEqualTo("CATTLE_FEATURES");
    assertThat(credentials(after)).isEqualTo(next);
    assertThat(changes(before, after))
        .containsExactly(
            "Deployment cattle-cluster-agent/spec/template/metadata/annotations/" + UPGRADED,
            "Deployment cattle-cluster-agent/spec/template/spec/containers/cluster-register/env"
                + "/CATTLE_CREDENTIAL_NAME/value",
            "Deployment cattle-cluster-agent/spec/template/spec/containers/cluster-register/env"
                + "/CATTLE_FEATURES/name",
            "Deployment cattle-cluster-agent/spec/template/spec/containers/cluster-register/env"
                + "/CATTLE_FEATURES/value",
            "Deployment cattle-cluster-agent/spec/template/spec/volumes/cattle-credentials/secret"
                + "/secretName");
    // The agent deletes it when nothing has used it for an hour.
    assertThat(admin.run("-n", Import.NAMESPACE, "get", "secrets", "-o", "name"))
        .contains("secret/" + former + "\n", "secret/" + next + "\n");
  }

  private static final String UPGRADED = "agent.cluster.cattle.io/upgraded-v1.22";

  /** As seen of Rancher 2.15: the import manifest, but for these. */
  private byte[] serverApplied(String token, String credentials)
      throws IOException, InterruptedException {
    var list = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
    var items = list.putArray("items");
    for (JsonNode object : Helm.objects(new String(peer.manifest(), UTF_8))) {
      items.add(object);
      switch (object.path("kind").asText()) {
        case "Secret" -> {
          ((ObjectNode) object.path("metadata")).put("name", credentials);
          ((ObjectNode) object.path("data"))
              .put("token", base64(token))
              .put("namespace", base64(Peer.CLUSTER));
        }
        case "Deployment" -> {
          var template = (ObjectNode) object.at("/spec/template");
          template.withObject("/metadata/annotations").put(UPGRADED, "true");
          var container = (ObjectNode) template.at("/spec/containers/0");
          ((ObjectNode) template.at("/spec/volumes/0/secret")).put("secretName", credentials);
          var environment = JSON.createArrayNode();
          environment
              .addObject()
              .put("name", "CATTLE_FEATURES")
              .put("value", "multi-cluster-management=false,multi-cluster-management-agent=true");
          for (JsonNode variable : container.path("env")) {
            if (variable.path("name").asText().equals("CATTLE_CREDENTIAL_NAME")) {
              ((ObjectNode) variable).put("value", credentials);
            }
            environment.add(variable);
          }
          container.set("env", environment);
        }
        default -> {}
      }
    }
    return JSON.writeValueAsBytes(list);
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  private static String credentials(Map<String, ObjectNode> objects) {
    return Objects.requireNonNull(objects.get("Deployment " + DEPLOYMENT))
        .at("/spec/template/spec/volumes")
        .valueStream()
        .filter(volume -> volume.path("name").asText().equals("cattle-credentials"))
        .map(volume -> volume.at("/secret/secretName").asText())
        .findFirst()
        .orElseThrow();
  }

  /** The paths of all values that differ, sorted. */
  private static List<String> changes(
      Map<String, ObjectNode> before, Map<String, ObjectNode> after) {
    var one = new TreeMap<String, String>();
    before.forEach((name, object) -> collect(name, object, one));
    var other = new TreeMap<String, String>();
    after.forEach((name, object) -> collect(name, object, other));
    var paths = new TreeSet<String>(one.keySet());
    paths.addAll(other.keySet());
    paths.removeIf(path -> Objects.equals(one.get(path), other.get(path)));
    return List.copyOf(paths);
  }

  /** All values below, by path; parts of a list by name, as Kubernetes merges them. */
  private static void collect(String path, JsonNode value, Map<String, String> values) {
    if (value.isObject()) {
      for (var part : value.properties()) {
        collect(path + "/" + part.getKey(), part.getValue(), values);
      }
    } else if (value.isArray()) {
      for (int i = 0; i < value.size(); i++) {
        var part = value.get(i);
        collect(path + "/" + part.path("name").asText(Integer.toString(i)), part, values);
      }
    } else {
      values.put(path, value.toString());
    }
  }

  /** All that the chart has made, as far as somebody wants it so. */
  private Map<String, ObjectNode> stockObjects() throws IOException, InterruptedException {
    var found = new TreeMap<String, ObjectNode>();
    for (JsonNode object :
        admin
            .json(
                "-n",
                Import.NAMESPACE,
                "get",
                "deployments,services,serviceaccounts,secrets,clusterroles,clusterrolebindings",
                "-l",
                "app.kubernetes.io/instance=" + Helm.RELEASE,
                "-o",
                "json")
            .path("items")) {
      var wanted = object.<ObjectNode>deepCopy();
      wanted.remove(List.of("status", "metadata"));
      found.put(kindAndName(object), wanted);
    }
    return found;
  }

  private static String kindAndName(JsonNode object) {
    return object.path("kind").asText() + " " + object.at("/metadata/name").asText();
  }

  private static ObjectNode container(Map<String, ObjectNode> objects) {
    var deployment = Objects.requireNonNull(objects.get("Deployment " + DEPLOYMENT));
    return (ObjectNode) deployment.at("/spec/template/spec/containers/0");
  }

  private static String image(Map<String, ObjectNode> objects) {
    return container(objects).path("image").asText();
  }

  private static void setImage(Map<String, ObjectNode> objects, String image) {
    container(objects).put("image", image);
  }

  /** Sorts the variables, and takes Rancher's out; returns the names of those. */
  private static List<String> removeEnvironment(Map<String, ObjectNode> objects) {
    var removed = new ArrayList<String>();
    var kept = new TreeMap<String, JsonNode>();
    for (JsonNode variable : container(objects).path("env")) {
      var name = variable.path("name").asText();
      if (OF_RANCHER.contains(name)) {
        removed.add(name);
      } else {
        kept.put(name, variable);
      }
    }
    container(objects).putArray("env").addAll(kept.values());
    return removed;
  }

  @Order(5)
  @ParameterizedTest
  @EnumSource
  void profileGrantsWhatItSaysAndNoMore(Profile profile) throws Exception {
    helm("upgrade", profile);

    Await.until(
        "rights of profile " + profile,
        LIMIT,
        () -> {
          var wrong = wrong(profile);
          if (!wrong.isEmpty()) {
            throw new IOException(String.join("\n", wrong));
          }
          return Optional.of(true);
        });
  }

  /** What the API server grants, but should not, or the other way round. */
  private List<String> wrong(Profile profile) throws IOException, InterruptedException {
    var granted = profile.accesses();
    var asked = List.copyOf(Rights.allAccesses());
    var reviews = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
    var items = reviews.putArray("items");
    asked.forEach(access -> items.add(review(access)));
    var answers =
        Helm.objects(
            admin
                .outcome(
                    JSON.writeValueAsBytes(reviews),
                    "create",
                    "-f",
                    "-",
                    "-o",
                    "jsonpath={\"allowed: \"}{.status.allowed}{\"\\n---\\n\"}")
                .expect(0)
                .stdout());
    assertThat(answers).hasSameSizeAs(asked);
    var wrong = new ArrayList<String>();
    for (int i = 0; i < asked.size(); i++) {
      var access = asked.get(i);
      boolean allowed = answers.get(i).path("allowed").asBoolean();
      if (granted.contains(access) ? !allowed : allowed && !isOfEverybody(profile, access)) {
        wrong.add((allowed ? "granted: " : "not granted: ") + access);
      }
    }
    return wrong;
  }

  /** Paths that Kubernetes shows to all, and what ClusterRole {@code view} is for. */
  private static boolean isOfEverybody(Profile profile, Access access) {
    return access.what().startsWith("/")
        || (profile == Profile.READONLY
            && Set.of("get", "list", "watch").contains(access.verb())
            && !Set.of("secrets", "nodes/proxy").contains(access.what()));
  }

  private static ObjectNode review(Access access) {
    var review =
        JSON.createObjectNode()
            .put("apiVersion", "authorization.k8s.io/v1")
            .put("kind", "SubjectAccessReview");
    var spec =
        review
            .putObject("spec")
            .put("user", "system:serviceaccount:%s:cattle".formatted(Import.NAMESPACE));
    spec.putArray("groups")
        .add("system:authenticated")
        .add("system:serviceaccounts")
        .add("system:serviceaccounts:" + Import.NAMESPACE);
    if (access.what().startsWith("/")) {
      spec.putObject("nonResourceAttributes").put("verb", access.verb()).put("path", access.what());
      return review;
    }
    var resource = access.what().split("/", 2);
    var attributes =
        spec.putObject("resourceAttributes")
            .put("verb", access.verb())
            .put("group", access.group())
            .put("resource", resource[0])
            .put("namespace", access.namespace())
            .put("name", access.name());
    if (resource.length == 2) {
      attributes.put("subresource", resource[1]);
    }
    return review;
  }

  @Order(6)
  @ParameterizedTest
  @EnumSource
  void agentAndServerWorkWithTheRightsOfAProfile(Profile profile) throws Exception {
    helm(
        "upgrade",
        profile,
        "rbac.impersonate.users={jane}",
        profile == Profile.PROXY ? "rbac.clusterRole=" + CONFIG_WRITER : "");
    var here = directory.resolve(profile.text());
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));
    admin.run(
        "-n", Import.NAMESPACE, "delete", "clusterreports", "--all", "--ignore-not-found=true");
    admin.run("-n", Import.NAMESPACE, "delete", "lease", "drover-agent", "--ignore-not-found");

    try (var agent = Agent.start("agent", here, plane, imported, Map.of())) {
      agent.awaitReady(Agent.READY_LIMIT);
      var report = Await.until("a report is in the cluster", LIMIT, this::report).path("report");

      var forbidden =
          report
              .path("undetermined")
              .valueStream()
              .filter(value -> value.path("cause").asText().equals("forbidden"))
              .map(value -> value.path("path").asText())
              .collect(Collectors.toCollection(HashSet::new));
      switch (profile) {
        case FULL -> assertThat(forbidden).isEmpty();
        case PROXY, READONLY -> assertThat(forbidden).allMatch(path -> path.contains("usage"));
        case NAMESPACED -> assertThat(forbidden).isNotEmpty();
      }
      if (profile != Profile.NAMESPACED) {
        assertThat(report.at("/health/nodes/ready").asInt()).isEqualTo(1);
      }
      serverHasTheRightsOf(profile, here);

      // It gives the lead up for the next replica to take, which is a patch of the Lease.
      agent.process().terminate();
      assertThat(agent.process().awaitExit(LIMIT)).isZero();
      assertThat(
              admin
                  .json("-n", Import.NAMESPACE, "get", "lease", "drover-agent", "-o", "json")
                  .at("/spec/leaseDurationSeconds")
                  .asInt())
          .isEqualTo(1);
    }
  }

  /** All of it through the tunnel; the control plane of the test is not asked beside it. */
  private void serverHasTheRightsOf(Profile profile, Path here)
      throws IOException, InterruptedException {
    var forward = peer.forward(Peer.CLUSTER, plane.address());
    // The peer itself acts under the names of its users, always.
    var server =
        Kubectl.through(
            "https://" + Peer.address(forward),
            plane.caFile(),
            tokenOfTheServer(),
            here.resolve("server"));
    var anybody = peer.kubectl();
    var jane =
        Kubectl.through(
            peer.clusterUrl().toString(), peer.caFile(), JANES_TOKEN, here.resolve("jane"));
    switch (profile) {
      case FULL -> {
        allowed(server, "get", "pods", "--all-namespaces");
        allowed(server, "-n", "team-a", "create", "configmap", "by-server");
        allowed(server, "-n", "team-a", "delete", "configmap", "by-server");
        allowed(anybody, "get", "pods", "--all-namespaces");
      }
      case PROXY -> { // ClusterRole config-writer
        allowed(server, "-n", "team-a", "create", "configmap", "by-server");
        allowed(server, "-n", "team-a", "delete", "configmap", "by-server");
        forbidden(
            "cannot create resource", server, "-n", "team-a", "create", "serviceaccount", "own");
      }
      case READONLY -> { // ClusterRole view
        allowed(server, "get", "pods", "--all-namespaces");
        forbidden(
            "cannot create resource", server, "-n", "team-a", "create", "configmap", "by-server");
        forbidden("cannot list resource", server, "-n", "team-a", "get", "secrets");
      }
      case NAMESPACED -> { // ClusterRole view, in team-a and team-b
        allowed(server, "-n", "team-a", "get", "pods");
        forbidden("cannot list resource", server, "-n", "default", "get", "pods");
        forbidden("cannot list resource", server, "get", "pods", "--all-namespaces");
      }
    }
    allowed(jane, "-n", "team-a", "get", "pods");
    forbidden("User \"jane\" cannot list", jane, "-n", "team-b", "get", "pods");
    if (profile != Profile.FULL) {
      forbidden("cannot impersonate", anybody, "-n", "team-a", "get", "pods");
    }
  }

  /** That which the agent has given it. */
  private String tokenOfTheServer() throws IOException, InterruptedException {
    var sha256 = peer.cluster().path("tokenSha256").asText();
    for (JsonNode secret :
        admin.json("-n", Import.NAMESPACE, "get", "secrets", "-o", "json").path("items")) {
      var token = Base64.getDecoder().decode(secret.at("/data/token").asText(""));
      if (Payload.sha256(token).equals(sha256)) {
        return new String(token, UTF_8);
      }
    }
    throw new AssertionError("no Secret holds the token that the server has");
  }

  private static void allowed(Kubectl kubectl, String... arguments)
      throws IOException, InterruptedException {
    kubectl.outcome(new byte[0], arguments).expect(0);
  }

  private static void forbidden(String reason, Kubectl kubectl, String... arguments)
      throws IOException, InterruptedException {
    assertThat(kubectl.outcome(new byte[0], arguments).expect(1).stderr())
        .contains(" is forbidden: User ", reason);
  }

  private Optional<JsonNode> report() throws IOException, InterruptedException {
    return admin
        .json("-n", Import.NAMESPACE, "get", "clusterreports", "-o", "json")
        .path("items")
        .valueStream()
        .findFirst();
  }

  @Test
  @Order(7)
  void removalLeavesNothing() throws Exception {
    helm.outcome("uninstall", Helm.RELEASE, "--wait").expect(0);
    admin.run("delete", "namespace", Import.NAMESPACE);
    admin.run("delete", "crd", "clusterreports.drover.io");
    admin.run(
        "annotate",
        "nodes",
        "--all",
        "management.cattle.io/pod-requests-",
        "management.cattle.io/pod-limits-");

    ClusterObjects.awaitSame(admin, before);
  }

  /** Installs or upgrades, for this peer, and waits until the pods are there. */
  private Kubectl.Outcome helm(String command, Profile profile, String... more)
      throws IOException, InterruptedException {
    var arguments =
        new ArrayList<>(
            List.of(
                command,
                Helm.RELEASE,
                Programs.chart().toString(),
                "--wait",
                "--timeout=50s",
                "--set",
                "server.url=%s,server.token=%s,server.caChecksum=%s"
                    .formatted(peer.url(), Peer.TOKEN, peer.caChecksum()),
                "--set",
                "rbac.profile=" + profile.text()));
    var sets = new ArrayList<>(List.of(profile.more()));
    sets.addAll(List.of(more));
    for (String set : sets) {
      if (!set.isEmpty()) {
        arguments.addAll(List.of("--set", set));
      }
    }
    if (command.equals("upgrade")) {
      arguments.add("--force-conflicts"); // with Rancher, whose manifest was applied
    }
    return helm.outcome(arguments.toArray(String[]::new)).expect(0);
  }
}
