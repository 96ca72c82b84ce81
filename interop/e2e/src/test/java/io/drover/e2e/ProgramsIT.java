package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.jar.JarFile;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is packaged, and the demo that a newcomer types first. */
@Tag("interop")
@Order(7)
@ExtendWith(WithControlPlane.class)
final class ProgramsIT {
  /** Of which the clean-up Job sleeps a minute, and the server may wait two for the agent. */
  private static final Duration DEMO_LIMIT = Duration.ofMinutes(6);

  private static final Duration STOP_LIMIT = Duration.ofSeconds(30);

  @ParameterizedTest
  @ValueSource(strings = {"drover-agent", "drover-server"})
  void theAotCacheFitsTheProgram(String name) throws Exception {
    saysItsVersion(name, "-XX:AOTMode=on");
  }

  /** Some commands print JSON there. */
  @ParameterizedTest
  @ValueSource(strings = {"drover-agent", "drover-server"})
  void javaSaysNothingOnTheStandardOutput(String name) throws Exception {
    assertThat(saysItsVersion(name, "-XX:AOTCache=/there/is/none"))
        .anySatisfy(line -> assertThat(line).contains("AOT"));
  }

  private static String program(String name) {
    return name.equals("drover-agent") ? Programs.agent() : Programs.server();
  }

  /** And nothing else; with that option of Java. What it says to stderr. */
  private static List<String> saysItsVersion(String name, String option) throws Exception {
    var java = Map.of("DROVER_JAVA_OPTS", option);
    try (var version = start("version", java, program(name), "version")) {
      assertThat(version.awaitExit(STOP_LIMIT)).as(version.tail()).isZero();
      version.awaitEnd(STOP_LIMIT);
      assertThat(version.lines()).singleElement().asString().startsWith(name + " ");
      return version.errorLines();
    }
  }

  /**
   * A signed jar costs its manifest's megabytes of memory, and none of its classes is in the cache.
   */
  @ParameterizedTest
  @ValueSource(strings = {"drover-agent", "drover-server"})
  void noJarIsSigned(String name) throws Exception {
    var library = Path.of(program(name)).toRealPath().resolveSibling("../lib").normalize();
    try (var files = Files.list(library)) {
      var jars = files.filter(file -> file.toString().endsWith(".jar")).toList();
      assertThat(jars).anySatisfy(jar -> assertThat(jar.toString()).contains("bcprov"));
      for (Path jar : jars) {
        try (var opened = new JarFile(jar.toFile())) {
          assertThat(opened.stream().map(ZipEntry::getName))
              .as(jar.toString())
              .noneMatch(file -> file.matches("META-INF/[^/]+\\.(SF|RSA|DSA|EC)"));
        }
      }
    }
  }

  /** Whether a test runs the command or not. */
  @Test
  void pagesNameNoOptionOfTheAgentThatIsNotThere() throws Exception {
    var named = new TreeMap<String, Set<String>>();
    for (Path page : DocPage.files()) {
      COMMAND
          .matcher(Files.readString(page, UTF_8))
          .results()
          .forEach(
              found ->
                  OPTION
                      .matcher(found.group(2))
                      .results()
                      .forEach(
                          option ->
                              named
                                  .computeIfAbsent(found.group(1), _ -> new TreeSet<>())
                                  .add(option.group())));
    }

    assertThat(named).containsKeys("check", "diag", "report", "status");
    for (var command : named.entrySet()) {
      try (var help = start("help", Map.of(), Programs.agent(), command.getKey(), "--help")) {
        assertThat(help.awaitExit(STOP_LIMIT)).as(help.tail()).isZero();
        help.awaitEnd(STOP_LIMIT);
        assertThat(OPTION.matcher(String.join("\n", help.lines())).results())
            .as("options of " + command.getKey())
            .extracting(MatchResult::group)
            .containsAll(command.getValue());
      }
    }
  }

  /** And what follows it until the end of the code, or of the command. */
  private static final Pattern COMMAND =
      Pattern.compile("drover-agent (check|diag|report|status)\\b((?:[^`|;#>\n\\\\]|\\\\\n)*)");

  private static final Pattern OPTION = Pattern.compile("(?<=[ \\[,])--[a-z][a-z-]*");

  @Test
  void theDemoStaysUntilItIsStoppedAndLeavesNothing() throws Exception {
    // Without a control plane in the cache it takes the stand-in.
    var directory = Programs.directory("demo-stand-in");
    var cache = Map.of("DROVER_CACHE", Files.createDirectories(directory.resolve("cache")) + "");
    try (var demo = start(directory, cache, Programs.demo())) {
      demo.awaitLine("how it ends", DEMO_LIMIT, line -> line.startsWith("Ctrl-C"));
      var parts = demo.descendants();
      assertThat(parts).hasSizeGreaterThanOrEqualTo(3);
      assertThat(demo.lines())
          .anyMatch(line -> line.contains("an embedded stand-in"))
          .anyMatch(line -> line.matches("node/\\S+ +Ready .*"))
          .anyMatch(line -> line.contains("the stand-in allows everything"));

      var remove = demo.lines().stream().filter(line -> line.contains(REMOVE)).toList();
      assertThat(remove).hasSize(1);
      try (var command = start("demo-remove", Map.of(), "bash", "-c", remove.getFirst())) {
        assertThat(command.awaitExit(DEMO_LIMIT)).as(command.tail()).isZero();
      }
      demo.awaitLine("that it stays", STOP_LIMIT, line -> line.contains("stay until Ctrl-C"));

      demo.terminate();

      assertThat(demo.awaitExit(STOP_LIMIT)).isEqualTo(130);
      assertThat(parts).noneMatch(ProcessHandle::isAlive);
    }
  }

  private static final String REMOVE = "drover-server cluster delete demo --dir ";

  @Test
  void theDemoGoesAllTheWayFromCreationToRemoval() throws Exception {
    try (var demo = start("demo-real", Map.of(), Programs.demo(), "--once", "--real")) {
      assertThat(demo.awaitExit(DEMO_LIMIT)).as(demo.tail()).isZero();
      demo.awaitEnd(STOP_LIMIT);
      assertThat(demo.lines())
          .contains(
              "▸ it is there: configmap/hello",
              "▸ nor may she remove the cluster: only an owner of the cluster may do this",
              "    removed",
              "▸ gone: the agent from the cluster, and the cluster from the server",
              "▸ all of it worked")
          .anyMatch(line -> line.matches(" *u-\\w{5} +ann +read-only"))
          .anyMatch(line -> line.matches(" *hello +1 +\\S+"))
          .anyMatch(
              line ->
                  line.matches(
                      ".*\\(Forbidden\\): configmaps \"hello\" is forbidden: User \"u-\\w{5}\" cannot delete .*"));
    }
  }

  @Test
  void theDemoTakesAClusterOfOnesOwn(ControlPlane plane) throws Exception {
    var directory = Programs.directory("demo-own");
    var kubeconfig = plane.admin().kubeconfig().toString();
    plane // that of another test
        .admin()
        .run(
            "-n",
            "cattle-system",
            "delete",
            "deployment",
            "cattle-cluster-agent",
            "--ignore-not-found");
    try (var demo =
        start(directory, Map.of(), Programs.demo(), "--once", "--kubeconfig", kubeconfig)) {
      assertThat(demo.awaitExit(DEMO_LIMIT)).as(demo.tail()).isZero();
      demo.awaitEnd(STOP_LIMIT);
      assertThat(demo.lines())
          .contains("▸ cluster: yours, " + kubeconfig, "▸ all of it worked")
          .anyMatch(line -> line.matches("node/\\S+ +Ready .*"))
          .anyMatch(line -> line.contains("not here, since the cluster is yours"))
          .noneMatch(line -> line.contains(REMOVE));
      assertThat(plane.admin().run("-n", "cattle-system", "get", "deployments", "-o", "name"))
          .contains("cattle-cluster-agent");
    }
    try (var again =
        start("demo-again", Map.of(), Programs.demo(), "--once", "--kubeconfig", kubeconfig)) {
      assertThat(again.awaitExit(DEMO_LIMIT)).isNotZero();
      assertThat(again.tail()).contains("has an agent already");
    }
  }

  private static RunningProcess start(
      String name, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    return start(Programs.directory(name), environment, command);
  }

  private static RunningProcess start(
      Path directory, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    return RunningProcess.start("program", directory, environment, List.of(command));
  }
}
