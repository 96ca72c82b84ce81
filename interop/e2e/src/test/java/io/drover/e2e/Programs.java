package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.opentest4j.TestAbortedException;

/** Where everything is. The pom says it by system properties. */
final class Programs {
  /** {@code interop/build}: this machine has no Go. */
  private static final int NO_GO = 3;

  /** Another script of {@code interop}: this machine has no tools for that. */
  static final int NO_TOOLS = 3;

  private static final Map<String, Path> BUILT = new ConcurrentHashMap<>();
  private static final AtomicInteger DIRECTORIES = new AtomicInteger();

  private Programs() {}

  static String agent() {
    return distribution("drover.agent");
  }

  static String server() {
    return distribution("drover.server");
  }

  static Path chart() {
    return tree("charts/drover");
  }

  static String demo() {
    return tree("demo").toString();
  }

  /** Something in the tree, which Maven does not copy. */
  static Path tree(String path) {
    return Path.of(property("drover.interop"), "..").resolve(path).toAbsolutePath().normalize();
  }

  private static String distribution(String property) {
    var program = Path.of(property(property));
    if (!Files.isExecutable(program)) {
      throw new AssertionError("not packaged yet, run mvn package first: " + program);
    }
    return program.toAbsolutePath().normalize().toString();
  }

  private static String property(String name) {
    return Objects.requireNonNull(System.getProperty(name), name);
  }

  /** A directory of one test's own, for output and other files. */
  static Path directory(String name) {
    var all = Path.of(property("drover.logs")).toAbsolutePath();
    return all.resolve("%02d-%s".formatted(DIRECTORIES.incrementAndGet(), name));
  }

  static String peer(String remotedialer) {
    return built("rancher").resolve("rancher-peer-" + remotedialer).toString();
  }

  /** An OpenID Connect provider. */
  static String provider() {
    return built("provider").resolve("provider").toString();
  }

  static String informers() {
    return built("informers").resolve("informers").toString();
  }

  static String goAgent() {
    return built("client").resolve("go-agent").toString();
  }

  static String cluster() {
    return built("cluster").resolve("drover-cluster").toString();
  }

  /** Helm of a major version, 3 or 4. */
  static String helm(int major) {
    return built("helm").resolve("helm-" + major).toString();
  }

  /** Helm as an operator's terminal finds it, under its own name. */
  static String helm() {
    return built("helm").resolve("helm").toString();
  }

  /** The container image, built once: what {@link #buildImage} leaves. */
  static Path image() {
    return BUILT.computeIfAbsent(
        "image",
        name -> {
          var directory = directory(name);
          buildImage(directory);
          return directory;
        });
  }

  /** Builds the container image: what {@code interop/image/build} leaves in {@code directory}. */
  static void buildImage(Path directory) {
    buildImage(directory.toString());
  }

  /** An image for kubectl shells, as an archive; built once. */
  static Path shellImage() {
    return BUILT.computeIfAbsent(
        "shell-image",
        name -> {
          var archive = directory(name).resolve("image.oci.tar");
          buildImage("shell", archive.toString());
          return archive;
        });
  }

  private static void buildImage(String... arguments) {
    var script = Path.of(property("drover.interop"), "image/build").toAbsolutePath().normalize();
    var command = new ArrayList<>(List.of(script.toString()));
    command.addAll(List.of(arguments));
    run(
        Map.of("M2", property("drover.m2")),
        NO_TOOLS,
        "not root, or no buildah, runc and containerd here and no way to install them",
        command.toArray(String[]::new));
  }

  /** Sees to Chromium and its driver. */
  static void browser() {
    var script = Path.of(property("drover.interop"), "packages").toAbsolutePath().normalize();
    run(Map.of(), NO_TOOLS, "no Chromium here, and no way to install it", script.toString());
  }

  private static Path built(String what) {
    return BUILT.computeIfAbsent(what, Programs::build);
  }

  /** Builds what is missing, which may take minutes the first time. */
  private static Path build(String what) {
    var script = Path.of(property("drover.interop"), "build").toAbsolutePath().normalize();
    return Path.of(
        run(Map.of(), NO_GO, "no Go here to build the real peers with", script.toString(), what));
  }

  /** Runs a script to its end; returns what it prints. Exit code {@code notHere} skips the test. */
  private static String run(
      Map<String, String> environment, int notHere, String reason, String... command) {
    var text = String.join(" ", command);
    try {
      var builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
      builder.environment().putAll(environment);
      var process = builder.start();
      var printed = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
      int code = process.waitFor();
      if (code == notHere) {
        throw new TestAbortedException(reason);
      }
      if (code != 0) {
        throw new AssertionError(text + " failed");
      }
      return printed;
    } catch (IOException e) {
      throw new AssertionError(text, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(text, e);
    }
  }
}
