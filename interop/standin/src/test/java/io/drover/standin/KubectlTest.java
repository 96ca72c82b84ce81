package io.drover.standin;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What people type at a cluster, with the real kubectl. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class KubectlTest {
  @TempDir private static Path directory;
  private static StandIn standIn;

  @BeforeAll
  static void start() throws IOException, GeneralSecurityException {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .anyMatch(place -> Files.isExecutable(Path.of(place, "kubectl"))),
        "there is no kubectl on the PATH");
    standIn =
        StandIn.start(directory, 2, new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  @AfterAll
  static void stop() {
    if (standIn != null) {
      standIn.close();
    }
  }

  @Test
  void showsNodesAndPodsInTheUsualColumns() throws Exception {
    assertThat(kubectl("get", "nodes,pods", "-A"))
        .containsPattern("NAME +STATUS +ROLES +AGE +VERSION")
        .containsPattern("node/node-0 +Ready +control-plane +\\S+ +v1.36.2\\+standin")
        .containsPattern("NAMESPACE +NAME +READY +STATUS +RESTARTS +AGE")
        .containsPattern("default +pod/web-\\S+ +1/1 +Running +0")
        .containsPattern("kube-system +pod/coredns-\\S+ +1/1 +Running +0");
    assertThat(kubectl("describe", "node", "node-0"))
        .contains("node-role.kubernetes.io/control-plane:NoSchedule", "KubeletReady", "cpu:");
  }

  @Test
  void showsNamespacesAndClasses() throws Exception {
    assertThat(kubectl("get", "ns")).containsPattern("kube-system +Active");
    assertThat(kubectl("get", "sc,ingressclass"))
        .containsPattern("standard \\(default\\) +drover.example/none +Delete")
        .containsPattern("ingressclass.networking.k8s.io/web +drover.example/none");
  }

  @Test
  void saysWhatItIs() throws Exception {
    assertThat(kubectl("version")).contains("Server Version: " + Discovery.VERSION);
    assertThat(kubectl("api-versions")).contains("apps/v1", "storage.k8s.io/v1");
    assertThat(kubectl("api-resources")).containsPattern("deployments +deploy +apps/v1 +true");
    assertThat(kubectl("get", "--raw", "/readyz")).isEqualTo("ok");
  }

  @Test
  void takesTheImportManifestAgainAndAgain() throws Exception {
    var manifest = importManifest();
    assertThat(kubectl("apply", "-f", manifest).lines()).hasSize(9).allMatch(ends("created"));
    assertThat(kubectl("apply", "-f", manifest).lines()).hasSize(9).allMatch(ends("unchanged"));

    Files.writeString(Path.of(manifest), Files.readString(Path.of(manifest)).replace("sslip", "x"));
    assertThat(kubectl("apply", "-f", manifest).lines().filter(ends("configured"))).hasSize(1);
    assertThat(kubectl("get", "deployments", "-n", "cattle-system", "-o", "yaml"))
        .contains("value: x.io", "value: Server")
        .doesNotContain("sslip");

    assertThat(kubectl("apply", "--server-side", "--force-conflicts", "-f", manifest).lines())
        .hasSize(9);
    kubectl("rollout", "status", "deployment/cattle-cluster-agent", "-n", "cattle-system");
    kubectl("delete", "--ignore-not-found", "-f", manifest);
    assertThat(run("get", "ns", "cattle-system").text()).contains("NotFound");
  }

  @Test
  void tokenSecretOpensTheDoorAndOtherTokensDoNot() throws Exception {
    kubectl("create", "namespace", "tokens");
    kubectl("wait", "--for=create", "configmap/kube-root-ca.crt", "sa/default", "-n", "tokens");
    kubectl("apply", "-f", tokenSecret());
    kubectl("wait", "--for=jsonpath={.data.token}", "secret/made", "-n", "tokens");
    String data = kubectl("get", "secret", "made", "-n", "tokens", "-o", "jsonpath={.data.token}");
    String token = new String(Base64.getDecoder().decode(data), UTF_8);

    assertThat(withToken(token, "auth", "whoami").text())
        .contains("system:serviceaccount:tokens:default");
    assertThat(withToken(kubectl("create", "token", "default"), "get", "ns").exitCode()).isZero();
    assertThat(withToken("wrong", "get", "ns").text()).contains("Unauthorized");
  }

  @Test
  void watchShowsChangesAsTheyHappen() throws Exception {
    var watch =
        process("get", "configmaps", "--watch", "--field-selector=metadata.name=seen").start();
    try (var lines = watch.inputReader(UTF_8)) {
      kubectl("create", "configmap", "seen", "--from-literal=a=b");
      kubectl("label", "configmap", "seen", "new=label");
      assertThat(lines.readLine()).startsWith("NAME");
      assertThat(lines.readLine()).containsPattern("seen +1");
      assertThat(lines.readLine()).containsPattern("seen +1");
    } finally {
      watch.destroy();
    }
  }

  @Test
  void deploymentsHaveAsManyPodsAsAskedFor() throws Exception {
    kubectl("create", "deployment", "many", "--image=example", "--replicas=2");
    kubectl("rollout", "status", "deployment/many");
    kubectl("scale", "deployment/many", "--replicas=3");
    kubectl("rollout", "status", "deployment/many");
    assertThat(kubectl("get", "pods", "-l", "app in (many)", "-o", "name").lines()).hasSize(3);

    kubectl("delete", "deployment", "many");
    kubectl("wait", "--for=delete", "pods", "-l", "app=many");
  }

  @Test
  void patchesOfAllKindsAreApplied() throws Exception {
    kubectl("create", "configmap", "patched", "--from-literal=a=1", "--from-literal=b=2");
    String json = "[{\"op\":\"add\",\"path\":\"/data/c\",\"value\":\"3\"}]";
    kubectl("patch", "configmap", "patched", "--type=json", "-p", json);
    kubectl("patch", "configmap", "patched", "--type=merge", "-p", "{\"data\":{\"a\":null}}");
    kubectl("patch", "configmap", "patched", "--type=strategic", "-p", "{\"data\":{\"b\":\"4\"}}");
    assertThat(kubectl("get", "configmap", "patched", "-o", "jsonpath={.data}"))
        .isEqualTo("{\"b\":\"4\",\"c\":\"3\"}");
    kubectl("taint", "node", "node-1", "a=b:PreferNoSchedule");
    kubectl("taint", "node", "node-1", "a-");
  }

  @Test
  void whatOnlyARealClusterCanDoIsRefusedWithAHint() throws Exception {
    String pod = kubectl("get", "pods", "-o", "name", "-l", "app=web").lines().toList().getFirst();
    for (var command : List.of(List.of("exec", pod, "--", "ls"), List.of("logs", pod))) {
      var refused = run(command.toArray(String[]::new));
      assertThat(refused.exitCode()).isNotZero();
      assertThat(refused.text()).contains("./demo --real");
    }
    assertThat(run("create", "service", "nodeport", "low", "--tcp=80", "--node-port=1").text())
        .contains("The range of valid ports is 30000-32767");
    assertThat(kubectl("auth", "can-i", "create", "pods")).startsWith("yes");
  }

  private static Predicate<String> ends(String word) {
    return line -> line.endsWith(word);
  }

  /** As the Go peer renders it, with a word for each value. */
  private static String importManifest() throws IOException {
    String template = Files.readString(Path.of("..", "rancher", "manifest.yaml.tmpl"));
    String text =
        template
            .replaceAll("\\{\\{quote \\.(\\w+)}}", "\"$1\"")
            .replaceAll("\\{\\{base64 \\.\\w+}}", "eA==")
            .replaceAll("\\{\\{\\.(\\w+)}}", "credentials");
    return Files.writeString(directory.resolve("import.yaml"), text).toString();
  }

  private static String tokenSecret() throws IOException {
    String text =
        """
        apiVersion: v1
        kind: Secret
        type: kubernetes.io/service-account-token
        metadata:
          name: made
          namespace: tokens
          annotations: {kubernetes.io/service-account.name: default}
        """;
    return Files.writeString(directory.resolve("secret.yaml"), text).toString();
  }

  private record Result(int exitCode, String text) {}

  /** Its output; fails unless it succeeds. */
  private static String kubectl(String... arguments) throws Exception {
    var result = run(arguments);
    assertThat(result.exitCode()).as(result.text()).isZero();
    return result.text();
  }

  private static Result run(String... arguments) throws Exception {
    var process = process(arguments).start();
    String text = new String(process.getInputStream().readAllBytes(), UTF_8);
    return new Result(process.waitFor(), text);
  }

  private static Result withToken(String token, String... arguments) throws Exception {
    var all = new ArrayList<>(List.of("--server=https://" + standIn.address(), "--token=" + token));
    all.add("--certificate-authority=" + directory.resolve("certificates").resolve("ca.crt"));
    all.add("--kubeconfig=/dev/null");
    all.addAll(List.of(arguments));
    return run(all.toArray(String[]::new));
  }

  private static ProcessBuilder process(String... arguments) {
    var command = new ArrayList<>(List.of("kubectl"));
    command.addAll(List.of(arguments));
    var builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("KUBECONFIG", standIn.kubeconfig().toString());
    builder.environment().put("HOME", directory.toString()); // kubectl's cache
    return builder;
  }
}
