package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.regex.Pattern;

/**
 * What people do with a cluster, each with its check. The same for every server and every agent.
 *
 * @param kubectl goes through server, tunnel and agent
 * @param directory for files
 * @param name of what is in between, to keep the objects of different ones apart
 */
record ClusterUse(ControlPlane plane, Kubectl kubectl, Path directory, String name) {
  static final int BIG_BYTES = 20 * Payload.MIB;
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Pattern FORWARDING = Pattern.compile("127\\.0\\.0\\.1:(\\d+) ->");

  void appliesGetsAndDeletes() throws IOException, InterruptedException {
    var manifest =
        Files.writeString(
            directory.resolve("applied.yaml"),
            """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: applied-%s, namespace: default}
            data: {colour: green}
            """
                .formatted(name));
    var object = "configmap/applied-" + name;

    kubectl.run("apply", "-f", manifest.toString());
    assertThat(plane.admin().run("get", object, "-o", "jsonpath={.data.colour}"))
        .isEqualTo("green");

    Files.writeString(manifest, Files.readString(manifest).replace("green", "blue"));
    kubectl.run("apply", "-f", manifest.toString());
    assertThat(kubectl.run("get", object, "-o", "jsonpath={.data.colour}")).isEqualTo("blue");

    kubectl.run("delete", object);
    var gone = plane.admin().outcome(new byte[0], "get", object);
    assertThat(gone.exitCode()).isEqualTo(1);
    assertThat(gone.stderr()).contains("NotFound");
  }

  void runsCommandsInPods() throws IOException, InterruptedException {
    var pod = plane.pod();
    var failed =
        kubectl.outcome(
            new byte[0], "exec", pod, "--", "sh", "-c", "echo out; echo err >&2; exit 3");
    assertThat(failed.exitCode()).isEqualTo(3);
    assertThat(failed.stdout()).isEqualTo("out\n");
    assertThat(failed.stderr()).contains("err\n");

    byte[] input = Payload.random(1, 2 * Payload.MIB);
    var hashed = kubectl.outcome(input, "exec", "-i", pod, "--", "sha256sum").expect(0);
    assertThat(hashed.stdout()).startsWith(Payload.sha256(input));
  }

  void followsLogs() throws IOException, InterruptedException {
    var pod = plane.pod();
    var log = plane.podDirectory(pod).resolve("app.log");
    var first = "first of " + name;
    var last = "last of " + name;
    append(log, first);

    try (var following = kubectl.start("logs-f", "logs", "-f", pod)) {
      following.awaitLine(first, LIMIT, first::equals);
      append(log, last);
      following.awaitLine(last, LIMIT, last::equals);
      assertThat(following.isAlive()).isTrue();
    }
  }

  /** As a container would write it. */
  static void append(Path log, String text) throws IOException {
    Files.writeString(
        log,
        Instant.now() + " stdout F " + text + "\n",
        UTF_8,
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
  }

  void copiesBigFiles() throws IOException, InterruptedException {
    var pod = plane.pod();
    byte[] content = Payload.random(2, BIG_BYTES);
    var sum = Payload.sha256(content);
    var sent = Files.write(directory.resolve("sent"), content);
    var received = directory.resolve("received");
    var inPod = plane.podDirectory(pod).resolve("copied-" + name);

    kubectl.run("cp", sent.toString(), pod + ":copied-" + name);
    assertThat(Payload.sha256(Files.readAllBytes(inPod))).isEqualTo(sum);

    kubectl.run("cp", pod + ":copied-" + name, received.toString());
    assertThat(Payload.sha256(Files.readAllBytes(received))).isEqualTo(sum);
  }

  void forwardsPorts() throws IOException, InterruptedException {
    byte[] content = Payload.random(3, BIG_BYTES);
    try (var source = Target.source(content);
        var echo = Target.echo();
        var forwarding =
            kubectl.start(
                "port-forward",
                "port-forward",
                plane.pod(),
                ":" + source.address().getPort(),
                ":" + echo.address().getPort())) {
      try (var socket = connect(forwarding, source)) {
        assertThat(Payload.sha256(socket.getInputStream().readAllBytes()))
            .isEqualTo(Payload.sha256(content));
      }
      try (var socket = connect(forwarding, echo)) {
        byte[] half = Payload.random(4, Payload.MIB);
        var writer = Thread.ofVirtual().start(() -> write(socket, half));
        assertThat(Payload.sha256(socket.getInputStream().readNBytes(half.length)))
            .isEqualTo(Payload.sha256(half));
        writer.join();
      }
    }
  }

  private static Socket connect(RunningProcess forwarding, Target target)
      throws IOException, InterruptedException {
    var remote = "-> " + target.address().getPort();
    var line =
        forwarding.awaitLine(
            remote, LIMIT, said -> said.endsWith(remote) && FORWARDING.matcher(said).find());
    var found = FORWARDING.matcher(line);
    if (!found.find()) {
      throw new IllegalStateException(line);
    }
    return new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(found.group(1)));
  }

  private static void write(Socket socket, byte[] bytes) {
    try {
      socket.getOutputStream().write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
