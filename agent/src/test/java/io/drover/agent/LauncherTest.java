package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The script {@code bin/drover-agent}, with programs in place of Java that say what they got. */
@Timeout(30)
class LauncherTest {
  private static final Path SCRIPT = Path.of("src/main/dist/bin/drover-agent");

  private static final Path OPTIONS = Path.of("src/main/dist/conf/jvm.options");

  private record Result(int code, List<String> lines) {}

  @TempDir private Path directory;
  private Path launcher;

  @BeforeEach
  void install() throws Exception {
    launcher = directory.resolve("app/bin/drover-agent");
    Files.createDirectories(launcher.getParent());
    Files.createDirectory(directory.resolve("app/lib"));
    Files.copy(SCRIPT, launcher);
    Files.createDirectory(directory.resolve("app/conf"));
    Files.copy(OPTIONS, directory.resolve("app/conf/jvm.options"));
    makeExecutable(launcher);
  }

  @Test
  void prefersTheJavaThatIsAskedForByName() throws Exception {
    var result =
        run(Map.of("DROVER_JAVA_HOME", java("one", "25.0.1"), "JAVA_HOME", java("two", "26")));

    assertThat(result.code()).isZero();
    assertThat(result.lines().getFirst()).isEqualTo("java one");
  }

  @Test
  void refusesAnOldJavaThatIsAskedForByName() throws Exception {
    var old = java("old", "21.0.9");
    var result = run(Map.of("DROVER_JAVA_HOME", old, "JAVA_HOME", java("new", "25")));

    assertThat(result)
        .isEqualTo(
            new Result(
                2,
                List.of(
                    "drover-agent: DROVER_JAVA_HOME is '%s', where there is no Java 25 or newer"
                        .formatted(old))));
  }

  @Test
  void passesOverAnOldJavaHomeForANewerOneOnThePath() throws Exception {
    var result =
        run(
            Map.of(
                "JAVA_HOME",
                java("old", "17.0.1"),
                "PATH",
                java("new", "27-ea") + "/bin:/usr/bin:/bin"));

    assertThat(result.lines().getFirst()).isEqualTo("java new");
  }

  @Test
  void asksJavaItselfIfThereIsNoReleaseFile() throws Exception {
    String home = java("bare", "25.0.3");
    Files.delete(Path.of(home, "release"));

    assertThat(run(Map.of("JAVA_HOME", home)).lines().getFirst()).isEqualTo("java bare");
  }

  @Test
  void handsOverFlagsJarAndArgumentsAsTheyAre() throws Exception {
    var result =
        run(
            Map.of("JAVA_HOME", java("one", "25"), "DROVER_JAVA_OPTS", "-Xmx128m -Dx=y"),
            "run",
            "--kubeconfig",
            "a b*");

    assertThat(result.lines())
        .contains("-Dx=y", "MALLOC_ARENA_MAX=2")
        .noneMatch(line -> line.startsWith("-XX:AOTCache"))
        .containsSubsequence(
            "@" + installed("conf/jvm.options"),
            "-Xmx128m",
            "-jar",
            jar(),
            "run",
            "--kubeconfig",
            "a b*");
  }

  @Test
  void javaReadsTheOptionsAsTheyAreMeant() throws Exception {
    var java = Path.of(System.getProperty("java.home"), "bin/java").toString();
    var command = List.of(java, "@" + OPTIONS, "-XX:+PrintFlagsFinal", "-version");
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    var flags = new String(process.getInputStream().readAllBytes(), UTF_8);

    assertThat(process.waitFor()).as(flags).isZero();
    assertThat(flags)
        .containsPattern("UseSerialGC += true")
        .containsPattern("MaxHeapSize += " + 96 * 1024 * 1024)
        .containsPattern("ExitOnOutOfMemoryError += true")
        .containsPattern("TieredStopAtLevel += 4");
  }

  @Test
  void usesTheAotCacheIfThereIsOne() throws Exception {
    Path cache = Files.createFile(directory.toRealPath().resolve("app/lib/drover-agent.aot"));

    assertThat(run(Map.of("JAVA_HOME", java("one", "25"))).lines())
        .contains("-XX:AOTCache=" + cache);
  }

  @Test
  void worksThroughALink() throws Exception {
    Path link = Files.createSymbolicLink(directory.resolve("link"), launcher);
    launcher = link;

    assertThat(run(Map.of("JAVA_HOME", java("one", "25"))).lines()).contains(jar());
  }

  private String jar() throws IOException {
    return installed("lib/drover-agent.jar");
  }

  private String installed(String file) throws IOException {
    return directory.toRealPath().resolve("app").resolve(file).toString();
  }

  /** A Java home whose java prints its name, its arguments and one variable. */
  private String java(String name, String version) throws IOException {
    Path home = directory.resolve(name);
    Path program = home.resolve("bin/java");
    Files.createDirectories(program.getParent());
    Files.writeString(home.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    Files.writeString(
        program,
        """
        #!/bin/sh
        if [ "$1" = -version ]; then
          echo 'openjdk version "%s" 2026-01-01' >&2
          exit
        fi
        echo "java %s"
        printf '%%s\\n' "$@"
        echo "MALLOC_ARENA_MAX=$MALLOC_ARENA_MAX"
        """
            .formatted(version, name));
    makeExecutable(program);
    return home.toString();
  }

  private Result run(Map<String, String> environment, String... arguments) throws Exception {
    var builder = new ProcessBuilder("/bin/sh", launcher.toString());
    builder.command().addAll(List.of(arguments));
    var variables = new HashMap<>(Map.of("PATH", "/usr/bin:/bin"));
    variables.putAll(environment);
    builder.environment().clear();
    builder.environment().putAll(variables);
    Process process = builder.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    return new Result(process.exitValue(), output.lines().toList());
  }

  private static void makeExecutable(Path file) throws IOException {
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }
}
