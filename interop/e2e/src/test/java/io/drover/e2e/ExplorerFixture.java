package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;

/** The objects of which the Explorer's answers were recorded. */
final class ExplorerFixture {
  private static final Duration KINDS_LIMIT = Duration.ofSeconds(30);
  private static final Duration PODS_LIMIT = Duration.ofSeconds(60);
  private static final Duration CONTROLLERS_LIMIT = Duration.ofSeconds(90);

  /** Pods that can run nowhere, or that nobody says to be running. */
  private static final int PENDING = 6;

  private static final String RELEASE = "sh.helm.release.v1.demo.v1";

  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

  private final Kubectl admin;
  private final Path directory;

  private ExplorerFixture(Kubectl admin, Path directory) {
    this.admin = admin;
    this.directory = directory;
  }

  /** Makes them, and returns when they are as they were when the answers were recorded. */
  static void apply(ControlPlane plane, Path directory) throws IOException, InterruptedException {
    new ExplorerFixture(plane.admin(), Files.createDirectories(directory)).apply();
  }

  /** Takes away what the recorded writes leave behind. */
  static void clean(ControlPlane plane) throws IOException, InterruptedException {
    var admin = plane.admin();
    admin.run("delete", "configmap,secret,deployment", "--all", "--namespace=vec-empty");
    for (String kind : List.of("configmap", "gadget")) {
      var all = admin.run("get", kind, "--namespace=vec-shop", "-o", "name");
      for (String name : all.lines().toList()) {
        if (name.contains("/fw-") || name.contains("/v-")) {
          admin.run("delete", name, "--namespace=vec-shop");
        }
      }
    }
  }

  private void apply() throws IOException, InterruptedException {
    // What the recorded cluster did not have.
    admin.run("delete", "node", "node-0");
    admin.run("label", "node", "--all", "topology.kubernetes.io/region-");
    admin.run("label", "node", "--all", "topology.kubernetes.io/zone-");
    admin.run("delete", "ingressclass,storageclass", "--all");
    admin.run("delete", "deployment", "--all");

    var objects = objects();
    // In the recorded cluster the limits were set when these pods were there already.
    Predicate<JsonNode> limits = object -> object.path("kind").asText().equals("LimitRange");
    var first = write("first", objects.stream().filter(limits.negate()).toList());
    admin.run("apply", "--server-side", "-f", resource("installed.yaml"));
    Await.that("all kinds are known", KINDS_LIMIT, () -> applied(first));
    installApp();
    admin.run("apply", "--server-side", "-f", resource("users.yaml"));
    Await.that("pods run", PODS_LIMIT, () -> pods("Pending") <= PENDING && pods("Running") > 15);
    admin.run(
        "apply", "--server-side", "-f", write("limits", objects.stream().filter(limits).toList()));

    var changes = VectorCase.JSON.readTree(VectorCase.resource("status-patches.json"));
    for (var patch : changes.path("patches")) {
      patch(patch);
    }
    for (var deleted : changes.path("deletes")) {
      admin.run("delete", "--wait=false", "--raw=" + deleted.path("path").asText());
    }
    // That API is dead keeps it from being deleted, in the recorded cluster as well.
    admin.run("create", "namespace", "vec-tmp");
    admin.run("label", "namespace", "vec-tmp", "field.cattle.io/projectId=p-retail");
    admin.run("delete", "namespace", "vec-tmp", "--wait=false");
    await(
        "a namespace cannot be deleted",
        "namespace/vec-tmp",
        "vec-shop",
        "{.status.conditions[*].type}",
        "NamespaceContentRemaining");
    await("a job is too late", "job/late", "vec-lab", "{.status.conditions[*].type}", "Failed");
    await("a pod has ended", "pod/bare-gone", "vec-ops", "{.status.phase}", "Failed");
    await("replicas are counted", "hpa/web", "vec-shop", "{.status.currentReplicas}", "2");
  }

  /** The stock agent makes one of each release. */
  private void installApp() throws IOException, InterruptedException {
    var secret =
        admin.json("get", "secret", RELEASE, "--namespace=vec-shop", "-o", "json").path("metadata");
    var app = VectorCase.JSON.createObjectNode();
    app.put("apiVersion", "catalog.cattle.io/v1").put("kind", "App");
    var metadata = app.putObject("metadata").put("name", "demo").put("namespace", "vec-shop");
    metadata
        .putArray("ownerReferences")
        .addObject()
        .put("apiVersion", "v1")
        .put("kind", "Secret")
        .put("name", RELEASE)
        .set("uid", secret.path("uid"));
    app.putObject("status").putObject("summary").put("state", "deployed");
    var file = write("app", List.of(app));
    Await.that("apps are known", KINDS_LIMIT, () -> applied(file));
  }

  private void await(String what, String object, String namespace, String path, String value)
      throws InterruptedException {
    Await.that(
        what,
        CONTROLLERS_LIMIT,
        () ->
            admin
                .run("get", object, "--namespace=" + namespace, "--output=jsonpath=" + path)
                .contains(value));
  }

  private boolean applied(String file) throws IOException, InterruptedException {
    return admin.outcome(new byte[0], "apply", "--server-side", "-f", file).exitCode() == 0;
  }

  private long pods(String phase) throws IOException, InterruptedException {
    return admin
        .run("get", "pods", "-A", "--field-selector=status.phase=" + phase, "-o", "name")
        .lines()
        .count();
  }

  /** By kubectl, which takes a path apart again. */
  private void patch(JsonNode patch) throws IOException, InterruptedException {
    var parts = List.of(patch.path("path").asText().substring(1).split("/", -1));
    boolean core = parts.getFirst().equals("api");
    var rest = parts.subList(core ? 2 : 3, parts.size());
    boolean namespaced = rest.getFirst().equals("namespaces") && rest.size() > 3;
    var object = namespaced ? rest.subList(2, rest.size()) : rest;
    var resource = core ? object.get(0) : object.get(0) + "." + parts.get(1);
    admin.run(
        "patch",
        resource,
        object.get(1),
        "--namespace=" + (namespaced ? rest.get(1) : "default"),
        "--subresource=status",
        "--type=merge",
        "--patch=" + patch.path("body"));
  }

  private static List<JsonNode> objects() throws IOException {
    try (var in = VectorCase.resource("fixture.yaml");
        var parser = YAML.createParser(in);
        var documents = YAML.readerFor(JsonNode.class).<JsonNode>readValues(parser)) {
      return documents.readAll().stream().filter(JsonNode::isObject).toList();
    }
  }

  private String resource(String name) throws IOException {
    var text = new String(VectorCase.resource(name).readAllBytes(), UTF_8);
    return Files.writeString(directory.resolve(name), text).toString();
  }

  private String write(String name, List<JsonNode> items) throws IOException {
    var list = VectorCase.JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
    list.putArray("items").addAll(items);
    return Files.writeString(directory.resolve(name + ".json"), list.toString()).toString();
  }
}
