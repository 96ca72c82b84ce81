package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

/**
 * The clean-up, with exactly the rights of Rancher's Job, in a cluster of its own: every object
 * before Rancher came is compared with every object after it went.
 */
@Tag("interop")
@Beside
@Order(11)
@TestInstance(Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
@SuppressWarnings("NullAway.Init") // install() sets everything
final class CleanupIT {
  private static final Duration RUN_LIMIT = Duration.ofSeconds(60);

  /** For namespaces to end, and the garbage collector to find what has lost its owner. */
  private static final Duration END_LIMIT = Duration.ofSeconds(60);

  private static final String JOB = CleanupJob.NAME;

  /** What comes and goes by itself. */
  private static final Set<String> RESTLESS =
      Set.of(
          "componentstatuses",
          "endpoints",
          "endpointslices.discovery.k8s.io",
          "events",
          "events.events.k8s.io",
          "leases.coordination.k8s.io");

  /** What is left of Rancher, and why. */
  private static final Map<String, String> LEFT =
      Map.of(
          "CustomResourceDefinition preferences.management.cattle.io",
          "the Job has no right to kinds",
          "Preference theme",
          "nor to their objects",
          "APIService v3.management.cattle.io",
          "the API server makes it of the kind",
          "Namespace local",
          "the Job could delete it, but nothing tells it from a namespace of the user's",
          "ConfigMap local/kube-root-ca.crt",
          "Kubernetes puts it into each namespace",
          "ServiceAccount local/default",
          "likewise");

  private ControlPlane plane;
  private Path directory;
  private Path account;
  private Set<String> before;

  @BeforeAll
  void install() throws IOException, InterruptedException {
    plane = ControlPlane.start();
    directory = Programs.directory("cleanup");
    account = Files.createDirectories(directory.resolve("service-account"));
    plane.admin().run("create", "namespace", "shop");
    Await.that(
        "Kubernetes is done with the new namespace",
        END_LIMIT,
        () -> objects().contains("ServiceAccount shop/default"));
    before = objects();
    manage();
    employ();
  }

  @AfterAll
  void close() {
    if (plane != null) {
      plane.close();
    }
  }

  /** Does to the cluster what Rancher does. */
  private void manage() throws IOException, InterruptedException {
    var admin = plane.admin();
    try (var in = CleanupIT.class.getResourceAsStream("/cleanup/rancher.yaml")) {
      admin.outcome(in.readAllBytes(), "apply", "-f", "-").expect(0);
    }
    admin.run("wait", "--for=condition=Established", "crd", "preferences.management.cattle.io");
    admin
        .outcome(
            """
            {"apiVersion": "management.cattle.io/v3", "kind": "Preference",
             "metadata": {"name": "theme", "finalizers": ["controller.cattle.io/preference"]}}
            """
                .getBytes(UTF_8),
            "apply",
            "-f",
            "-")
        .expect(0);
    admin.run(
        "patch",
        "namespace",
        "shop",
        "--patch",
        """
        {"metadata": {"finalizers": ["controller.cattle.io/namespace-auth"],
         "labels": {"field.cattle.io/projectId": "p-abc12"},
         "annotations": {"field.cattle.io/projectId": "c-abc12:p-abc12",
          "lifecycle.cattle.io/create.namespace-auth": "true", "cattle.io/status": "{}"}}}
        """);
  }

  /** Makes the Job, what gives it its rights, and what its pod would find. */
  private void employ() throws IOException, InterruptedException {
    CleanupJob.create(plane.admin(), "drover-agent");
    Files.writeString(
        account.resolve("token"),
        plane.admin().run("-n", "default", "create", "token", JOB).strip());
    Files.write(account.resolve("ca.crt"), Files.readAllBytes(plane.caFile()));
  }

  /** Runs the program as the Job's pod would; returns what it logged. */
  private List<String> cleanUp(String name, Map<String, String> more) throws InterruptedException {
    var api = URI.create("https://" + plane.address());
    var environment = new HashMap<>(more);
    environment.put("CLUSTER_CLEANUP", "true");
    environment.put("DROVER_SERVICE_ACCOUNT_DIR", account.toString());
    environment.put("KUBERNETES_SERVICE_HOST", api.getHost());
    environment.put("KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    try (var process =
        RunningProcess.start(name, directory, environment, List.of(Programs.agent()))) {
      assertThat(process.awaitExit(RUN_LIMIT)).as(process.tail()).isZero();
      process.awaitEnd(RUN_LIMIT);
      assertThat(process.errorLines()).isEmpty();
      return process.lines();
    }
  }

  /**
   * All objects, as kind and name, but for what the control plane makes for itself; of a namespace
   * also what is noted on it.
   */
  private Set<String> objects() throws IOException, InterruptedException {
    var admin = plane.admin();
    var kinds =
        admin
            .run("api-resources", "--verbs=list", "-o", "name")
            .lines()
            .map(String::strip)
            .filter(kind -> !RESTLESS.contains(kind))
            .collect(Collectors.joining(","));
    var objects = new TreeSet<String>();
    for (var object : admin.json("get", kinds, "-A", "-o", "json").path("items")) {
      if (!object.at("/metadata/namespace").asText().equals("kube-system")) {
        objects.add(text(object));
      }
    }
    return objects;
  }

  private static String text(JsonNode object) {
    var metadata = object.path("metadata");
    var namespace = metadata.path("namespace").asText("");
    var text = new StringBuilder(object.path("kind").asText()).append(' ');
    text.append(namespace).append(namespace.isEmpty() ? "" : "/");
    text.append(metadata.path("name").asText());
    if (object.path("kind").asText().equals("Namespace")) {
      for (var noted : List.of("labels", "annotations", "finalizers")) {
        var own = metadata.path(noted).toString();
        text.append(own.contains("cattle.io/") ? " " + own : "");
      }
    }
    return text.toString();
  }

  @Test
  @Order(1)
  void dryRunNamesWhatThereIsAndChangesNothing() throws Exception {
    var managed = objects();

    var lines = cleanUp("dry-run", Map.of("DRY_RUN", "true"));

    assertThat(objects()).containsAll(managed);
    assertThat(lines)
        .anyMatch(line -> line.contains("would delete: kind=Namespace name=cattle-system"))
        .anyMatch(line -> line.contains("would change: kind=Namespace name=shop"))
        .anyMatch(line -> line.contains("would delete: kind=Role name=shop/p-abc12-namespaces"))
        .anyMatch(line -> line.contains("would delete: kind=Job name=default/" + JOB));
    assertThat(lines.getLast()).contains("clean-up is complete", "failed=0 dryRun=true");
  }

  @Test
  @Order(2)
  void nothingOfRancherIsLeftButWhatTheJobMayNotDelete() throws Exception {
    var lines = cleanUp("first", Map.of());

    assertThat(lines.getLast()).contains("clean-up is complete", "failed=0 dryRun=false");
    Await.that(
        "namespaces have ended, and the Job's account is collected",
        END_LIMIT,
        () -> objects().stream().noneMatch(CleanupIT::isEnding));
    var after = new TreeSet<>(objects());
    assertThat(after).containsAll(before);
    after.removeAll(before);
    // The role may be gone before the binding's turn comes; alone it gives no rights.
    after.remove("ClusterRoleBinding " + JOB);
    assertThat(after).containsExactlyInAnyOrderElementsOf(LEFT.keySet());
  }

  private static boolean isEnding(String object) {
    return object.matches("Namespace cattle-.*") || object.equals("ServiceAccount default/" + JOB);
  }

  @Test
  @Order(3)
  void secondRunFindsNothing() throws Exception {
    employ();

    var lines = cleanUp("second", Map.of());

    assertThat(lines)
        .filteredOn(line -> line.contains("deleted: ") || line.contains("changed: "))
        .isNotEmpty()
        .allMatch(line -> line.contains("name=" + JOB) || line.contains("name=default/" + JOB));
    assertThat(lines.getLast()).contains("clean-up is complete", "changed=0", "failed=0");
  }

  @Test
  @Order(4)
  void whereRancherItselfRunsNothingIsTouched() throws Exception {
    employ();
    manage();
    plane
        .admin()
        .run("-n", "cattle-system", "create", "service", "clusterip", "rancher", "--tcp=80");
    var managed = objects();

    var lines = cleanUp("rancher", Map.of());

    assertThat(lines).anyMatch(line -> line.contains("Rancher is installed"));
    var after = objects();
    managed.removeIf(object -> object.contains("cattle-cleanup-"));
    assertThat(after).containsAll(managed);
  }
}
