package io.drover.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Servers that go, come back, stand still or say no. Each test has a server of its own. */
@Tag("interop")
@Order(1)
@ExtendWith(WithControlPlane.class)
@Execution(ExecutionMode.CONCURRENT)
final class OutageIT {
  /** Below the agent's 14 s of patience with a silent server. */
  private static final Duration SHORT_FREEZE = Duration.ofSeconds(10);

  /** The agent's patience, and the second after which it looks. */
  private static final Duration NOTICED = Duration.ofSeconds(15);

  /** From the moment at which the tunnels are there. */
  private static final Duration SAID = Duration.ofSeconds(5);

  /** Two delays of the agent, the first up to 20 s, and a handshake that times out. */
  private static final Duration BACK = Duration.ofSeconds(75);

  /** Until a pipe is full of what the agent logs at trace, on a busy machine. */
  private static final Duration FULL_PIPE = Duration.ofSeconds(60);

  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

  @SuppressWarnings("unused") // by name, in the annotations
  static final List<String> VERSIONS = Peer.VERSIONS;

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void killedServerGetsItsAgentBack(String remotedialer, ControlPlane plane) throws Exception {
    try (var installation =
            Installation.start(
                plane,
                "killed",
                remotedialer,
                Installation.ALLOW_LOCAL,
                Installation.FREQUENT_CHECKS);
        var echo = Target.echo()) {
      var peer = installation.peer();
      var live = Echo.open(peer.forward(echo.address()), 1);
      live.awaitRound(ANSWER_LIMIT);

      peer.kill();
      installation.agent().awaitUnready(ANSWER_LIMIT);
      Await.that("targets of the old session are closed", ANSWER_LIMIT, () -> echo.open() == 0);
      peer.restart();

      installation.agent().awaitReady(BACK);
      peer.awaitActive(Duration.ofSeconds(20));
      assertThat(peer.kubectl().run("get", "namespace", "default", "-o", "name"))
          .isEqualTo("namespace/default\n");
      assertThat(installation.agent().sessions()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void shortFreezeLosesNothing(String remotedialer, ControlPlane plane) throws Exception {
    byte[] content = Payload.random(11, 64 * Payload.MIB);
    try (var installation =
            Installation.start(
                plane, "frozen", remotedialer, Installation.ALLOW_LOCAL, Installation.NO_CHECKS);
        var threads = Executors.newVirtualThreadPerTaskExecutor();
        var echo = Target.echo();
        var source = Target.source(content)) {
      var peer = installation.peer();
      var live = Echo.open(peer.forward(echo.address()), 2);
      live.awaitRound(ANSWER_LIMIT);
      var forward = peer.forward(source.address());
      try (var socket = new Socket(forward.getAddress(), forward.getPort())) {
        var in = socket.getInputStream();
        byte[] start = in.readNBytes(Payload.MIB);

        peer.process().freeze();
        Thread.sleep(SHORT_FREEZE); // the freeze itself
        peer.process().thaw();

        var rest = CompletableFuture.supplyAsync(() -> rest(socket), threads);
        live.awaitRound(ANSWER_LIMIT);
        var sum = Payload.sha256();
        sum.update(start);
        sum.update(rest.get(60, TimeUnit.SECONDS));
        assertThat(sum.digest()).isEqualTo(Payload.sha256().digest(content));
      }
      assertThat(live.failure()).isEmpty();
      assertThat(installation.agent().sessions()).as("sessions").isEqualTo(1);
      live.close();
    }
  }

  /**
   * The agent itself stands still, since nobody reads its log: the server is told by the end of the
   * connection, the kubelet by the probe.
   */
  @ParameterizedTest
  @FieldSource("VERSIONS")
  void anAgentWhoseLogNobodyReadsSaysSo(String remotedialer, ControlPlane plane) throws Exception {
    var trace = new HashMap<>(Installation.ALLOW_LOCAL);
    trace.put("CATTLE_TRACE", "true");
    try (var installation =
            Installation.start(plane, "stalled", remotedialer, trace, Installation.NO_CHECKS);
        var echo = Target.echo()) {
      var peer = installation.peer();
      var agent = installation.agent();
      var live = Echo.open(peer.forward(echo.address()), 1);
      live.awaitRound(ANSWER_LIMIT);

      agent.process().stopReading();
      try {
        agent.awaitAlive(false, FULL_PIPE);
        Await.that("the server is told", ANSWER_LIMIT, () -> peer.sessions(Peer.CLUSTER).isEmpty());
      } finally {
        agent.process().goOnReading();
      }

      agent.awaitAlive(true, ANSWER_LIMIT);
      agent.awaitReady(BACK);
      // Logged by a thread of its own, which the new tunnel does not wait for.
      agent
          .process()
          .awaitLine(
              "which thread it was", ANSWER_LIMIT, line -> line.contains("thread stands still"));
    }
  }

  private static byte[] rest(Socket socket) {
    try {
      return socket.getInputStream().readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void longFreezeIsNoticedAndHealed(String remotedialer, ControlPlane plane) throws Exception {
    try (var installation =
            Installation.start(
                plane,
                "frozen-long",
                remotedialer,
                Installation.ALLOW_LOCAL,
                Installation.FREQUENT_CHECKS);
        var echo = Target.echo()) {
      var peer = installation.peer();
      peer.awaitActive(Duration.ofSeconds(20));
      var live = Echo.open(peer.forward(echo.address()), 3);
      live.awaitRound(ANSWER_LIMIT);

      peer.process().freeze();
      long startNanos = System.nanoTime();
      installation.agent().awaitUnready(NOTICED);
      Await.that("targets of the old session are closed", ANSWER_LIMIT, () -> echo.open() == 0);
      var frozen = Duration.ofNanos(System.nanoTime() - startNanos);
      Thread.sleep(Math.max(0, 30_000 - frozen.toMillis())); // 30 s in all
      int mark = peer.process().lineCount();
      peer.process().thaw();

      peer.awaitEvent(mark, "session-opened", BACK, _ -> true);
      Await.that(
          "both tunnels are back",
          BACK,
          () ->
              installation.agent().reason("cluster").isEmpty()
                  && installation.agent().reason("steve").isEmpty());
      installation.agent().awaitReady(SAID);
      Await.that(
          "kubectl works again",
          Duration.ofSeconds(30),
          () -> peer.kubectl().outcome(new byte[0], "get", "namespace", "default").exitCode() == 0);
    }
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void wrongTokenIsSaidAndHealedWithoutRestart(String remotedialer, ControlPlane plane)
      throws Exception {
    var wrong = "wrong-registration-token-0123456789abcdef0123456789abcde";
    var directory = Programs.directory("token-" + remotedialer);
    try (var peer = Peer.start(directory, remotedialer)) {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      imported.replaceToken(wrong);
      try (var agent = Agent.start("agent", directory, plane, imported, Map.of())) {
        var refusal =
            peer.awaitEvent(
                0, "refused", Agent.READY_LIMIT, event -> event.path("status").asInt() == 400);
        assertThat(refusal.path("error").asText()).isEqualTo("cluster not found");
        Await.that(
            "the reason is told",
            ANSWER_LIMIT,
            () -> agent.reason("cluster").equals("TokenUnknown"));
        assertThat(agent.process().isAlive()).isTrue();

        imported.replaceToken(Peer.TOKEN);
        agent.awaitReady(BACK);

        assertThat(agent.process().lines()).noneMatch(line -> line.contains(wrong));
        assertThat(agent.process().errorLines()).noneMatch(line -> line.contains(wrong));
      }
    }
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void wrongChecksumKeepsTokenFromTheServer(String remotedialer, ControlPlane plane)
      throws Exception {
    var directory = Programs.directory("checksum-" + remotedialer);
    try (var peer = Peer.start(directory, remotedialer)) {
      var imported = plane.apply(peer.manifest(), directory.resolve("pod"));
      var wrong = Map.of("CATTLE_CA_CHECKSUM", "0".repeat(64));
      try (var agent = Agent.start("agent", directory, plane, imported, wrong)) {
        Await.that(
            "the reason is told",
            BACK, // one attempt may fail on its way to a busy API server
            () ->
                agent.reason("cluster").equals("CaChecksumMismatch")
                    && agent.reason("steve").equals("CaChecksumMismatch"));
        assertThat(agent.process().isAlive()).isTrue();
        assertThat(peer.handshakes()).as("handshakes").isEmpty();
      }
    }
  }

  @ParameterizedTest
  @FieldSource("VERSIONS")
  void secondAgentTakesOverAtOnce(String remotedialer, ControlPlane plane) throws Exception {
    try (var installation =
            Installation.start(plane, "two", remotedialer, Map.of(), Installation.FREQUENT_CHECKS);
        var second =
            Agent.start(
                "second", installation.directory(), plane, installation.imported(), Map.of())) {
      var peer = installation.peer();
      second.awaitReady(Agent.READY_LIMIT);
      assertThat(peer.sessions(Peer.CLUSTER)).hasSize(2);
      var kubectl = peer.kubectl();
      kubectl.run("get", "namespace", "default");
      assertThat(second.metric("streams_total", "cluster")).as("the oldest serves").isZero();

      installation.agent().process().close();
      Await.that("one is left", ANSWER_LIMIT, () -> peer.sessions(Peer.CLUSTER).size() == 1);

      kubectl.run("get", "namespace", "default");
      assertThat(second.metric("streams_total", "cluster")).isPositive();
      assertThat(second.sessions()).as("sessions of the second").isEqualTo(1);
    }
  }
}
