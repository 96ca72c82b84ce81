package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The image that the Dockerfile describes: what is in it, and the agent out of it. */
@Tag("interop")
@Order(12)
@ExtendWith(WithControlPlane.class)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // build() sets everything
final class ImageIT {
  private static final long COMPRESSED_LIMIT_BYTES = 75_000_000;
  private static final int LAYERS_LIMIT = 8;

  /** {@code resources.limits.memory} in the chart's values. */
  private static final long CHART_LIMIT_BYTES = 256L * 1024 * 1024;

  private static final Duration RUN_LIMIT = Duration.ofSeconds(60);

  /**
   * Of the classes loaded until the agent is connected, the part that may be missing in the cache.
   */
  private static final double UNCACHED_LIMIT = 0.05;

  private static final String SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";
  private static final ObjectMapper JSON = new ObjectMapper();

  private Path image;

  @BeforeAll
  void build() {
    image = Programs.image();
  }

  @Test
  void twoBuildsGiveTheSameDigest() throws Exception {
    var again = Programs.directory("image-again");
    Programs.buildImage(again);

    assertThat(again.resolve("digests.txt")).hasSameTextualContentAs(image.resolve("digests.txt"));
    assertThat(image.resolve("digests.txt"))
        .content()
        .matches("drover-agent@sha256:[0-9a-f]{64} linux/(amd64|arm64)\n");
  }

  @Test
  void itIsSmallAndHasFewLayers() throws Exception {
    var layers = Files.readAllLines(image.resolve("layers.txt"));
    long bytes = layers.stream().mapToLong(layer -> Long.parseLong(layer.split(" ", -1)[1])).sum();

    System.out.printf("image: %.1f MB compressed%n", bytes / 1e6);
    assertThat(bytes).isLessThanOrEqualTo(COMPRESSED_LIMIT_BYTES);
    assertThat(layers).hasSizeBetween(1, LAYERS_LIMIT);
  }

  @Test
  void itsUserIsANumberAndItsLabelsSayWhatItIs() throws Exception {
    var config = JSON.readTree(image.resolve("config.json").toFile()).path("config");

    assertThat(config.path("User").asText()).isEqualTo("65532:65532");
    assertThat(config.path("Cmd").isEmpty()).isTrue();
    assertThat(config.at("/Labels/io.cattle.agent").asText()).isEqualTo("true");
    for (var label : List.of("title", "description", "version", "revision")) {
      assertThat(config.path("Labels").path("org.opencontainers.image." + label).asText())
          .as(label)
          .isNotEmpty();
    }
    assertThat(config.path("Env").toString()).contains("SSL_CERT_DIR=/etc/kubernetes/ssl/certs");
  }

  @Test
  void itHoldsNoShellNoPackageManagerAndNothingSetuid() throws Exception {
    var programs = new TreeSet<String>();
    var odd = new ArrayList<String>();
    var files = image.resolve("rootfs");
    Files.walkFileTree(
        files,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            var name = files.relativize(file).toString();
            int mode = (int) Files.getAttribute(file, "unix:mode");
            if ((mode & 06002) != 0 && !attributes.isSymbolicLink()) {
              odd.add(name);
            }
            if ((mode & 0111) != 0 && attributes.isRegularFile() && !name.contains(".so")) {
              programs.add(name);
            }
            return FileVisitResult.CONTINUE;
          }
        });

    assertThat(programs).containsExactly("opt/drover/runtime/bin/java", "usr/bin/drover-agent");
    assertThat(odd).as("setuid, setgid or writable for all").isEmpty();
    assertThat(Path.of(files.toString(), "var/lib/dpkg")).doesNotExist();
  }

  @Test
  void billOfMaterialsNamesEveryLibraryAndItsLicence() throws Exception {
    var doc = image.resolve("rootfs/usr/share/doc/drover");
    var bill = JSON.readTree(doc.resolve("bom.cdx.json").toFile());
    var names = new TreeSet<String>();
    for (var component : bill.path("components")) {
      names.add(component.path("name").asText() + "-" + component.path("version").asText());
    }

    assertThat(bill.path("bomFormat").asText()).isEqualTo("CycloneDX");
    assertThat(names)
        .anyMatch(name -> name.startsWith("Java runtime"))
        .anyMatch(name -> name.startsWith("glibc-"));
    try (Stream<Path> jars = Files.list(image.resolve("rootfs/opt/drover/lib"))) {
      assertThat(jars)
          .map(jar -> jar.getFileName().toString())
          .filteredOn(jar -> jar.endsWith(".jar") && !jar.equals("drover-agent.jar"))
          .isNotEmpty()
          .allMatch(jar -> names.contains(jar.replaceFirst("\\.jar$", "")));
    }
    assertThat(doc.resolve("licences.txt")).content().contains("logback-core", "glibc");
  }

  /**
   * The image's own user, that of Rancher's clean-up Job, root, and one that a platform made up.
   * Only root may read the mounted Secret, as a kubelet mounts it.
   */
  @ParameterizedTest
  @ValueSource(strings = {"65532:65532", "1000:1000", "0:0", "1000680000:0"})
  void agentRunsFromTheUnmodifiedManifest(String user, ControlPlane plane) throws Exception {
    var directory = Programs.directory("image-" + user.replace(':', '-'));
    try (var peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.FREQUENT_CHECKS)) {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      onlyForRoot(imported.credentials());
      var environment = pod(plane, imported.environment());
      environment.put("DROVER_HEALTH_ADDRESS", "127.0.0.1:0");
      environment.put("JDK_JAVA_OPTIONS", "-Xlog:class+load:stderr");
      var mounts = mounts(imported);
      try (var container =
              Container.start(
                  "agent", directory, image, user, Container.LIMIT_BYTES, environment, mounts);
          var agent = Agent.of(container.process())) {
        agent.awaitReady(Agent.READY_LIMIT);
        var loaded = container.process().errorLines();
        peer.awaitActive(Duration.ofSeconds(20));
        var use = new ClusterUse(plane, peer.kubectl(), directory, "image-" + user.hashCode());
        assertThat(peer.kubectl().run("get", "nodes", "-o", "name")).startsWith("node/");
        use.appliesGetsAndDeletes();
        use.copiesBigFiles();

        assertThat(container.limitBytes()).isEqualTo(Container.LIMIT_BYTES);
        assertThat(container.process().isAlive()).isTrue();
        assertMostAreCached(loaded);
        System.out.printf(
            "image as %s: %d MiB resident, %d MiB at most, of %d MiB%n",
            user,
            container.memoryKib("VmRSS") / 1024,
            container.memoryKib("VmHWM") / 1024,
            Container.LIMIT_BYTES / 1024 / 1024);

        container.process().terminate();
        assertThat(container.process().awaitExit(RUN_LIMIT)).isZero();
      }
    }
  }

  /** The commands as {@code kubectl exec} runs them, with the limit that the chart sets. */
  @Test
  void commandsBesideTheAgentLeaveItAlone(ControlPlane plane) throws Exception {
    var directory = Programs.directory("image-commands");
    try (var peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.FREQUENT_CHECKS)) {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      var environment = pod(plane, imported.environment());
      environment.put("DROVER_HEALTH_ADDRESS", "127.0.0.1:0");
      environment.put("DROVER_LOG_SOCKET", "/dev/control.sock"); // the only place to write to
      var mounts = mounts(imported);
      try (var container =
              Container.start(
                  "agent", directory, image, "0:0", CHART_LIMIT_BYTES, environment, mounts);
          var agent = Agent.of(container.process())) {
        agent.awaitReady(Agent.READY_LIMIT);
        peer.awaitActive(Duration.ofSeconds(20));
        // So that the agent is as large as it gets.
        new ClusterUse(plane, peer.kubectl(), directory, "image-commands").copiesBigFiles();

        var check = container.exec("check", directory, "drover-agent", "check", "--json");
        assertThat(check.awaitExit(RUN_LIMIT)).as(check::tail).isZero();
        check.awaitEnd(RUN_LIMIT);
        assertThat(check.lines())
            .hasSize(20)
            .allMatch(
                line ->
                    line.contains("\"passed\"") || line.matches(".*\"step\":\"(idle|gateway-).*"));
        // A JVM that cannot do as it is told says so there.
        assertThat(check.errorLines()).isEmpty();
        var report = container.exec("report", directory, "drover-agent", "report", "--json");
        assertThat(report.awaitExit(RUN_LIMIT)).as(report::tail).isZero();
        var address = "--address=" + agent.health();
        var status = container.exec("status", directory, "drover-agent", "status", address);
        assertThat(status.awaitExit(RUN_LIMIT)).as(status::tail).isZero();
        assertThat(status.errorLines()).isEmpty();
        var diag = container.exec("diag", directory, "drover-agent", "diag", "--jfr", "--output=-");
        assertThat(diag.awaitExit(RUN_LIMIT.multipliedBy(2))).as(diag::tail).isZero();
        // Of all that is not to be had there is only what a port 0 says nothing of.
        assertThat(diag.errorLines())
            .filteredOn(line -> line.contains("missing.txt: "))
            .allMatch(line -> line.contains("metrics.txt: ") || line.contains("limits.txt: "));

        assertThat(container.limitBytes()).isEqualTo(CHART_LIMIT_BYTES);
        assertThat(container.killed()).isZero();
        assertThat(container.process().isAlive()).isTrue();
        assertThat(agent.sessions()).isEqualTo(1);
        assertThat(agent.metric("sessions_total", "steve")).isEqualTo(1);
        System.out.printf(
            "image with commands: %d MiB at most, of %d MiB%n",
            container.peakBytes() / 1024 / 1024, CHART_LIMIT_BYTES / 1024 / 1024);
      }
    }
  }

  /** While it moves as much as it ever does. */
  @Test
  void agentThatIsRecordedStaysWithinItsLimit(ControlPlane plane) throws Exception {
    var directory = Programs.directory("image-recording");
    try (var peer = Peer.start(directory, Peer.VERSIONS.getFirst(), Installation.FREQUENT_CHECKS)) {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      var environment = pod(plane, imported.environment());
      environment.put("DROVER_HEALTH_ADDRESS", "127.0.0.1:0");
      environment.put("DROVER_LOG_SOCKET", "/dev/control.sock");
      var mounts = mounts(imported);
      try (var container =
              Container.start(
                  "agent", directory, image, "0:0", Container.LIMIT_BYTES, environment, mounts);
          var agent = Agent.of(container.process())) {
        agent.awaitReady(Agent.READY_LIMIT);
        peer.awaitActive(Duration.ofSeconds(20));
        var use = new ClusterUse(plane, peer.kubectl(), directory, "image-recording");
        use.copiesBigFiles();
        long before = container.memoryKib("RssAnon");

        var socket = container.file("/dev/control.sock");
        assertThat(ask(socket, "POST", "/v1/recording")).startsWith("HTTP/1.1 200 ");
        use.copiesBigFiles();
        long during = container.memoryKib("RssAnon");
        var file = directory.resolve("recording.jfr");
        Await.that(
            "the recording is over",
            RUN_LIMIT,
            () -> {
              var answer = ask(socket, "GET", "/v1/recording");
              int head = answer.indexOf("\r\n\r\n");
              Files.writeString(file, answer.substring(head + 4), ISO_8859_1);
              return answer.startsWith("HTTP/1.1 200 ");
            });

        assertThat(RecordingFile.readAllEvents(file)).isNotEmpty();
        assertThat(container.limitBytes()).isEqualTo(Container.LIMIT_BYTES);
        assertThat(container.killed()).isZero();
        assertThat(container.process().isAlive()).isTrue();
        assertThat(agent.sessions()).isEqualTo(1);
        System.out.printf(
            "image recorded: %d MiB anonymous before, %d while, %d after, %d resident at most, of"
                + " %d; recording of %d KiB%n",
            before / 1024,
            during / 1024,
            container.memoryKib("RssAnon") / 1024,
            container.memoryKib("VmHWM") / 1024,
            Container.LIMIT_BYTES / 1024 / 1024,
            Files.size(file) / 1024);
      }
    }
  }

  private static String ask(Path socket, String method, String path) throws IOException {
    try (var channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      var request = "%s %s HTTP/1.1\r\n\r\n".formatted(method, path);
      channel.write(ByteBuffer.wrap(request.getBytes(ISO_8859_1)));
      return new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1);
    }
  }

  /** As in the Job that Rancher makes: no command, its user, its environment. */
  @Test
  void cleanUpRunsAsRanchersJob(ControlPlane plane) throws Exception {
    var directory = Programs.directory("image-cleanup");
    var account = Files.createDirectories(directory.resolve("service-account"));
    Files.writeString(account.resolve("token"), plane.token(), UTF_8);
    Files.write(account.resolve("ca.crt"), Files.readAllBytes(plane.caFile()));
    var environment = pod(plane, Map.of("CLUSTER_CLEANUP", "true", "DRY_RUN", "true"));
    try (var container =
        Container.start(
            "cleanup",
            directory,
            image,
            "1000:1000",
            Container.LIMIT_BYTES,
            environment,
            Map.of(SERVICE_ACCOUNT, account))) {
      assertThat(container.process().awaitExit(RUN_LIMIT)).as(container.process().tail()).isZero();
      container.process().awaitEnd(RUN_LIMIT);
      assertThat(container.process().lines().getLast())
          .contains("clean-up is complete", "failed=0 dryRun=true");
    }
  }

  /** As in the manifest. */
  private static Map<String, Path> mounts(Import imported) {
    return Map.of(
        "/cattle-credentials", imported.credentials(), SERVICE_ACCOUNT, imported.serviceAccount());
  }

  /** What the kubelet adds. */
  private static Map<String, String> pod(ControlPlane plane, Map<String, String> environment) {
    var api = URI.create("https://" + plane.address());
    var all = new HashMap<>(environment);
    all.put("KUBERNETES_SERVICE_HOST", api.getHost());
    all.put("KUBERNETES_SERVICE_PORT", Integer.toString(api.getPort()));
    return all;
  }

  /** A Secret with {@code defaultMode: 320}, and no {@code fsGroup}. */
  private static void onlyForRoot(Path credentials) throws IOException {
    try (Stream<Path> files = Files.list(credentials)) {
      for (var file : files.toList()) {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r-x------"));
      }
    }
  }

  /** Fails when {@code agent/src/main/aot/classes.txt} has to be written anew. */
  private static void assertMostAreCached(List<String> loaded) {
    var classes =
        loaded.stream()
            .filter(line -> line.contains("[class,load]") && !line.contains("0x0"))
            .filter(line -> !line.contains("picocli."))
            .toList();
    var uncached = classes.stream().filter(line -> !line.contains("shared objects file")).toList();
    System.out.printf("image: %d of %d classes not cached%n", uncached.size(), classes.size());
    assertThat(classes).hasSizeGreaterThan(1_000);
    assertThat((double) uncached.size())
        .as(() -> String.join("\n", uncached))
        .isLessThan(UNCACHED_LIMIT * classes.size());
  }
}
