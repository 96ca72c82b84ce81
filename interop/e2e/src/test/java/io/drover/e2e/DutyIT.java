package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** What the agent does in the cluster beside its tunnels, at a real API server. */
@Tag("interop")
@Order(7)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
final class DutyIT {
  /** Two passes, and the API server's time. */
  private static final Duration LIMIT = Duration.ofSeconds(40);

  private static final String PROJECT = "field.cattle.io/projectId";
  private static final String COPIED = "secret.user.cattle.io/secret";
  private static final String SCALE = "management.cattle.io/scale-available";
  private static final String PULL_SECRET = "management.cattle.io/cattle-cluster-agent-pull-secret";
  private static final String NAMESPACE = "duty";
  private static final ObjectMapper JSON = new ObjectMapper();

  // Not among the logs: the path of a UNIX socket must be short.
  @TempDir(cleanup = CleanupMode.ALWAYS)
  private static Path sockets;

  private Installation installation;
  private Kubectl admin;

  @BeforeAll
  void install(ControlPlane plane) throws IOException, InterruptedException {
    admin = plane.admin();
    admin.outcome(new byte[0], "create", "namespace", Import.NAMESPACE); // it may be there
    createSecret(Import.NAMESPACE, "duty-pull-used", "true");
    createSecret(Import.NAMESPACE, "duty-pull-unused", "true");
    createSecret(Import.NAMESPACE, "duty-other", "false");
    admin.run("create", "namespace", NAMESPACE);
    admin.run("annotate", "namespace", NAMESPACE, PROJECT + "=c-abc:p-first");
    createSecret(NAMESPACE, "own", "true");
    createSecret(NAMESPACE, "copied", "true");
    admin.run("-n", NAMESPACE, "annotate", "secret", "copied", COPIED + "=true");

    // The agent of an earlier test may have been killed while it led: this one need not wait.
    admin.run("-n", Import.NAMESPACE, "delete", "lease", "drover-agent", "--ignore-not-found");

    var more = new HashMap<String, String>();
    more.put("CATTLE_AGENT_PULL_SECRETS", "duty-pull-used");
    more.put("DROVER_LOG_SOCKET", sockets.resolve("log.sock").toString());
    installation =
        Installation.start(
            plane, "duty", Peer.VERSIONS.getFirst(), more, Installation.FREQUENT_CHECKS);
    awaitLabel("p-first", LIMIT);
  }

  @AfterAll
  void close() throws IOException, InterruptedException {
    if (installation != null) {
      installation.close();
    }
    admin.run("delete", "namespace", NAMESPACE, "--wait=false", "--ignore-not-found");
    admin.run("delete", "nodes", "-l", "drover-test=duty", "--ignore-not-found");
  }

  @Test
  void namespaceFollowsItsProjectAndSoDoItsSecrets() throws Exception {
    assertThat(secretAnnotation("own")).isEqualTo("c-abc:p-first");
    assertThat(secretAnnotation("copied")).isEqualTo("c-abc:p-first");
    admin.run("-n", NAMESPACE, "annotate", "secret", "copied", PROJECT + "-");

    admin.run("annotate", "--overwrite", "namespace", NAMESPACE, PROJECT + "=c-abc:p-second");
    awaitLabel("p-second", LIMIT);

    assertThat(secretAnnotation("own")).isEqualTo("c-abc:p-second");
    assertThat(secretNames(NAMESPACE)).contains("own").doesNotContain("copied");
    assertThat(
            admin
                .json("-n", NAMESPACE, "get", "secret", "own", "-o", "json")
                .at("/data/key")
                .asText())
        .isEqualTo("dmFsdWU=");
  }

  @Test
  void annotatedDeploymentHasAPodANode() throws Exception {
    apply(node("duty-1"));
    apply(node("duty-2"));
    apply(deployment(7, "3"));
    awaitReplicas(2);

    admin.run("delete", "node", "duty-1");
    awaitReplicas(1);
  }

  @Test
  void nodesSayWhatTheirPodsAskFor() throws Exception {
    var pod = admin.json("get", "pod", installation.plane().pod(), "-o", "json");
    var node = pod.at("/spec/nodeName").asText();

    Await.that(
        "annotations of node " + node,
        LIMIT,
        () -> {
          var annotations =
              admin.json("get", "node", node, "-o", "json").at("/metadata/annotations");
          return JSON.readTree(annotations.path("management.cattle.io/pod-requests").asText("{}"))
                  .has("pods")
              && JSON.readTree(annotations.path("management.cattle.io/pod-limits").asText("[]"))
                  .isObject();
        });
  }

  @Test
  void pullSecretsThatAreNotUsedAreDeletedAndNoOthers() throws Exception {
    Await.that(
        "unused pull secret is deleted",
        LIMIT,
        () -> !secretNames(Import.NAMESPACE).contains("duty-pull-unused"));

    assertThat(secretNames(Import.NAMESPACE)).contains("duty-pull-used", "duty-other");
  }

  @Test
  void logLevelChangesWhileTheAgentRuns() throws Exception {
    var socket = sockets.resolve("log.sock");
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
        .isEqualTo("rw-------");
    assertThat(ask(socket, "GET", "")).endsWith("\r\n\r\ninfo\n");
    assertThat(ask(socket, "POST", "level=loud")).contains("500", "Failed to parse loglevel: ");

    assertThat(ask(socket, "POST", "level=debug")).endsWith("\r\n\r\nOK\n");

    assertThat(ask(socket, "GET", "")).endsWith("\r\n\r\ndebug\n");
    installation
        .agent()
        .process()
        .awaitLine("something at debug level", LIMIT, line -> line.contains(" DEBUG "));
    assertThat(ask(socket, "POST", "level=info")).endsWith("OK\n");
  }

  private static String ask(Path socket, String method, String form) throws IOException {
    try (var client = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      var request =
          "%s /v1/loglevel HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
              .formatted(method, form.length(), form);
      client.write(ByteBuffer.wrap(request.getBytes(ISO_8859_1)));
      return new String(Channels.newInputStream(client).readAllBytes(), ISO_8859_1);
    }
  }

  private void createSecret(String namespace, String name, String isPullSecret)
      throws IOException, InterruptedException {
    admin.run("-n", namespace, "delete", "secret", name, "--ignore-not-found");
    admin.run("-n", namespace, "create", "secret", "generic", name, "--from-literal=key=value");
    admin.run("-n", namespace, "label", "secret", name, PULL_SECRET + "=" + isPullSecret);
  }

  private List<String> secretNames(String namespace) throws IOException, InterruptedException {
    return admin
        .json("-n", namespace, "get", "secrets", "-o", "json")
        .path("items")
        .valueStream()
        .map(secret -> secret.at("/metadata/name").asText())
        .toList();
  }

  private String secretAnnotation(String name) throws IOException, InterruptedException {
    return admin
        .json("-n", NAMESPACE, "get", "secret", name, "-o", "json")
        .path("metadata")
        .path("annotations")
        .path(PROJECT)
        .asText();
  }

  private void awaitLabel(String project, Duration limit) throws InterruptedException {
    Await.that(
        "namespace is labelled " + project,
        limit,
        () ->
            admin
                .json("get", "namespace", NAMESPACE, "-o", "json")
                .path("metadata")
                .path("labels")
                .path(PROJECT)
                .asText()
                .equals(project));
  }

  private void awaitReplicas(int replicas) throws InterruptedException {
    Await.that(
        "deployment has " + replicas + " replicas",
        LIMIT,
        () -> {
          JsonNode web = admin.json("-n", NAMESPACE, "get", "deployment", "web", "-o", "json");
          return web.at("/spec/replicas").asInt() == replicas;
        });
  }

  private void apply(String manifest) throws IOException, InterruptedException {
    admin.outcome(manifest.getBytes(ISO_8859_1), "apply", "-f", "-").expect(0);
  }

  private static String node(String name) {
    return """
        apiVersion: v1
        kind: Node
        metadata: {name: %s, labels: {drover-test: duty}}
        """
        .formatted(name);
  }

  private static String deployment(int replicas, String scale) {
    return """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {namespace: %s, name: web, annotations: {%s: "%s"}}
        spec:
          replicas: %d
          selector: {matchLabels: {app: duty}}
          template:
            metadata: {labels: {app: duty}}
            spec:
              nodeSelector: {drover-test: duty}
              containers: [{name: web, image: web}]
        """
        .formatted(NAMESPACE, SCALE, scale, replicas);
  }
}
