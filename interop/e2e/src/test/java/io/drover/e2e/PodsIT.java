package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.TestMethodOrder;

/**
 * The image in real pods, on a node of containerd and a kubelet: by Rancher's manifest and by the
 * chart, with the probes, limits and addresses that pods have.
 */
@Tag("interop")
@Order(12)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // start() sets everything
final class PodsIT {
  private static final String REPOSITORY = "drover.example/drover-agent";
  private static final String SHELL_IMAGE = "drover.example/shell:1";
  private static final String SHELL_USER = "u-shell";
  private static final String SHELL_NAMESPACE = "shell-allowed";
  private static final String DEPLOYMENT = "cattle-cluster-agent";
  private static final String LEASE = "lease/drover-agent";
  private static final String AGENTS = "app=" + DEPLOYMENT;
  private static final String NODE_AGENTS = "app=drover-node-agent";
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** At any time; what the chart requests. */
  private static final int NODE_AGENT_MIB = 64;

  /** Of kubectl, for what waits for pods. */
  private static final String TIMEOUT = "--timeout=50s";

  private static final int USERS = 2;
  private static final Duration USERS_PAUSE = Duration.ofMillis(1_500);
  private static final int ANSWERS = 4;

  private Path directory;
  private ControlPlane plane;
  private Kubectl admin;
  private Peer peer;
  private Kubectl tunnel;
  private ClusterObjects before;

  @BeforeAll
  void start() throws IOException, InterruptedException {
    var archive = Programs.image().resolve("image.oci.tar");
    directory = Programs.directory("pods");
    plane =
        ControlPlane.startReal(
            "real-node",
            Map.of(image(1), archive, image(2), archive, SHELL_IMAGE, Programs.shellImage()));
    admin = plane.admin();
    var host = URI.create("https://" + plane.address()).getHost();
    var flags = new ArrayList<>(List.of("--listen=" + host + ":0", "--agent-image=" + image(1)));
    flags.addAll(List.of(Installation.FREQUENT_CHECKS));
    peer = Peer.start(directory, Peer.VERSIONS.getFirst(), flags.toArray(String[]::new));
    tunnel = peer.kubectl();
    before = ClusterObjects.settled(admin);
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

  /** One image by two names, so that there is something to roll to. */
  private static String image(int tag) {
    return REPOSITORY + ":" + tag;
  }

  @Test
  @Order(1)
  void ranchersUnmodifiedManifestRunsAsAPod() throws Exception {
    admin.outcome(peer.manifest(), "apply", "-f", "-").expect(0);

    peer.awaitActive(LIMIT);
    assertUsersReachTheCluster();
    assertNothingWasRestarted(AGENTS, 1);
  }

  /** The manifest has no probe: to Kubernetes a pod is ready as soon as it runs. */
  @Test
  @Order(2)
  void noRequestFailsWhenRanchersManifestIsRolled() throws Exception {
    assertThat(roll(2)).isEmpty();
    assertUsersReachTheCluster();
  }

  @Test
  @Order(3)
  void cleanUpJobRunsAsAPodAndLeavesNothing() throws Exception {
    CleanupJob.create(admin, image(1));
    CleanupJob.start(admin);

    admin.run("-n", "default", "wait", "--for=delete", "job/" + CleanupJob.NAME, TIMEOUT);
    admin.run("wait", "--for=delete", "namespace/" + Import.NAMESPACE, TIMEOUT);
    removeNotes();
    // What Kubernetes itself notes of the Job, and a binding that alone gives no rights.
    admin.run("-n", "default", "delete", "events", "--all");
    admin.run("delete", "clusterrolebinding", CleanupJob.NAME, "--ignore-not-found");
    ClusterObjects.awaitSame(admin, before);
  }

  @Test
  @Order(4)
  void chartRunsWithItsOwnLimitsWherePodSecurityIsRestricted() throws Exception {
    admin.run("create", "namespace", Import.NAMESPACE);
    admin.run(
        "label", "namespace", Import.NAMESPACE, "pod-security.kubernetes.io/enforce=restricted");
    int mark = peer.process().lineCount();

    // Waits for the readiness probes.
    new Helm(admin)
        .outcome(
            "install",
            Helm.RELEASE,
            Programs.chart().toString(),
            "--wait",
            TIMEOUT,
            "--set",
            "server.url=%s,server.token=%s,server.caChecksum=%s"
                .formatted(peer.url(), Peer.TOKEN, peer.caChecksum()),
            "--set",
            "image.repository=%s,replicas=2,nodeAgent.enabled=true,explorer.shellImage=%s"
                .formatted(REPOSITORY, SHELL_IMAGE),
            "--set-string",
            "image.tag=1")
        .expect(0);

    peer.awaitEvent(mark, "active", LIMIT, _ -> true);
    assertUsersReachTheCluster();
    assertNothingWasRestarted(AGENTS, 2);
    assertNothingWasRestarted(NODE_AGENTS, 1);
    assertNodeAgentsAreSmall();
    assertLeaseNamesAPod();
  }

  @Test
  @Order(5)
  void nodeAgentReachesAllFromItsPod() throws Exception {
    Await.that(
        "the node's agent is in the report",
        LIMIT,
        () -> nodes().path("answering").asInt() == 1 && nodes().path("offenders").isEmpty());
    for (var check : List.of("agent", "server", "dns", "api-server", "clock", "disk")) {
      assertThat(nodes().path("checks").valueStream())
          .as(check)
          .anyMatch(
              found -> found.path("name").asText().equals(check) && found.path("ok").asInt() == 1);
    }
    assertThat(admin.run("-n", Import.NAMESPACE, "logs", "daemonset/drover-node-agent"))
        .as("of an agent that starts together with its Service")
        .doesNotContain("does not work");
  }

  private JsonNode nodes() throws IOException, InterruptedException {
    return admin
        .json("-n", Import.NAMESPACE, "get", "clusterreport", "cluster", "-o", "json")
        .at("/report/nodes");
  }

  /** Through the API server and the kubelet, as an operator has it. */
  @Test
  @Order(6)
  void commandsOfThePagesWorkInAPod() throws Exception {
    var shell = new Kubectl(admin.kubeconfig(), directory.resolve("shell"));
    Files.createDirectories(shell.directory());
    var said = new StringBuilder();
    for (var block : DocPage.blocks(DocPage.Runner.PODS_IT)) {
      said.append(block.run(shell, "").stdout());
    }

    assertThat(said).contains("✓ websocket", "✓ cluster", "✓ steve");
    try (var zip = new ZipFile(shell.directory().resolve("diag.zip").toFile())) {
      assertThat(zip.stream().map(ZipEntry::getName))
          .contains(
              "status.json",
              "configuration.txt",
              "reasons.txt",
              "report.json",
              "threads.txt",
              "check.jsonl");
      var missing = zip.getEntry("missing.txt");
      if (missing != null) { // of a machine with control groups of version 1 only
        assertThat(new String(zip.getInputStream(missing).readAllBytes(), UTF_8))
            .startsWith("limits.txt: there is no control group")
            .hasLineCount(1);
      }
    }
    assertNothingWasRestarted(AGENTS, 2);
  }

  /** By docs/check.md, with the image that is here; the page shows no token. */
  @Test
  @Order(7)
  void checkRunsInAPodOfItsOwn() throws Exception {
    var shell = new Kubectl(admin.kubeconfig(), directory.resolve("check"));
    Files.createDirectories(shell.directory());

    checkPage("run drover-check", shell);
    admin.run(
        "-n",
        Import.NAMESPACE,
        "wait",
        "--for=jsonpath={.status.phase}=Succeeded",
        "pod/drover-check",
        TIMEOUT);

    assertThat(admin.run("-n", Import.NAMESPACE, "logs", "drover-check"))
        .contains("✓ tls", "✓ service-account", "✓ rights", "– token")
        .doesNotContain("✗");
    checkPage("delete pod drover-check", shell);
  }

  /** The one block of commands there that has these words. */
  private void checkPage(String words, Kubectl shell) throws IOException, InterruptedException {
    var found =
        DocPage.blocks("check").stream().filter(block -> block.commands().contains(words)).toList();
    assertThat(found).hasSize(1);
    var block = found.getFirst();
    new DocPage.Block(
            block.page(),
            block.runner(),
            block.reason(),
            block.commands().replace("registry.example.org/drover-agent", image(1)))
        .run(shell, "SERVER=%s CHECKSUM=%s%n".formatted(peer.url(), peer.caChecksum()));
  }

  /**
   * Where pods are restricted, and with the name and the certificate that the API server has in
   * one.
   */
  @Test
  @Order(8)
  void kubectlShellIsAPodInWhichItsUserMayDoWhatHeMay() throws Exception {
    ShellSession.allow(admin, SHELL_NAMESPACE, SHELL_USER);
    try (var shell = ShellSession.open(peer.forwardToSteve(), SHELL_USER)) {
      shell.type("echo $((40 + 2)) $(id -u) $PWD; cat .profile");
      shell.await("42 1000 /home/shell");
      shell.await("greeting='from the home of the image'");
      shell.type("kubectl auth whoami -o jsonpath='who={.status.userInfo.username}.'");
      shell.await("who=" + SHELL_USER + ".");
      shell.type("kubectl -n " + SHELL_NAMESPACE + " create configmap made-in-the-shell");
      shell.await("configmap/made-in-the-shell created");
      shell.type("kubectl -n default get configmaps");
      shell.await("User \"" + SHELL_USER + "\" cannot list resource \"configmaps\"");
      shell.type("touch /bin/x");
      shell.await("Read-only file system");
    }
    ShellSession.awaitNothing(admin);
    admin.run("-n", SHELL_NAMESPACE, "get", "configmap", "made-in-the-shell");
    admin.run("delete", "namespace", SHELL_NAMESPACE);
    assertNothingWasRestarted(AGENTS, 2);
  }

  @Test
  @Order(9)
  void noRequestFailsWhenTheChartsPodsAreRolled() throws Exception {
    assertThat(roll(2)).isEmpty();
    assertUsersReachTheCluster();
    assertNothingWasRestarted(AGENTS, 2);
    assertNothingWasRestarted(NODE_AGENTS, 1);
  }

  @Test
  @Order(10)
  void removalOfTheChartLeavesNothing() throws Exception {
    new Helm(admin).outcome("uninstall", Helm.RELEASE, "--wait", TIMEOUT).expect(0);
    admin.run("delete", "namespace", Import.NAMESPACE);
    admin.run("delete", "crd", "clusterreports.drover.io");
    removeNotes();

    ClusterObjects.awaitSame(admin, before);
  }

  /** Of the agent on nodes, which no clean-up has the right to change; as in docs/uninstall.md. */
  private void removeNotes() throws IOException, InterruptedException {
    admin.run(
        "annotate",
        "nodes",
        "--all",
        "management.cattle.io/pod-requests-",
        "management.cattle.io/pod-limits-");
  }

  /** Changes the image while users work; the requests that failed until the old pods were gone. */
  private List<String> roll(int tag) throws IOException, InterruptedException {
    var old = pods(AGENTS).stream().map(pod -> "pod/" + name(pod)).toList();
    try (var users = new Users(peer, USERS, USERS_PAUSE)) {
      users.awaitAnswers(ANSWERS);
      admin.run(
          "-n",
          Import.NAMESPACE,
          "set",
          "image",
          "deployment/" + DEPLOYMENT,
          "cluster-register=" + image(tag));
      admin.run("-n", Import.NAMESPACE, "rollout", "status", "deployment/" + DEPLOYMENT, TIMEOUT);
      var gone = new ArrayList<>(List.of("-n", Import.NAMESPACE, "wait", "--for=delete", TIMEOUT));
      gone.addAll(old);
      admin.run(gone.toArray(String[]::new));
      users.awaitAnswers(ANSWERS);
      System.out.printf(
          "pods rolled: answered=%d failed=%d%n", users.answered(), users.failures().size());
      return users.failures();
    }
  }

  /** Through the tunnel, into a pod too. */
  private void assertUsersReachTheCluster() throws IOException, InterruptedException {
    assertThat(tunnel.run("get", "nodes", "-o", "name")).isEqualTo("node/node-0\n");
    assertThat(exec("status").expect(0).stdout()).contains("✓ cluster", "✓ steve");
    assertThat(exec("check").expect(0).stdout()).contains("✓ websocket");
    assertThat(exec("status", "--nonsense").expect(2).stderr()).contains("--nonsense");
    assertThat(tunnel.run("-n", Import.NAMESPACE, "logs", "deployment/" + DEPLOYMENT))
        .contains("tunnel up: tunnel=cluster");
  }

  private Kubectl.Outcome exec(String... arguments) throws IOException, InterruptedException {
    var command =
        new ArrayList<>(List.of("-n", Import.NAMESPACE, "exec", "deployment/" + DEPLOYMENT, "--"));
    command.add("drover-agent");
    command.addAll(List.of(arguments));
    return tunnel.outcome(new byte[0], command.toArray(String[]::new));
  }

  /** Not by a probe, and not by the kernel at the memory limit. */
  private void assertNothingWasRestarted(String label, int count)
      throws IOException, InterruptedException {
    var pods = pods(label);
    assertThat(pods).hasSize(count);
    for (var pod : pods) {
      assertThat(pod.at("/status/phase").asText()).isEqualTo("Running");
      assertThat(pod.at("/status/containerStatuses/0/restartCount").asInt(-1)).isZero();
      var limit = pod.at("/spec/containers/0/resources/limits/memory").asText("none");
      System.out.printf(
          "pod %s: %d MiB resident, %d MiB at most, limit %s%n",
          name(pod), residentMib(pod, "VmRSS"), residentMib(pod, "VmHWM"), limit);
    }
  }

  /** So that people see which replica writes the reports. */
  private void assertLeaseNamesAPod() throws IOException, InterruptedException {
    admin.run("-n", Import.NAMESPACE, "wait", "--for=create", LEASE, TIMEOUT);
    var holder =
        admin.run("-n", Import.NAMESPACE, "get", LEASE, "-o", "jsonpath={.spec.holderIdentity}");
    assertThat(pods(AGENTS)).anyMatch(pod -> holder.startsWith(name(pod) + "_"));
  }

  private void assertNodeAgentsAreSmall() throws IOException, InterruptedException {
    for (var pod : pods(NODE_AGENTS)) {
      assertThat(residentMib(pod, "VmHWM")).isLessThanOrEqualTo(NODE_AGENT_MIB);
    }
  }

  /** Of the pod's Java process, by a field of its status. */
  private static long residentMib(JsonNode pod, String field) throws IOException {
    var uid = pod.at("/metadata/uid").asText();
    for (var process : ProcessHandle.allProcesses().toList()) {
      var proc = Path.of("/proc", Long.toString(process.pid()));
      if (process.info().command().filter(command -> command.endsWith("/java")).isPresent()
          && Files.readString(proc.resolve("cgroup")).contains(uid)) {
        return RunningProcess.statusKib(process.pid(), field) / 1024;
      }
    }
    throw new AssertionError("no process of pod " + name(pod));
  }

  private List<JsonNode> pods(String label) throws IOException, InterruptedException {
    return admin
        .json("-n", Import.NAMESPACE, "get", "pods", "-l", label, "-o", "json")
        .path("items")
        .valueStream()
        .toList();
  }

  private static String name(JsonNode pod) {
    return pod.at("/metadata/name").asText();
  }
}
