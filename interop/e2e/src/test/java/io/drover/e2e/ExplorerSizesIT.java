package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * How long pages of many objects take and what memory they take, beside the API server's own
 * tables, while the server asks {@code /ping} and bytes are echoed through the other tunnel. Prints
 * a table for {@code docs/explorer.md}; what is asserted is only that the answers are whole. Then
 * many types are made at once, and a sixth of them removed. On demand: {@code -Ddrover.sizes=true},
 * and how many: {@code -Ddrover.sizes.maps=5000 -Ddrover.sizes.pods=20000
 * -Ddrover.sizes.types=300}. The same pages are asked for twice: at first orders are still to be
 * sorted, and code to be compiled. Objects are held in files, as with the chart; {@code
 * -Ddrover.sizes.files=false}: in memory only. With {@code -Ddrover.sizes.rest=11} it looks once
 * more after so many minutes in which nobody asks anything. {@code -Ddrover.sizes.sql=false}: in
 * the classic dialect, and whole lists only; what goes out while it comes in has its first byte
 * there before the API server's own table is whole. {@code -Ddrover.sizes.live=true}: behind each
 * row the agent's heap is collected, and what lives in it is printed; the memory at most of the
 * next row then begins without the room that the heap had taken. {@code -Ddrover.sizes.java=...}:
 * options of the agent's JVM, such as those of a recording.
 */
@EnabledIfSystemProperty(named = "drover.sizes", matches = "true")
@Tag("interop")
@Timeout(value = 60, unit = TimeUnit.MINUTES)
final class ExplorerSizesIT {
  private static final int MAPS = Integer.getInteger("drover.sizes.maps", 5_000);
  private static final int PODS = Integer.getInteger("drover.sizes.pods", 20_000);
  private static final int TYPES = Integer.getInteger("drover.sizes.types", 300);
  private static final boolean IN_FILES =
      Boolean.parseBoolean(System.getProperty("drover.sizes.files", "true"));
  private static final boolean SQL =
      Boolean.parseBoolean(System.getProperty("drover.sizes.sql", "true"));
  private static final boolean LIVE = Boolean.getBoolean("drover.sizes.live");
  private static final Duration REST =
      Duration.ofMinutes(Integer.getInteger("drover.sizes.rest", 0));
  private static final int WARM_PAGES = 300;
  private static final int TIMES = 3;
  private static final String USER = "sizes";
  private static final String NAMESPACE = "sizes";
  private static final Duration BETWEEN_PROBES = Duration.ofMillis(20);
  private static final Duration BETWEEN_LOOKS = Duration.ofMillis(100);
  private static final Duration QUIET = Duration.ofSeconds(10);
  private static final Duration MINUTE = Duration.ofMinutes(1);
  private static final Duration LIMIT = Duration.ofMinutes(3);
  private static final String GROUP = "sizes.example";
  private static final String TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1";
  private static final ObjectMapper JSON = new ObjectMapper();

  /** How long an answer took. */
  private record Took(long firstNanos, long allNanos, long bytes, String from) {
    @Override
    public String toString() {
      return "%6.0f ms first, %6.0f ms all, %6.1f MB"
          .formatted(firstNanos / 1e6, allNanos / 1e6, bytes / 1e6);
    }
  }

  /** What is asked all the time, and how long it takes. */
  private static final class Probe implements AutoCloseable {
    private interface Question {
      void ask() throws IOException, InterruptedException;
    }

    private final List<Long> nanos = new ArrayList<>();
    private final Thread thread;
    private volatile String failure = "";
    private volatile boolean closing;

    Probe(String name, Question question) {
      thread = Thread.ofPlatform().name(name).start(() -> run(question));
    }

    private void run(Question question) {
      try {
        while (!closing) {
          long begun = System.nanoTime();
          question.ask();
          synchronized (nanos) {
            nanos.add(System.nanoTime() - begun);
          }
          Thread.sleep(BETWEEN_PROBES);
        }
      } catch (IOException | InterruptedException e) {
        failure = e.toString();
      }
    }

    /** Since the last call. */
    String take() {
      assertThat(failure).isEmpty();
      synchronized (nanos) {
        var text = percentiles(nanos);
        nanos.clear();
        return text;
      }
    }

    @Override
    public void close() {
      closing = true;
      try {
        thread.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Test
  void figures() throws Exception {
    var more = new HashMap<>(Installation.ALLOW_LOCAL);
    more.put("CATTLE_FEATURES", "ui-sql-cache=" + SQL);
    more.put("DROVER_JAVA_OPTS", System.getProperty("drover.sizes.java", ""));
    if (IN_FILES) {
      more.put(
          "DROVER_EXPLORER_DIR",
          Files.createDirectories(Programs.directory("sizes-held")).toString());
    }
    try (var plane = ControlPlane.startForExplorer("sizes");
        var installation =
            Installation.start(plane, "sizes", "0.6.1", more, Installation.NO_CHECKS);
        var direct = Https.trusting(plane.caFile(), HttpClient.Version.HTTP_1_1);
        var through = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var target = Target.echo()) {
      var explorer = URI.create("http://" + Peer.address(installation.peer().forwardToSteve()));
      var bed =
          new Bed(
              plane,
              installation,
              direct,
              through,
              explorer,
              new AtomicLong(),
              new AtomicLong(),
              new AtomicLong());
      bed.fill();
      var echo = installation.peer().forward(target.address());
      try (var socket = new Socket(echo.getAddress(), echo.getPort());
          var pings = new Probe("pings", () -> assertThat(bed.status("/ping")).isEqualTo(200));
          var echoes = new Probe("echoes", () -> echo(socket));
          var memory = new Probe("memory", bed::look)) {
        bed.row("begun", "", pings, echoes);
        Thread.sleep(QUIET);
        bed.row("nothing", "", pings, echoes);
        bed.lists(pings, echoes);
        if (SQL) {
          bed.pages("pods", PODS, pings, echoes);
          bed.pages("configmaps", MAPS, pings, echoes);
        }
        bed.types(pings, echoes);
        Thread.sleep(MINUTE);
        bed.row("a minute later", memory.failure, pings, echoes);
        Thread.sleep(REST);
        bed.row("nobody asks for %d min".formatted(REST.toMinutes()), "", pings, echoes);
        Thread.sleep(QUIET);
        bed.row("nothing again", memory.failure, pings, echoes);
      }
    }
  }

  private static void echo(Socket socket) throws IOException {
    socket.getOutputStream().write(new byte[64]);
    assertThat(socket.getInputStream().readNBytes(64)).hasSize(64);
  }

  private static String percentiles(List<Long> nanos) {
    var sorted = nanos.stream().sorted().toList();
    if (sorted.isEmpty()) {
      return "none";
    }
    return "p50 %.1f p99 %.1f max %.1f ms (%d)"
        .formatted(
            sorted.get(sorted.size() / 2) / 1e6,
            sorted.get(sorted.size() * 99 / 100) / 1e6,
            sorted.getLast() / 1e6,
            sorted.size());
  }

  /** Where it is measured. */
  private record Bed(
      ControlPlane plane,
      Installation installation,
      HttpClient direct,
      HttpClient through,
      URI explorer,
      AtomicLong mostKib,
      AtomicLong rowNanos,
      AtomicLong rowCpuNanos) {
    void fill() throws Exception {
      plane.admin().run("create", "namespace", NAMESPACE);
      plane
          .admin()
          .run(
              "create",
              "clusterrolebinding",
              USER,
              "--clusterrole=cluster-admin",
              "--user=" + USER);
      Await.that(
          "a service account",
          LIMIT,
          () ->
              plane
                      .admin()
                      .outcome(new byte[0], "get", "sa", "default", "--namespace=" + NAMESPACE)
                      .exitCode()
                  == 0);
      plane.createAll("/api/v1/namespaces/" + NAMESPACE + "/configmaps", MAPS, Bed::map);
      plane.createAll("/api/v1/namespaces/" + NAMESPACE + "/pods", PODS, Bed::pod);
    }

    private static JsonNode map(int index) {
      var object = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "ConfigMap");
      object.putObject("metadata").put("name", "map-" + index);
      object.putObject("data").put("content", ControlPlane.bigContent(index));
      return object;
    }

    /** One that no scheduler takes. */
    private static JsonNode pod(int index) {
      var object = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "Pod");
      var metadata = object.putObject("metadata").put("name", "pod-" + index);
      metadata.putObject("labels").put("app", "app-" + index % 100).put("tier", "t" + index % 3);
      var spec = object.putObject("spec").put("schedulerName", "none");
      spec.put("automountServiceAccountToken", false);
      spec.putArray("containers").addObject().put("name", "main").put("image", "example/app:1");
      return object;
    }

    // ---- what is measured

    void lists(Probe pings, Probe echoes) throws Exception {
      for (int i = 0; i < TIMES; i++) {
        var table = table("configmaps");
        var took = ask("/v1/configmaps?exclude=metadata.managedFields");
        row("all of " + MAPS + " configmaps", took + "   table: " + table, pings, echoes);
      }
    }

    void pages(String type, int count, Probe pings, Probe echoes) throws Exception {
      String page =
          "/v1/"
              + type
              + "?page=1&pagesize=100&sort=metadata.namespace,metadata.name&exclude=metadata.managedFields";
      var table = table(type);
      var cold = ask(page);
      row("first page of " + count + " " + type, cold + "   table: " + table, pings, echoes);
      var from = new String[1];
      Await.that(
          type + " are held",
          LIMIT,
          () -> {
            from[0] = ask(page).from();
            return from[0].startsWith("held") || from[0].contains(";");
          });
      row("until they are held", from[0], pings, echoes);
      int pages = from[0].startsWith("held") ? Math.max(1, count / 100) : 3;
      for (var which : List.of("first", "next")) {
        var nanos = new ArrayList<Long>();
        for (int i = 0; i < WARM_PAGES; i++) {
          var asked = "?pagesize=100&exclude=metadata.managedFields&" + variant(i, pages);
          nanos.add(ask("/v1/" + type + asked).allNanos());
        }
        row(which + " " + WARM_PAGES + " pages of " + type, percentiles(nanos), pings, echoes);
      }
    }

    /** As pages ask; of what is not held, only the first pages. */
    private static String variant(int i, int pages) {
      return switch (i % 4) {
        case 0 -> "sort=metadata.namespace,metadata.name&page=" + (1 + i % pages);
        case 1 -> "sort=-metadata.creationTimestamp&page=1";
        case 2 ->
            "sort=metadata.name&page=1&filter=" + URLEncoder.encode("metadata.name~" + i, UTF_8);
        default ->
            "sort=metadata.name&page=1&filter="
                + URLEncoder.encode("metadata.labels[tier]=t1", UTF_8);
      };
    }

    void row(String what, String took, Probe pings, Probe echoes)
        throws IOException, InterruptedException {
      long now = System.nanoTime();
      long cpu = installation.agent().process().cpu().toNanos();
      System.out.printf(
          "%-28s %s%n%-28s   ping %s   echo %s   memory %d MiB at most, CPU %.0f %%%s%n",
          what,
          took,
          "",
          pings.take(),
          echoes.take(),
          mostKib.getAndSet(0) / 1024,
          100.0 * (cpu - rowCpuNanos.getAndSet(cpu)) / (now - rowNanos.getAndSet(now)),
          LIVE
              ? ", %.1f MiB live".formatted(installation.agent().process().liveHeapKib() / 1024.0)
              : "");
    }

    /** Many types at once, and fewer again, while the counts and types of a page are asked for. */
    void types(Probe pings, Probe echoes) throws Exception {
      long begun = System.nanoTime();
      plane.createAll("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", TYPES, Bed::type);
      long made = System.nanoTime();
      Await.that("new types are shown", LIMIT, () -> shownTypes() == TYPES);
      row(
          TYPES + " types more",
          seconds(begun, made) + " until shown " + since(made),
          pings,
          echoes);

      begun = System.nanoTime();
      plane.admin().run("delete", "crd", "-l", "sixth=yes", "--wait=false");
      made = System.nanoTime();
      Await.that("types are not shown any more", LIMIT, () -> shownTypes() == TYPES - TYPES / 6);
      row(
          TYPES / 6 + " fewer",
          seconds(begun, made) + " until not shown " + since(made),
          pings,
          echoes);
    }

    private static String seconds(long begun, long end) {
      return "made in %.1f s,".formatted((end - begun) / 1e9);
    }

    private static String since(long begun) {
      return "%.1f s".formatted((System.nanoTime() - begun) / 1e9);
    }

    private static JsonNode type(int index) {
      String plural = "toys" + index;
      var object =
          JSON.createObjectNode()
              .put("apiVersion", "apiextensions.k8s.io/v1")
              .put("kind", "CustomResourceDefinition");
      var metadata = object.putObject("metadata").put("name", plural + "." + GROUP);
      metadata.putObject("labels").put("sixth", index % 6 == 0 ? "yes" : "no");
      var spec = object.putObject("spec").put("group", GROUP).put("scope", "Namespaced");
      spec.putObject("names").put("plural", plural).put("kind", "Toy" + index);
      var version = spec.putArray("versions").addObject().put("name", "v1");
      version.put("served", true).put("storage", true);
      version.putObject("schema").putObject("openAPIV3Schema").put("type", "object");
      return object;
    }

    private int shownTypes() throws IOException, InterruptedException {
      assertThat(status("/v1/counts")).isEqualTo(200);
      var request =
          HttpRequest.newBuilder(explorer.resolve("/v1/schemas"))
              .header("Impersonate-User", USER)
              .timeout(LIMIT)
              .build();
      var answer = JSON.readTree(through.send(request, BodyHandlers.ofString()).body());
      int shown = 0;
      for (var schema : answer.path("data")) {
        shown += schema.path("id").asText().startsWith(GROUP + ".") ? 1 : 0;
      }
      return shown;
    }

    Took table(String type) throws IOException, InterruptedException {
      return took(
          direct,
          HttpRequest.newBuilder(
                  URI.create(
                      "https://" + plane.address() + "/api/v1/" + type + "?includeObject=Object"))
              .header("Authorization", "Bearer " + plane.token())
              .header("Accept", TABLE));
    }

    Took ask(String target) throws IOException, InterruptedException {
      return took(
          through,
          HttpRequest.newBuilder(explorer.resolve(target)).header("Impersonate-User", USER));
    }

    private static Took took(HttpClient client, HttpRequest.Builder request)
        throws IOException, InterruptedException {
      long begun = System.nanoTime();
      var response = client.send(request.timeout(LIMIT).build(), BodyHandlers.ofInputStream());
      try (var body = response.body()) {
        assertThat(response.statusCode()).isEqualTo(200);
        assertThat(body.read()).isNotNegative();
        long first = System.nanoTime() - begun;
        var buffer = new byte[64 * 1024];
        long bytes = 1;
        for (int n = body.read(buffer); n >= 0; n = body.read(buffer)) {
          bytes += n;
        }
        return new Took(
            first,
            System.nanoTime() - begun,
            bytes,
            response.headers().firstValue("X-Drover-List").orElse(""));
      }
    }

    int status(String path) throws IOException, InterruptedException {
      var request =
          HttpRequest.newBuilder(explorer.resolve(path))
              .header("Impersonate-User", USER)
              .timeout(LIMIT)
              .build();
      return through.send(request, BodyHandlers.discarding()).statusCode();
    }

    void look() throws IOException, InterruptedException {
      mostKib.accumulateAndGet(installation.agent().process().statusKib("RssAnon"), Math::max);
      Thread.sleep(BETWEEN_LOOKS);
    }
  }
}
