package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/**
 * What dashboards of three generations ask when somebody opens a cluster, looks at a list and at an
 * object, with {@link #OBJECTS} objects in it: in the order in which they ask, through Rancher's
 * own tunnel library. Each answer that a dashboard waits for is there and has the shape that it
 * needs. How long it took is printed.
 */
@Tag("interop")
@TestInstance(Lifecycle.PER_CLASS)
final class ExplorerSequencesIT {
  private static final int CONFIG_MAPS = 2_500;
  private static final int PODS = 1_000;
  private static final int SECRETS = 750;
  private static final int DEPLOYMENTS = 750;
  private static final int OBJECTS = CONFIG_MAPS + PODS + SECRETS + DEPLOYMENTS;

  private static final int NAMESPACES = 10;
  private static final int PARALLEL = 8;
  private static final int PAGE = 100;
  private static final Duration SETTLE = Duration.ofSeconds(30);
  private static final String COUNTED = "/data/counts/configmap/namespaces/seq-0/count";
  private static final Duration HEAR = Duration.ofSeconds(1);

  private static final String BASE = "https://demo.example/k8s/clusters/c-sequences/v1/";
  private static final String EXCLUDE = "exclude=metadata.managedFields";
  private static final String ALL = EXCLUDE + "&pagesize=100000";

  /** Without that of the agent's own pods, which come and go when they will. */
  private static final String USER_NAMESPACES =
      "&filter="
          + encoded(
              "metadata.namespace NOTIN (kube-system,kube-public,kube-node-lease,cattle-system)");

  private static final ObjectMapper JSON = new ObjectMapper();

  private ControlPlane plane;

  @BeforeAll
  void start() throws Exception {
    plane = ControlPlane.startForExplorer("control-plane-sequences");
    plane
        .admin()
        .run(
            "create",
            "clusterrolebinding",
            "u-admin",
            "--clusterrole=cluster-admin",
            "--user=u-admin");
    for (int i = 0; i < NAMESPACES; i++) {
      plane.admin().run("create", "namespace", namespace(i));
    }
    for (int i = 0; i < NAMESPACES; i++) {
      String namespace = namespace(i);
      Await.that(
          "pods may be made in " + namespace,
          SETTLE,
          () ->
              plane
                      .admin()
                      .outcome(new byte[0], "-n", namespace, "get", "serviceaccount", "default")
                      .exitCode()
                  == 0);
    }
    fill();
  }

  @AfterAll
  void close() {
    plane.close();
  }

  private static String namespace(int index) {
    return "seq-" + index % NAMESPACES;
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, UTF_8);
  }

  private void fill() throws Exception {
    try (var client = Https.trusting(plane.caFile(), HttpClient.Version.HTTP_1_1);
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var room = new Semaphore(PARALLEL);
      var work = new ArrayList<Callable<Integer>>();
      for (int i = 0; i < CONFIG_MAPS; i++) {
        var object = object("v1", "ConfigMap", "map-" + i);
        object.putObject("data").put("content", "x".repeat(500));
        work.add(creation(client, room, i, "/api/v1", "configmaps", object));
      }
      for (int i = 0; i < PODS; i++) {
        var object = object("v1", "Pod", "pod-" + i);
        // Nobody's, so that it stays as it is.
        object.set("spec", podSpec().put("schedulerName", "nobody"));
        work.add(creation(client, room, i, "/api/v1", "pods", object));
      }
      for (int i = 0; i < SECRETS; i++) {
        var object = object("v1", "Secret", "secret-" + i);
        object.putObject("stringData").put("key", "not told");
        work.add(creation(client, room, i, "/api/v1", "secrets", object));
      }
      for (int i = 0; i < DEPLOYMENTS; i++) {
        var object = object("apps/v1", "Deployment", "web-" + i);
        var spec = object.putObject("spec").put("replicas", 0);
        spec.putObject("selector").putObject("matchLabels").put("app", "web-" + i);
        var template = spec.putObject("template");
        template.putObject("metadata").putObject("labels").put("app", "web-" + i);
        template.set("spec", podSpec());
        work.add(creation(client, room, i, "/apis/apps/v1", "deployments", object));
      }
      assertThat(work).hasSize(OBJECTS);
      for (var created : threads.invokeAll(work)) {
        assertThat(created.get()).isEqualTo(201);
      }
    }
  }

  private static ObjectNode object(String apiVersion, String kind, String name) {
    var object = JSON.createObjectNode().put("apiVersion", apiVersion).put("kind", kind);
    object.putObject("metadata").put("name", name).putObject("labels").put("seq", "yes");
    return object;
  }

  private static ObjectNode podSpec() {
    var spec = JSON.createObjectNode();
    spec.putArray("containers").addObject().put("name", "main").put("image", "example/web:1");
    return spec;
  }

  private Callable<Integer> creation(
      HttpClient client,
      Semaphore room,
      int index,
      String api,
      String resource,
      ObjectNode object) {
    var uri =
        "https://%s%s/namespaces/%s/%s".formatted(plane.address(), api, namespace(index), resource);
    var request =
        HttpRequest.newBuilder(URI.create(uri))
            .header("Authorization", "Bearer " + plane.token())
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(object.toString()))
            .build();
    return () -> {
      room.acquire();
      try {
        return client.send(request, BodyHandlers.discarding()).statusCode();
      } finally {
        room.release();
      }
    };
  }

  /** One browser: what it asks, how long it waits, and what it gets. */
  private static final class Dashboard {
    private final String version;
    private final InetSocketAddress to;
    private final List<String> durations = new ArrayList<>();
    private long waitedMillis;

    Dashboard(String version, InetSocketAddress to) {
      this.version = version;
      this.to = to;
    }

    /** As the server sends it on. */
    private static List<Map.Entry<String, String>> fields() {
      return List.of(
          Map.entry("Host", "demo.example"),
          Map.entry("X-API-URL-Prefix", "/k8s/clusters/c-sequences"),
          Map.entry("X-Forwarded-Proto", "https"),
          Map.entry("Accept", "application/json"),
          Map.entry("Accept-Encoding", "gzip, deflate, br"),
          Map.entry("User-Agent", "Mozilla/5.0"),
          Map.entry("Impersonate-User", "u-admin"),
          Map.entry("Impersonate-Group", "system:authenticated"),
          Map.entry("Impersonate-Group", "system:cattle:authenticated"),
          Map.entry("Impersonate-Extra-Username", "admin"));
    }

    JsonNode get(String target) throws IOException {
      return JSON.readTree(reply(target, 200).body());
    }

    RawHttp.Reply reply(String target, int status) throws IOException {
      long start = System.nanoTime();
      var reply = RawHttp.send(to, "GET", "/v1/" + target, fields(), new byte[0]);
      long millis = Duration.ofNanos(System.nanoTime() - start).toMillis();
      waitedMillis += millis;
      durations.add("  %6d ms %8d bytes  %s".formatted(millis, reply.body().length(), target));
      assertThat(reply.status()).as("%s: %s", target, reply.body()).isEqualTo(status);
      return reply;
    }

    /** All objects of a list in the form that every list has; returns them. */
    List<JsonNode> list(String type, String target) throws IOException {
      return objects(type, get(target));
    }

    List<JsonNode> objects(String type, JsonNode list) {
      assertThat(list.path("type").asText()).isEqualTo("collection");
      assertThat(list.path("resourceType").asText()).isEqualTo(type);
      assertThat(list.path("actions").isObject()).isTrue();
      assertThat(list.at("/links/self").asText()).startsWith(BASE).doesNotContain("?");
      assertThat(list.path("data").isArray()).isTrue();
      list.path("data").forEach(object -> assertObject(type, object));
      return list.path("data").valueStream().toList();
    }

    void print() {
      System.out.printf(
          "dashboard %s: waited %d ms for %d answers%n", version, waitedMillis, durations.size());
      durations.forEach(System.out::println);
    }
  }

  private static void assertObject(String type, JsonNode object) {
    assertThat(object.path("id").asText()).isNotEmpty();
    assertThat(object.path("type").asText()).isEqualTo(type);
    assertThat(object.at("/links/self").asText()).startsWith(BASE);
    assertThat(object.at("/links/view").asText())
        .startsWith("https://demo.example/k8s/clusters/c-sequences/api");
    assertThat(object.at("/metadata/state/name").asText()).isNotEmpty();
    assertThat(object.at("/metadata/fields").isArray()).isTrue();
    assertThat(object.path("metadata").has("relationships")).isTrue();
  }

  /** What is awaited before the cluster's page opens; the websocket is not. */
  private static void open(Dashboard dashboard, String more, boolean fieldsElsewhere)
      throws IOException {
    var schemas = dashboard.get("schemas" + more);
    var ids = new HashSet<String>();
    for (var schema : schemas.path("data")) {
      ids.add(schema.path("id").asText());
      assertThat(schema.path("type").asText()).isEqualTo("schema");
      if (schema.path("links").has("collection")) { // not what types are made of
        assertThat(schema.path("pluralName").asText()).isNotEmpty();
      }
      assertThat(schema.at("/links/self").asText()).startsWith(BASE + "schemas/");
      if (fieldsElsewhere && schema.at("/attributes/kind").asText().equals("Pod")) {
        assertThat(schema.path("resourceFields").isNull()).isTrue();
        assertThat(schema.has("resourceFields")).isTrue();
        assertThat(schema.at("/attributes/columns/0/field").asText())
            .isEqualTo("$.metadata.fields[0]");
      }
      if (!fieldsElsewhere && schema.at("/attributes/kind").asText().equals("Pod")) {
        assertThat(schema.path("resourceFields").has("spec")).isTrue();
      }
      if (List.of("count", "namespace").contains(schema.path("id").asText())) {
        assertThat(schema.at("/links/collection").asText()).startsWith(BASE);
      }
    }
    assertThat(ids).contains("count", "namespace", "pod", "apps.deployment", "node");

    var counts = dashboard.get("counts" + more).at("/data/0");
    assertThat(counts.path("id").asText()).isEqualTo("count");
    assertThat(count(counts, "pod")).isGreaterThanOrEqualTo(PODS);
    assertThat(count(counts, "configmap")).isGreaterThanOrEqualTo(CONFIG_MAPS);
    assertThat(count(counts, "secret")).isGreaterThanOrEqualTo(SECRETS);
    assertThat(count(counts, "apps.deployment")).isGreaterThanOrEqualTo(DEPLOYMENTS);
    assertThat(counts.at("/counts/pod/namespaces/seq-0/count").asInt())
        .isEqualTo(PODS / NAMESPACES);

    assertThat(dashboard.list("namespace", "namespaces" + more))
        .extracting(namespace -> namespace.path("id").asText())
        .contains("default", "kube-system", "seq-0", "seq-9");

    if (ids.contains("ui.cattle.io.navlink")) {
      dashboard.list("ui.cattle.io.navlink", "ui.cattle.io.navlinks" + more);
    }
    if (ids.contains("metrics.k8s.io.nodemetrics")) {
      dashboard.get("metrics.k8s.io.nodes" + more);
    }
    assertThat(dashboard.list("node", "nodes" + more)).isNotEmpty();
  }

  private static int count(JsonNode counts, String type) {
    return counts.path("counts").path(type).path("summary").path("count").asInt();
  }

  private Installation installation(String name, String remotedialer, Map<String, String> more)
      throws IOException, InterruptedException {
    return Installation.start(plane, name, remotedialer, more, Installation.NO_CHECKS);
  }

  /** Also of what is counted by its metadata alone. */
  @Test
  void countsFollowWhatHappens() throws Exception {
    var admin = plane.admin();
    var made = new ArrayList<String>();
    try (var installation = installation("counts", Peer.VERSIONS.getFirst(), Map.of())) {
      var steve = installation.peer().forwardToSteve();
      try (var page = TranscriptSocket.listen(steve, "u-admin", "{\"resourceType\":\"count\"}")) {
        Await.that("the page hears", SETTLE, () -> heard(page).contains("resource.start"));
        // The first ones may come before the others have been counted, of which nothing is said.
        Await.that(
            "the counts have one more",
            SETTLE,
            () -> {
              made.add("counted-" + made.size());
              admin.run("-n", "seq-0", "create", "configmap", made.getLast());
              return JSON.readTree(heard(page)).at(COUNTED).asInt() > CONFIG_MAPS / NAMESPACES + 1;
            });
      }
    } finally {
      var delete = new ArrayList<>(List.of("-n", "seq-0", "delete", "configmap"));
      delete.addAll(made);
      admin.run(delete.toArray(String[]::new));
    }
  }

  /** The next message; of nothing if there is none for a while. */
  private static String heard(TranscriptSocket page) throws InterruptedException {
    return page.hear(HEAR).map(JsonNode::toString).orElse("{}");
  }

  /** Chunks that follow each other, and nothing is left out of an answer. */
  @Test
  void dashboardOf2_8() throws Exception {
    try (var installation =
        installation(
            "dashboard-2.8", Peer.VERSIONS.getLast(), Map.of("CATTLE_SERVER_VERSION", "v2.8.5"))) {
      var dashboard = new Dashboard("2.8", installation.peer().forwardToSteve());

      open(dashboard, "", false);
      dashboard.list("event", "events?limit=" + PAGE);
      dashboard.get("apps.deployments/cattle-system/cattle-cluster-agent");

      var ids = new HashSet<String>();
      String target = "pods?limit=" + PAGE;
      while (!target.isEmpty()) {
        var list = dashboard.get(target);
        dashboard.objects("pod", list).forEach(pod -> ids.add(pod.path("id").asText()));
        String next = list.at("/pagination/next").asText("");
        target = next.isEmpty() ? "" : next.substring(BASE.length());
      }
      assertThat(ids).hasSizeGreaterThanOrEqualTo(PODS);

      assertThat(dashboard.list("configmap", "configmaps"))
          .hasSizeGreaterThanOrEqualTo(CONFIG_MAPS);
      assertThat(dashboard.list("secret", "secrets/seq-1?labelSelector=seq%3Dyes"))
          .hasSize(SECRETS / NAMESPACES);
      detail(dashboard, "");
      dashboard.print();
    }
  }

  @Test
  void dashboardOf2_12() throws Exception {
    try (var installation =
        installation(
            "dashboard-2.12",
            Peer.VERSIONS.getFirst(),
            Map.of("CATTLE_SERVER_VERSION", "v2.12.1", "CATTLE_FEATURES", "ui-sql-cache=true"))) {
      var dashboard = new Dashboard("2.12", installation.peer().forwardToSteve());

      open(dashboard, "?" + ALL, true);
      pages(dashboard);
      dashboard.print();
    }
  }

  @Test
  void dashboardOf2_15() throws Exception {
    try (var installation =
        installation(
            "dashboard-2.15",
            Peer.VERSIONS.getFirst(),
            Map.of("CATTLE_SERVER_VERSION", "v2.15.0", "CATTLE_FEATURES", "ui-sql-cache=true"))) {
      var dashboard = new Dashboard("2.15", installation.peer().forwardToSteve());

      open(dashboard, "?" + ALL, true);
      pages(dashboard);
      var summary =
          dashboard.get(
              "pods?summary=metadata.state.name&summaryonly=true&summarynamespaced=true&"
                  + EXCLUDE);
      assertThat(summary.path("data")).isEmpty();
      assertThat(summary.at("/summary/0/property").asText()).isEqualTo("metadata.state.name");
      int total = 0;
      for (var state : summary.at("/summary/0/counts")) {
        total += state.path("total").asInt();
        assertThat(state.path("namespace").isObject()).isTrue();
      }
      assertThat(total).isEqualTo(summary.path("count").asInt()).isGreaterThanOrEqualTo(PODS);
      dashboard.list(
          "apps.deployment",
          "apps.deployments?includeAssociatedData=true&page=1&pagesize=10&sort=metadata.name&"
              + EXCLUDE);
      dashboard.print();
    }
  }

  private static String page(String type, int number, String more) {
    return "%s?page=%d&pagesize=%d&sort=%s&%s%s"
        .formatted(type, number, PAGE, encoded("metadata.namespace,metadata.name"), EXCLUDE, more);
  }

  /** Of dashboards that leave it to us to sort, filter and cut. */
  private static void pages(Dashboard dashboard) throws IOException {
    dashboard.list(
        "event",
        "events?page=1&pagesize=10&sort=" + encoded("-metadata.fields[0]") + "&" + EXCLUDE);
    dashboard.list(
        "apps.deployment",
        "apps.deployments?page=1&pagesize=1&"
            + EXCLUDE
            + "&filter="
            + encoded("metadata.namespace=cattle-system")
            + "&filter="
            + encoded("metadata.name=cattle-cluster-agent"));

    var first = dashboard.get(page("pods", 1, USER_NAMESPACES));
    assertThat(first.path("count").asInt()).isGreaterThanOrEqualTo(PODS);
    assertSorted(dashboard.objects("pod", first));
    var second = dashboard.get(page("pods", 2, USER_NAMESPACES));
    assertThat(second.path("count").asInt()).isEqualTo(first.path("count").asInt());
    assertSorted(dashboard.objects("pod", second));
    assertThat(second.at("/data/0/id").asText()).isNotEqualTo(first.at("/data/0/id").asText());
    // After a notice that something has changed.
    dashboard.list(
        "pod", page("pods", 1, USER_NAMESPACES + "&revision=" + first.path("revision").asText()));
    var strange = dashboard.reply(page("pods", 1, "&revision=x"), 400);
    assertThat(JSON.readTree(strange.body()).path("code").asText())
        .isEqualTo("invalid revision query param");

    for (var type : Map.of("configmap", "configmaps", "secret", "secrets").entrySet()) {
      var list = dashboard.list(type.getKey(), page(type.getValue(), 1, "&excludeValues=data"));
      assertThat(list).hasSize(PAGE);
    }
    var found = dashboard.get(page("configmaps", 1, "&filter=" + encoded("metadata.name~MAP-77")));
    assertThat(found.path("count").asInt()).isEqualTo(11);
    var labelled =
        dashboard.get(page("secrets", 1, "&filter=" + encoded("metadata.labels[seq] IN (yes)")));
    assertThat(labelled.path("count").asInt()).isEqualTo(SECRETS);
    assertThat(dashboard.list("apps.deployment", page("apps.deployments", 1, ""))).hasSize(PAGE);
    detail(dashboard, "?" + EXCLUDE);
    var definition = dashboard.get("schemaDefinitions/pod");
    assertThat(definition.path("definitionType").asText()).isEqualTo("io.k8s.api.core.v1.Pod");
    assertThat(definition.at("/definitions/io.k8s.api.core.v1.Pod/resourceFields").has("spec"))
        .isTrue();
  }

  private static void assertSorted(List<JsonNode> pods) {
    assertThat(pods).hasSize(PAGE);
    assertThat(
            pods.stream()
                .map(
                    pod ->
                        pod.at("/metadata/namespace").asText()
                            + " "
                            + pod.at("/metadata/name").asText())
                .toList())
        .isSorted();
  }

  /** An object's page. */
  private static void detail(Dashboard dashboard, String more) throws IOException {
    var deployment = dashboard.get("apps.deployments/seq-3/web-3" + more);
    assertObject("apps.deployment", deployment);
    assertThat(deployment.at("/links/update").asText())
        .isEqualTo(BASE + "apps.deployments/seq-3/web-3");
    assertThat(deployment.at("/metadata/relationships").valueStream())
        .anyMatch(related -> related.path("toType").asText().equals("pod"));
    assertObject("pod", dashboard.get("pods/seq-3/pod-3" + more));
    dashboard.reply("pods/seq-3/none" + more, 404);
  }
}
