package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.control.ControlClient;
import io.drover.agent.control.ControlSocket;
import io.drover.agent.control.FlightRecording;
import io.drover.agent.control.ThreadDump;
import io.drover.agent.health.HealthServer;
import io.drover.agent.retry.Sleeper;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;

@Timeout(60)
class DiagCommandTest {
  @TempDir private Path directory;

  private final StringWriter err = new StringWriter();
  private final Map<String, String> environment = new HashMap<>();
  private final List<Duration> naps = new ArrayList<>();
  private final List<String> orders = new ArrayList<>();

  private int execute(String... arguments) {
    var clock = Clock.fixed(Instant.parse("2026-11-22T12:00:00Z"), ZoneOffset.UTC);
    return new CommandLine(new DiagCommand(environment, clock, naps::add))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }

  private static Map<String, String> unzip(Path file) throws Exception {
    var files = new TreeMap<String, String>();
    try (var zip = new ZipFile(file.toFile())) {
      for (var entry : zip.stream().toList()) {
        files.put(entry.getName(), new String(zip.getInputStream(entry).readAllBytes(), UTF_8));
      }
    }
    return files;
  }

  @AfterEach
  void logAgain() {
    ((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger("io.drover").setLevel(null);
  }

  @Test
  void allThatTheAgentSaysIsInTheZip() throws Exception {
    var socket = directory.resolve("sock");
    var file = directory.resolve("diag.zip");
    try (var health =
            HealthServer.start(
                new HealthConfig(true, "127.0.0.1", 0),
                "1.2.3",
                Clock.systemUTC(),
                List::of,
                List.of(),
                TreeMap::new,
                null,
                null);
        var _ =
            ControlSocket.start(
                Optional.of(socket),
                () -> "info",
                _ -> {},
                Map.of(
                    ControlClient.CONFIGURATION,
                    () -> new ByteArrayInputStream("A=b (option)".getBytes(UTF_8)),
                    ControlClient.REASONS,
                    () -> new ByteArrayInputStream("then reason=TunnelCut".getBytes(UTF_8)),
                    ControlClient.REPORT,
                    () -> new ByteArrayInputStream("{}".getBytes(UTF_8)),
                    ControlClient.THREADS,
                    () -> ThreadDump.open(directory),
                    ControlClient.RECORDING,
                    () -> new ByteArrayInputStream(("" + orders).getBytes(UTF_8))),
                Map.of(ControlClient.RECORDING, () -> orders.add("recorded after " + naps)),
                Sleeper.REAL);
        var closed = new ClosedPort()) {
      environment.put(
          "DROVER_HEALTH_ADDRESS", "127.0.0.1:" + health.address().orElseThrow().getPort());
      environment.put("DROVER_LOG_SOCKET", socket.toString());
      environment.put("CATTLE_SERVER", "https://" + closed.address());

      assertThat(execute("--jfr", "--output=" + file)).as(err.toString()).isEqualTo(Main.STOPPED);
    }

    var files = unzip(file);
    files.remove("limits.txt"); // there is a control group of this version, or not
    files.remove("missing.txt");
    assertThat(files.keySet())
        .containsExactly(
            "check.jsonl",
            "configuration.txt",
            "metrics.txt",
            "reasons.txt",
            "recording.jfr",
            "report.json",
            "status.json",
            "status.txt",
            "threads.txt");
    assertThat(files)
        .hasEntrySatisfying("check.jsonl", text -> assertThat(text.lines()).hasSize(20))
        .containsEntry("configuration.txt", "A=b (option)")
        .hasEntrySatisfying("metrics.txt", text -> assertThat(text).contains("1.2.3"))
        .containsEntry("reasons.txt", "then reason=TunnelCut")
        .containsEntry("recording.jfr", "[recorded after []]")
        .hasEntrySatisfying("status.json", text -> assertThat(text).contains("\"ready\":true"))
        .hasEntrySatisfying("status.txt", text -> assertThat(text).contains("AGENT"))
        .hasEntrySatisfying("threads.txt", text -> assertThat(text).contains("DiagCommandTest"));
    assertThat(naps).singleElement().matches(nap -> nap.compareTo(FlightRecording.LENGTH) > 0);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(err.toString())
        .contains("drover-agent: threads.txt\n", "drover-agent: check dns: ", "written: " + file);
  }

  @Test
  void withoutAnAgentThereIsStillACheckAndWhatIsMissingIsNamed() throws Exception {
    var file = directory.resolve("diag.zip");
    try (var closed = new ClosedPort()) {
      environment.put("DROVER_HEALTH_ADDRESS", closed.address());
      environment.put("DROVER_LOG_SOCKET", directory.resolve("none.sock").toString());
      environment.put("HTTPS_PROXY", "http://joe:hunter2@" + closed.address());
      environment.put("CATTLE_SERVER", "https://" + closed.address());

      assertThat(execute("--output=" + file)).isEqualTo(Main.STOPPED);
    }

    var files = unzip(file);
    assertThat(files).containsKeys("check.jsonl", "configuration-of-diag.txt");
    assertThat(files.get("configuration-of-diag.txt")).contains("HTTPS_PROXY=http://***@127");
    assertThat(files.get("missing.txt"))
        .contains(
            "status.json: no agent listens at ", "threads.txt: no agent of this user listens");
    assertThat(files.values()).noneMatch(text -> text.contains("hunter"));
    assertThat(err.toString()).contains("missing.txt: threads.txt: ");
  }

  @Test
  void settingsThatAreOfNoUseAreSaidInTheZip() throws Exception {
    var file = directory.resolve("diag.zip");
    environment.put("DROVER_HEALTH_ADDRESS", "off");
    environment.put("DROVER_LOG_SOCKET", "off");

    assertThat(execute("--jfr", "--output=" + file)).isEqualTo(Main.STOPPED);

    assertThat(unzip(file).get("missing.txt"))
        .contains("metrics.txt: DROVER_HEALTH_ADDRESS says no port")
        .contains("threads.txt, recording.jfr: DROVER_LOG_SOCKET is off")
        .contains("check.jsonl: CATTLE_SERVER is not set");
  }

  @Test
  void fileThatIsThereStays() throws Exception {
    var file = Files.writeString(directory.resolve("diag.zip"), "mine");

    assertThat(execute("--output=" + file)).isEqualTo(Main.FAILED);

    assertThat(file).hasContent("mine");
    assertThat(err.toString()).contains("exists: name a new file with --output");
  }

  @Test
  void placeThatCannotBeWrittenIsNamed() {
    assertThat(execute("--output=" + directory.resolve("none/diag.zip"))).isEqualTo(Main.FAILED);

    assertThat(err.toString()).contains("none/diag.zip cannot be written: ");
  }

  @Test
  void helpFitsATerminal() {
    var out = new StringWriter();
    new CommandLine(new DiagCommand(environment, Clock.systemUTC(), naps::add))
        .setOut(new PrintWriter(out, true))
        .execute("--help");

    assertThat(out.toString()).contains("--output=FILE");
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
  }
}
