package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.e2e.Rights.Access;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What each profile of the chart grants, to the letter, and what the agent does without a right, in
 * a cluster of its own.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class RightsIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String ACCOUNT = "system:serviceaccount:" + Import.NAMESPACE + ":";

  /** Resource, paths, names, verbs. */
  private static final Pattern LINE =
      Pattern.compile("(\\S*)\\s+\\[(.*?)]\\s+\\[(.*?)]\\s+\\[(.*?)]\\s*");

  private static final String ALL_ASKED =
      "trials={%s},duties={%s},gateway.enabled=true"
          .formatted(String.join(",", Profile.TRIALS), String.join(",", Profile.DUTIES));

  /** One right, as {@code kubectl auth can-i --list} shows it; {@code name} is empty for all. */
  record Granted(String verb, String target, String name) implements Comparable<Granted> {
    @Override
    public int compareTo(Granted other) {
      return toString().compareTo(other.toString());
    }
  }

  private Path directory;
  private ControlPlane plane;
  private Kubectl admin;
  private Helm helm;
  private Peer peer;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    directory = Programs.directory("rights");
    plane = ControlPlane.start();
    admin = plane.admin();
    helm = new Helm(admin);
    peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.FREQUENT_CHECKS);
    for (String namespace : List.of(Import.NAMESPACE, "team-a", "team-b")) {
      admin.run("create", "namespace", namespace);
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

  @ParameterizedTest
  @EnumSource
  void profileGrantsWhatItSaysToTheLetter(Profile profile) throws Exception {
    install(profile, "");
    awaitGranted(profile, profile.accesses());

    install(profile, ALL_ASKED);
    awaitGranted(profile, profile.accessesIfAsked());
  }

  private void install(Profile profile, String more) throws IOException, InterruptedException {
    var arguments =
        new ArrayList<>(List.of("upgrade", "--install", Helm.RELEASE, Programs.chart().toString()));
    arguments.add("--force-conflicts"); // with what a test has taken away
    for (String set :
        List.of(
            "server.url=" + peer.url(),
            "server.token=" + Peer.TOKEN,
            "server.caChecksum=" + peer.caChecksum(),
            "rbac.profile=" + profile.text(),
            profile.more(),
            "imagePullSecrets={pull-used}",
            more)) {
      if (!set.isEmpty()) {
        arguments.addAll(List.of("--set", set));
      }
    }
    helm.outcome(arguments.toArray(String[]::new)).expect(0);
  }

  private void awaitGranted(Profile profile, Set<Access> accesses) throws InterruptedException {
    Await.until(
        "rights of profile " + profile.text(),
        LIMIT,
        () -> {
          for (String namespace : List.of(Import.NAMESPACE, "kube-system", "default", "team-a")) {
            var expected = expected(profile, accesses, namespace);
            var granted = granted("cattle", namespace);
            if (!granted.equals(expected)) {
              var missing = new TreeSet<>(expected);
              missing.removeAll(granted);
              granted.removeAll(expected);
              throw new IOException(
                  "%s: missing: %s, too much: %s".formatted(namespace, missing, granted));
            }
          }
          return Optional.of(true);
        });
  }

  private Set<Granted> expected(Profile profile, Set<Access> accesses, String namespace)
      throws IOException, InterruptedException {
    // What every account may do in such a cluster.
    var expected = granted("default", namespace);
    if (profile != Profile.FULL) { // whose role says it in four stars
      accesses.stream()
          .filter(access -> access.namespace().isEmpty() || access.namespace().equals(namespace))
          .map(access -> new Granted(access.verb(), access.target(), access.name()))
          .forEach(expected::add);
    }
    if (profile.namespaces().isEmpty() || profile.namespaces().contains(namespace)) {
      for (JsonNode rule :
          admin.json("get", "clusterrole", profile.clusterRole(), "-o", "json").path("rules")) {
        new Rights.Rule("", "cluster", rule)
            .accesses()
            .forEach(
                access -> expected.add(new Granted(access.verb(), access.target(), access.name())));
      }
    }
    return expected;
  }

  private Set<Granted> granted(String account, String namespace)
      throws IOException, InterruptedException {
    var found = new TreeSet<Granted>();
    admin
        .run(
            "auth", "can-i", "--list", "--no-headers", "-n", namespace, "--as=" + ACCOUNT + account)
        .lines()
        .forEach(
            line -> {
              var fields = LINE.matcher(line);
              assertThat(fields.matches()).as(line).isTrue();
              var targets =
                  fields.group(1).isEmpty() ? words(fields.group(2)) : List.of(fields.group(1));
              var names = fields.group(3).isEmpty() ? List.of("") : words(fields.group(3));
              for (String verb : words(fields.group(4))) {
                for (String target : targets) {
                  names.forEach(name -> found.add(new Granted(verb, target, name)));
                }
              }
            });
    return found;
  }

  private static List<String> words(String text) {
    return Arrays.asList(text.split(" "));
  }

  /**
   * All features but the Explorer, see below, and two that begin late: kubelet-usage after five
   * minutes, unused-credentials after an hour. The agent's own KubeletUsageIT and
   * UnusedCredentialsIT show the same of them, at a real API server and a kubelet, with a clock of
   * their own.
   */
  @ParameterizedTest
  @CsvSource({
    // feature, asked for by, kind of role, resource, verb
    "tunnel, , role, serviceaccounts, get",
    "watch, , role, secrets, watch",
    "leader, , role, leases, get",
    "reports, , clusterrole, storageclasses, list",
    "node-ports, trials, role, services, create",
    "taints, trials, clusterrole, nodes, patch",
    "pod-security, trials, clusterrole, namespaces, patch",
    "node-annotations, duties, clusterrole, nodes, patch",
    "namespace-labels, duties, clusterrole, namespaces, patch",
    "scale-available, duties, clusterrole, deployments/scale, patch",
    "tunnel-events, duties, role, pods, get",
    "unused-pull-secrets, duties, role, secrets, delete"
  })
  void missingRightTurnsItsFeatureOffByNameAndNothingElse(
      String feature, @Nullable String asked, String kind, String resource, String verb)
      throws Exception {
    install(Profile.PROXY, asked == null ? "" : "%s={%s}".formatted(asked, feature));
    giveWork();
    takeRight(kind, resource, verb);
    var here = directory.resolve(feature);
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));

    try (var agent =
        Agent.start(
            "agent",
            here,
            plane,
            imported,
            Map.of("CATTLE_DEBUG", "true", "HOSTNAME", "agent-0"))) {
      if (feature.equals("tunnel")) {
        Await.that(
            "the reason is told",
            LIMIT,
            () -> agent.reason("cluster").equals("Forbidden") && agent.reason("steve").isEmpty());
      } else {
        agent.awaitReady(Agent.READY_LIMIT);
        Await.that(
            "feature is off by name: " + feature,
            LIMIT,
            () -> agent.degraded().containsKey(feature));
        assertThat(agent.degraded().get(feature)).startsWith("Forbidden: ");
      }

      if (feature.equals("leader")) {
        assertThat(report()).as("report of a replica that does not lead").isEmpty();
      } else {
        var report = Await.until("a report is in the cluster", LIMIT, this::report);
        if (feature.equals("reports") || "trials".equals(asked)) {
          assertThat(forbidden(report)).anyMatch(detail -> detail.contains(resource));
        }
      }
      var off = new HashSet<>(Set.of(feature));
      if ("trials".equals(asked)) {
        off.add("reports"); // which are without the trial's value
      }
      assertThat(agent.degraded().keySet()).as("features that are off").isSubsetOf(off);

      awaitNextTry(agent, feature);
      assertThat(agent.process().lines())
          .filteredOn(line -> line.contains(" WARN ") && line.contains(told(feature, asked)))
          .as("said once")
          .hasSize(1);
      agent.process().terminate();
      assertThat(agent.process().awaitExit(LIMIT)).isZero();
    }
  }

  /** No profile but `full` has them. */
  @Test
  void explorerWithoutItsRightsSaysSoOnceItIsAsked() throws Exception {
    install(Profile.PROXY, "");
    admin.run("-n", Import.NAMESPACE, "delete", "leases,clusterreports", "--all");
    var here = directory.resolve("explorer");
    var imported = Import.read(admin, plane.caFile(), here.resolve("pod"));

    try (var agent = Agent.start("agent", here, plane, imported, Map.of("HOSTNAME", "agent-0"))) {
      agent.awaitReady(Agent.READY_LIMIT);
      assertThat(agent.degraded()).doesNotContainKey("explorer");

      var reply =
          RawHttp.send(
              peer.forwardToSteve(),
              "GET",
              "/v1/configmaps",
              List.of(Map.entry("Host", "h"), Map.entry("Impersonate-User", "u-rights")),
              new byte[0]);

      assertThat(reply.status()).as(reply.body()).isBetween(400, 499).isNotEqualTo(401);
      assertThat(agent.degraded().get("explorer"))
          .startsWith("Forbidden: ")
          .contains("the agent's own account cannot ");
      agent.process().awaitLine("it is said", LIMIT, line -> line.contains(told("explorer", null)));
      assertThat(agent.process().lines())
          .filteredOn(line -> line.contains(" WARN ") && line.contains(told("explorer", null)))
          .as("said once")
          .hasSize(1);
      agent.process().terminate();
      assertThat(agent.process().awaitExit(LIMIT)).isZero();
    }
  }

  /** The beginning of the only line about it. */
  private static String told(String feature, @Nullable String asked) {
    return switch (feature) {
      case "tunnel" -> "tunnel down: tunnel=cluster";
      case "leader" -> "lease cannot be had: ";
      default ->
          "duties".equals(asked)
              ? "duty fails: duty=" + feature
              : "a right is missing: feature=" + feature + " ";
    };
  }

  /** Where that is soon. */
  private static void awaitNextTry(Agent agent, String feature) throws InterruptedException {
    var next =
        switch (feature) {
          case "tunnel" -> "left out: tunnel down: tunnel=cluster";
          case "scale-available" -> "left out: duty fails: duty=" + feature;
          default -> "";
        };
    if (!next.isEmpty()) {
      agent.process().awaitLine(next, LIMIT, line -> line.contains(next));
    }
  }

  private static List<String> forbidden(JsonNode report) {
    return report
        .at("/report/undetermined")
        .valueStream()
        .filter(value -> value.path("cause").asText().equals("forbidden"))
        .map(value -> value.path("detail").asText())
        .toList();
  }

  private Optional<JsonNode> report() throws IOException, InterruptedException {
    return admin
        .json("-n", Import.NAMESPACE, "get", "clusterreports", "-o", "json")
        .path("items")
        .valueStream()
        .findFirst();
  }

  /** Each duty finds something to do, and nothing is left of the agent before. */
  private void giveWork() throws IOException, InterruptedException {
    admin.run("-n", Import.NAMESPACE, "delete", "leases,clusterreports", "--all");
    admin.run(
        "annotate",
        "nodes",
        "--all",
        "management.cattle.io/pod-requests-",
        "management.cattle.io/pod-limits-");
    admin.run(
        "annotate", "--overwrite", "namespace", "team-a", "field.cattle.io/projectId=c-abc:p-abc");
    admin.run("label", "namespace", "team-a", "field.cattle.io/projectId-");
    admin
        .outcome(
            """
            apiVersion: apps/v1
            kind: Deployment
            metadata:
              namespace: team-b
              name: scaled
              annotations: {management.cattle.io/scale-available: "1"}
            spec:
              replicas: 2
              selector: {matchLabels: {app: scaled}}
              template:
                metadata: {labels: {app: scaled}}
                spec: {containers: [{name: scaled, image: scaled}]}
            ---
            apiVersion: v1
            kind: Secret
            metadata:
              namespace: cattle-system
              name: pull-unused
              labels: {management.cattle.io/cattle-cluster-agent-pull-secret: "true"}
            """
                .getBytes(UTF_8),
            "apply",
            "-f",
            "-")
        .expect(0);
  }

  /** From every rule of the agent's own role. */
  private void takeRight(String kind, String resource, String verb)
      throws IOException, InterruptedException {
    var role =
        (ObjectNode) admin.json("-n", Import.NAMESPACE, "get", kind, "drover-agent", "-o", "json");
    int taken = 0;
    for (var rules = role.withArray("rules").iterator(); rules.hasNext(); ) {
      var rule = rules.next();
      if (rule.path("resources").valueStream().noneMatch(one -> one.asText().equals(resource))) {
        continue;
      }
      var verbs = (ArrayNode) rule.path("verbs");
      for (var each = verbs.iterator(); each.hasNext(); ) {
        if (each.next().asText().equals(verb)) {
          each.remove();
          taken++;
        }
      }
      if (verbs.isEmpty()) {
        rules.remove();
      }
    }
    assertThat(taken).as("rules that gave the right").isPositive();
    admin.outcome(role.toString().getBytes(UTF_8), "replace", "-f", "-").expect(0);
  }
}
