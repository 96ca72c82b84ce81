package io.drover.agent;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.health.HealthServer;
import io.drover.agent.health.TunnelReading;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;

@Timeout(30)
class StatusCommandTest {
  private static final TunnelReading UP =
      new TunnelReading("cluster", true, true, Instant.EPOCH, null, null, 1, 7, 9, 0, 0, 0, 0);
  private static final TunnelReading DOWN =
      new TunnelReading(
          "cluster",
          true,
          false,
          Instant.EPOCH,
          new Problem(Reason.TOKEN_UNKNOWN, "401"),
          null,
          1,
          0,
          9,
          0,
          0,
          0,
          0);

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final AtomicReference<TunnelReading> tunnel = new AtomicReference<>(UP);

  private HealthServer server() throws Exception {
    return HealthServer.start(
        new HealthConfig(true, "127.0.0.1", 0),
        "1.2.3",
        Clock.systemUTC(),
        List::of,
        List.of(tunnel::get),
        TreeMap::new,
        null,
        null);
  }

  private static String address(HealthServer server) {
    return "--address=http://127.0.0.1:" + server.address().orElseThrow().getPort();
  }

  private int execute(Sleeper sleeper, String... arguments) {
    return new CommandLine(new StatusCommand(Map.of(), sleeper))
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }

  @AfterEach
  void logAgain() {
    ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger("io.drover").setLevel(null);
  }

  @Test
  void readyAgentEndsWithZeroAndOneThatIsNotWithOne() throws Exception {
    try (var server = server()) {
      assertThat(execute(Sleeper.REAL, address(server))).isEqualTo(Main.STOPPED);
      tunnel.set(DOWN);
      assertThat(execute(Sleeper.REAL, address(server))).isEqualTo(Main.FAILED);
    }

    assertThat(out.toString())
        .contains("✓ cluster           connected for ", "TokenUnknown", "next: ")
        .doesNotContain("\u001b"); // this is no terminal
  }

  @Test
  void jsonIsTheAgentsOwn() throws Exception {
    try (var server = server()) {
      assertThat(execute(Sleeper.REAL, "--json", address(server))).isEqualTo(Main.STOPPED);
    }

    assertThat(out.toString().lines()).hasSize(1);
    assertThat(out.toString()).startsWith("{\"ready\":true,\"version\":\"1.2.3\",");
  }

  @Test
  void agentThatDoesNotAnswerEndsWithOne() throws Exception {
    try (var closed = new ClosedPort()) {
      assertThat(execute(Sleeper.REAL, "--address=http://" + closed.address()))
          .isEqualTo(Main.FAILED);
      assertThat(err.toString()).contains("no agent listens at http://" + closed.address());
    }
  }

  @Test
  void watchedAgentMayGoAndIsWaitedFor() throws Exception {
    var server = server();
    var slept = new ArrayList<Duration>();
    Sleeper sleeper =
        duration -> {
          slept.add(duration);
          if (slept.size() == 2) {
            server.close();
          } else if (slept.size() == 4) {
            throw new InterruptedException(); // as by Ctrl-C
          }
        };

    execute(sleeper, "--watch", address(server));

    assertThat(slept).hasSize(4).containsOnly(StatusCommand.WATCH_EVERY);
    assertThat(out.toString().split("TUNNELS", -1)).as("shown twice").hasSize(3);
    assertThat(err.toString().lines())
        .hasSize(2)
        .allMatch(line -> line.endsWith("; waiting for it"));
  }

  @Test
  void addressThatIsNoneIsBadConfiguration() {
    assertThat(execute(Sleeper.REAL, "--address=nowhere")).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(err.toString()).contains("expected http://host:port");
  }

  @Test
  void helpFitsATerminal() {
    assertThat(execute(Sleeper.REAL, "--help")).isZero();

    assertThat(out.toString()).contains("--watch").contains("--address=URL");
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
  }
}
