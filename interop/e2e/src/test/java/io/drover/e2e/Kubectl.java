package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * The real kubectl.
 *
 * @param directory working directory; caches and output go there
 */
record Kubectl(Path kubeconfig, Path directory) {
  /** No command that is expected to end takes longer. */
  static final Duration LIMIT = Duration.ofSeconds(60);

  private static final ObjectMapper JSON = new ObjectMapper();

  /** What a command did. */
  record Outcome(List<String> command, int exitCode, String stdout, String stderr) {
    /** Fails unless the exit code is as said. */
    Outcome expect(int code) {
      if (exitCode != code) {
        throw new AssertionError(
            "%s: exit code %d%n--- stdout:%n%s%n--- stderr:%n%s"
                .formatted(String.join(" ", command), exitCode, stdout, stderr));
      }
      return this;
    }
  }

  /** A kubectl that goes through a server by token. */
  static Kubectl through(String url, Path caFile, String token, Path directory) throws IOException {
    var config =
        """
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "%s", certificate-authority: "%s"}}]
        users: [{name: u, user: {token: "%s"}}]
        contexts: [{name: c, context: {cluster: c, user: u}}]
        current-context: c
        """
            .formatted(url, caFile, token);
    Files.createDirectories(directory);
    var file = directory.resolve("kubeconfig.yaml");
    // In one step: a kubectl of another test may be reading it.
    var written = Files.createTempFile(directory, "kubeconfig", ".new");
    Files.move(Files.writeString(written, config), file, StandardCopyOption.ATOMIC_MOVE);
    return new Kubectl(file, directory);
  }

  /** Runs a command that must succeed; returns what it wrote to stdout. */
  String run(String... arguments) throws IOException, InterruptedException {
    return outcome(new byte[0], arguments).expect(0).stdout();
  }

  /** Runs a command that must succeed and writes JSON. */
  JsonNode json(String... arguments) throws IOException, InterruptedException {
    var text = run(arguments);
    try {
      return JSON.readTree(text);
    } catch (JsonProcessingException e) {
      throw new AssertionError("no JSON: " + text, e);
    }
  }

  /** Makes a ConfigMap of one text in the agent's namespace, or replaces it. */
  void putConfigMap(String name, String key, String text) throws IOException, InterruptedException {
    var object = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "ConfigMap");
    object.putObject("metadata").put("name", name).put("namespace", Import.NAMESPACE);
    object.putObject("data").put(key, text);
    outcome(JSON.writeValueAsBytes(object), "apply", "-f", "-").expect(0);
  }

  /** Runs a command to its end, whatever that is. */
  Outcome outcome(byte[] stdin, String... arguments) throws IOException, InterruptedException {
    return outcome(stdin, command(arguments));
  }

  /** The same with another program that reads a kubeconfig. */
  Outcome outcome(byte[] stdin, List<String> command) throws IOException, InterruptedException {
    var process = RunningProcess.prepare(directory, environment(), command).start();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var stdout = CompletableFuture.supplyAsync(() -> text(process.getInputStream()), threads);
      var stderr = CompletableFuture.supplyAsync(() -> text(process.getErrorStream()), threads);
      var feeding =
          CompletableFuture.runAsync(() -> feed(process, stdin), threads)
              .exceptionally(_ -> null); // it may end without reading
      try {
        if (!process.waitFor(LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
          process.destroyForcibly();
          throw new AssertionError(
              "%s: not within %d s%n--- stderr:%n%s"
                  .formatted(String.join(" ", command), LIMIT.toSeconds(), stderr.get()));
        }
        feeding.get();
        return new Outcome(command, process.exitValue(), stdout.get(), stderr.get());
      } catch (ExecutionException e) {
        throw new IOException(e.getCause());
      } finally {
        process.destroyForcibly();
      }
    }
  }

  /** Starts a command that goes on. */
  RunningProcess start(String name, String... arguments) {
    return RunningProcess.start(name, directory, environment(), command(arguments));
  }

  private Map<String, String> environment() {
    return Map.of("HOME", directory.toString(), "KUBECONFIG", kubeconfig.toString());
  }

  private static List<String> command(String... arguments) {
    var command = new ArrayList<String>();
    command.add("kubectl");
    command.addAll(List.of(arguments));
    return command;
  }

  private static String text(InputStream in) {
    try (in) {
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void feed(Process process, byte[] stdin) {
    try (var out = process.getOutputStream()) {
      out.write(stdin);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
