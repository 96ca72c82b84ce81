package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The kubectl shell and Import YAML, through Rancher's own tunnel library and a real API server,
 * whose kubelet plays the pods with processes of this machine.
 */
@Tag("interop")
@ExtendWith(WithControlPlane.class)
final class ExplorerShellIT {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final String USER = "u-shell";
  private static final String ALLOWED = "shell-allowed";
  private static final ObjectMapper JSON = new ObjectMapper();

  @Test
  void shellIsItsUserAndLeavesNothing(ControlPlane plane) throws Exception {
    ShellSession.allow(plane.admin(), ALLOWED, USER);
    try (var installation = installation(plane, "explorer-shell")) {
      var to = installation.peer().forwardToSteve();
      try (var shell = ShellSession.open(to, USER)) {
        shell.type("echo sum is $((40 + 2))");
        shell.await("sum is 42");
        assertIsTheUser(plane, installation, onlyPod(plane));
      }
      ShellSession.awaitNothing(plane.admin());

      // Of an agent that is killed, another takes away what is left.
      try (var shell = ShellSession.open(to, USER)) {
        shell.type("echo still $((1 + 1))");
        shell.await("still 2");
        installation.agent().process().signal("KILL");
        installation.agent().process().awaitEnd(LIMIT);
      }
      String pod = onlyPod(plane).at("/metadata/name").asText();
      plane // what its node would say, now that nobody is in it
          .admin()
          .run(
              "-n",
              "cattle-system",
              "patch",
              "pod",
              pod,
              "--subresource=status",
              "--type=merge",
              "-p",
              "{\"status\":{\"phase\":\"Succeeded\"}}");
      try (var next =
          Agent.start(
              "agent-after", installation.directory(), plane, installation.imported(), Map.of())) {
        next.awaitReady(Agent.READY_LIMIT);
        RawHttp.send(
            installation.peer().forwardToSteve(),
            "GET",
            "/v1/schemas/count",
            List.of(Map.entry("Host", "h"), Map.entry("Impersonate-User", USER)),
            new byte[0]);
        ShellSession.awaitNothing(plane.admin());
      }
    }
  }

  private static Installation installation(ControlPlane plane, String name)
      throws IOException, InterruptedException {
    return Installation.start(
        plane, name, Peer.VERSIONS.getFirst(), Map.of(), Installation.NO_CHECKS);
  }

  private static JsonNode onlyPod(ControlPlane plane) throws IOException, InterruptedException {
    var pods =
        plane
            .admin()
            .json("-n", "cattle-system", "get", "pods", "-l", ShellSession.LABEL, "-o", "json")
            .path("items");
    assertThat(pods).hasSize(1);
    return pods.get(0);
  }

  /** With the kubeconfig of the pod, and a token like the pod's. */
  private static void assertIsTheUser(ControlPlane plane, Installation installation, JsonNode pod)
      throws IOException, InterruptedException {
    var account = pod.at("/spec/serviceAccountName").asText();
    var token = plane.admin().run("-n", "cattle-system", "create", "token", account).strip();
    var directory = Files.createDirectories(installation.directory().resolve("shell"));
    var tokenFile = Files.writeString(directory.resolve("token"), token);
    var kubeconfig =
        pod.at("/metadata/annotations/drover.io~1kubeconfig")
            .asText()
            .replace("/var/run/secrets/kubernetes.io/serviceaccount/token", tokenFile.toString())
            .replace(
                "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt", plane.caFile().toString())
            .replace("https://kubernetes.default.svc", "https://" + plane.address());
    var user =
        new Kubectl(Files.writeString(directory.resolve("kubeconfig"), kubeconfig), directory);

    var who = user.json("auth", "whoami", "-o", "json").at("/status/userInfo");
    assertThat(who.path("username").asText()).isEqualTo(USER);
    assertThat(who.path("groups").valueStream().map(JsonNode::asText))
        .containsExactly("system:authenticated");
    user.run("-n", ALLOWED, "create", "configmap", "made-in-the-shell");
    user.outcome(new byte[0], "-n", "default", "get", "configmaps").expect(1);
    // Nobody but the user.
    assertThat(user.outcome(new byte[0], "--as=e2e-admin", "get", "nodes").expect(1).stderr())
        .contains("cannot impersonate");
    assertThat(
            user.outcome(new byte[0], "--as=" + USER, "--as-group=system:masters", "get", "nodes")
                .expect(1)
                .stderr())
        .contains("cannot impersonate");
    var alone =
        Kubectl.through(
            "https://" + plane.address(), plane.caFile(), token, directory.resolve("alone"));
    alone.outcome(new byte[0], "-n", ALLOWED, "get", "configmaps").expect(1);
  }

  @Test
  void importAppliesAllThatItsUserMay(ControlPlane plane) throws Exception {
    try (var installation = installation(plane, "explorer-import")) {
      var admin = plane.admin();
      admin.run("create", "namespace", "import-allowed");
      admin.run(
          "-n",
          "import-allowed",
          "create",
          "rolebinding",
          "import",
          "--clusterrole=edit",
          "--user=u-import");
      admin.run(
          "create", "clusterrolebinding", "import", "--clusterrole=cluster-admin", "--user=u-root");

      // What is of a type, and in a namespace, that stand behind it. Octal, anchor and all.
      var all =
          apply(
              installation,
              "u-root",
              """
              apiVersion: import.example/v1
              kind: Toy
              metadata: {name: bear, namespace: import-new}
              ---
              apiVersion: v1
              kind: ConfigMap
              metadata: {name: a, labels: &l {x: "1"}, annotations: *l}
              ---
              apiVersion: v1
              kind: Namespace
              metadata: {name: import-new}
              ---
              apiVersion: apiextensions.k8s.io/v1
              kind: CustomResourceDefinition
              metadata: {name: toys.import.example}
              spec:
                group: import.example
                names: {kind: Toy, plural: toys}
                scope: Namespaced
                versions:
                - name: v1
                  served: true
                  storage: true
                  schema: {openAPIV3Schema: {type: object}}
              """);
      assertThat(all.status()).as(all.body()).isEqualTo(200);
      var data = JSON.readTree(all.body()).path("data");
      assertThat(data.valueStream().map(one -> one.path("id").asText()))
          .containsExactly(
              "import-new/bear", "import-allowed/a", "import-new", "toys.import.example");
      assertThat(data.at("/1/metadata/fields/0").asText()).isEqualTo("a");
      assertThat(
              admin.run(
                  "-n",
                  "import-allowed",
                  "get",
                  "configmap",
                  "a",
                  "-o",
                  "jsonpath={.metadata.annotations.x}"))
          .isEqualTo("1");

      var some =
          apply(
              installation,
              "u-import",
              """
              apiVersion: v1
              kind: ConfigMap
              metadata: {name: b}
              ---
              apiVersion: v1
              kind: ConfigMap
              metadata: {name: c, namespace: default}
              ---
              apiVersion: v1
              kind: Secret
              metadata: {name: d}
              data: {x: "no base64"}
              """);
      assertThat(some.status()).as(some.body()).isEqualTo(403);
      assertThat(JSON.readTree(some.body()).path("message").asText())
          .startsWith("1 of 3 objects were applied\n")
          .containsSubsequence(
              "document 2 (ConfigMap default/c): ",
              "u-import",
              "ask for a role that allows it",
              "document 3 (Secret d): ",
              "illegal base64",
              "correct the object");
      admin.run("-n", "import-allowed", "get", "configmap", "b");

      var half =
          apply(
              installation,
              "u-import",
              "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: e}\n---\nkind: [");
      assertThat(half.status()).isEqualTo(422);
      admin.outcome(new byte[0], "-n", "import-allowed", "get", "configmap", "e").expect(1);
    }
  }

  private static RawHttp.Reply apply(Installation installation, String user, String yaml)
      throws IOException, InterruptedException {
    var body = JSON.createObjectNode().put("yaml", yaml).put("defaultNamespace", "import-allowed");
    return RawHttp.send(
        installation.peer().forwardToSteve(),
        "POST",
        "/v1/management.cattle.io.clusters/local?action=apply",
        List.of(
            Map.entry("Host", "h"),
            Map.entry("Content-Type", "application/json"),
            Map.entry("Impersonate-User", user),
            Map.entry("Impersonate-Group", "system:authenticated")),
        body.toString().getBytes(UTF_8));
  }
}
