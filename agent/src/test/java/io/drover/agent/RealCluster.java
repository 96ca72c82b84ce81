package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.Fabric8ClusterApi;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;

/**
 * A real API server, which {@code interop/build} makes with Go, and what stands behind it; with
 * accounts that may do what a test says, in namespace {@code cattle-system}.
 */
public final class RealCluster implements AutoCloseable {
  private static final String JSON = "application/json";
  private static final String ACCOUNTS = "/api/v1/namespaces/cattle-system/serviceaccounts";
  private static final String RBAC = "/apis/rbac.authorization.k8s.io/v1/";

  /** Of the program, for what a machine has not got. */
  private static final int NOT_HERE = 2;

  private static final Duration END_LIMIT = Duration.ofSeconds(60);

  private final Path directory;
  private final Process process;
  private final JsonNode described;
  private final Fabric8ClusterApi admin;

  private RealCluster(Path directory, Process process, JsonNode described) throws IOException {
    this.directory = directory;
    this.process = process;
    this.described = described;
    this.admin =
        Fabric8ClusterApi.open(
            new KubeConfig.Kubeconfig(Path.of(described.path("kubeconfig").asText()), ""));
  }

  /** Skips the test if this machine cannot do it. */
  public static RealCluster start(Path directory, String... flags) throws Exception {
    var command = new ArrayList<String>();
    command.add(Interop.built("cluster").resolve("drover-cluster").toString());
    command.addAll(List.of("--exit-with-stdin", "--dir=" + directory.resolve("state")));
    command.addAll(List.of(flags));
    var process = new ProcessBuilder(command).redirectError(Redirect.INHERIT).start();
    var lines = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
    var line = lines.readLine();
    if (line == null) {
      assertThat(process.waitFor()).as("exit code of " + command).isEqualTo(NOT_HERE);
      Assumptions.abort("not possible here: " + String.join(" ", flags));
    }
    var cluster = new RealCluster(directory, process, new ObjectMapper().readTree(line));
    create(cluster.api(), "/api/v1/namespaces", named("Namespace", "v1", "cattle-system"));
    return cluster;
  }

  /** With all rights. */
  public ApiReader api() {
    return admin.reader();
  }

  /** A token of a new account that has the rights of no role yet. */
  public Fabric8ClusterApi account(String name) throws Exception {
    create(api(), ACCOUNTS, named("ServiceAccount", "v1", name));
    var token =
        create(
            api(),
            ACCOUNTS + "/" + name + "/token",
            named("TokenRequest", "authentication.k8s.io/v1", name));
    var file =
        Files.writeString(
            directory.resolve(name + ".kubeconfig"),
            """
            apiVersion: v1
            kind: Config
            clusters: [{name: c, cluster: {server: "https://%s", certificate-authority: "%s"}}]
            users: [{name: u, user: {token: "%s"}}]
            contexts: [{name: c, context: {cluster: c, user: u}}]
            current-context: c
            """
                .formatted(
                    described.path("apiServer").asText(),
                    described.path("ca").asText(),
                    token.at("/status/token").asText()));
    return Fabric8ClusterApi.open(new KubeConfig.Kubeconfig(file, ""));
  }

  /** Gives an account rights in the whole cluster; they count by the time this returns. */
  public void allow(String account, String role, Iterable<JsonNode> rules) throws Exception {
    var object = named("ClusterRole", "rbac.authorization.k8s.io/v1", role);
    rules.forEach(object.withArray("rules")::add);
    create(api(), RBAC + "clusterroles", object);
    var binding = named("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", role);
    binding
        .putObject("roleRef")
        .put("apiGroup", "rbac.authorization.k8s.io")
        .put("kind", "ClusterRole")
        .put("name", role);
    binding
        .withArray("subjects")
        .addObject()
        .put("kind", "ServiceAccount")
        .put("namespace", "cattle-system")
        .put("name", account);
    create(api(), RBAC + "clusterrolebindings", binding);
  }

  /** A rule about one resource of the core group. */
  public static JsonNode rule(String resource, String verb) {
    var rule = new ObjectMapper().createObjectNode();
    rule.putArray("apiGroups").add("");
    rule.putArray("resources").add(resource);
    rule.putArray("verbs").add(verb);
    return rule;
  }

  public static ObjectNode named(String kind, String version, String name) {
    var object = new ObjectMapper().createObjectNode().put("apiVersion", version).put("kind", kind);
    object.putObject("metadata").put("name", name);
    return object;
  }

  public static JsonNode create(ApiReader api, String path, JsonNode object)
      throws InterruptedException {
    var answer = api.send("POST", path, JSON, object);
    var outcome = answer.found().orElseThrow(() -> new AssertionError(path + ": " + answer));
    assertThat(outcome.isSuccess()).as("%s: %s", path, outcome).isTrue();
    return outcome.body();
  }

  @Override
  public void close() throws IOException {
    admin.close();
    process.getOutputStream().close(); // it ends what it has started, and then itself
    try {
      if (!process.waitFor(END_LIMIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new AssertionError("the cluster does not end within " + END_LIMIT);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      process.destroyForcibly();
    }
  }
}
