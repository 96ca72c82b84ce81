package io.drover.agent;

import io.drover.agent.check.StepResult;
import io.drover.agent.config.CheckConfig;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.Configured;
import io.drover.agent.config.ControlConfig;
import io.drover.agent.config.LogConfig;
import io.drover.agent.config.RunningAgentConfig;
import io.drover.agent.config.Secret;
import io.drover.agent.control.ControlClient;
import io.drover.agent.control.FlightRecording;
import io.drover.agent.inspect.Bundle;
import io.drover.agent.inspect.Bundle.Source;
import io.drover.agent.inspect.Limits;
import io.drover.agent.inspect.RunningAgent;
import io.drover.agent.inspect.StatusTable;
import io.drover.agent.log.Logging;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.terminal.Page;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code drover-agent diag}. */
@Command(
    name = "diag",
    mixinStandardHelpOptions = true,
    versionProvider = Commands.VersionCommand.class,
    synopsisHeading = "Usage: ",
    description = {
      "%nWrites a zip for whoever looks into a trouble: state, metrics, settings, last",
      "reasons, newest report and threads of the running agent, limits of the",
      "container, and the result of drover-agent check. There is no secret in it. What",
      "cannot be had is named in missing.txt. In the agent's pod, from a laptop:%n",
      "  kubectl -n cattle-system exec deployment/cattle-cluster-agent -- \\",
      "    drover-agent diag --output=- > diag.zip",
      "%nSee docs/status.md.%n"
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:written", "1:the zip cannot be written", "2:usage"})
final class DiagCommand implements Callable<Integer> {
  /** Stands for the standard output. */
  private static final String STDOUT = "-";

  /** For the recording to end and be written: some 0.5 MB. */
  private static final Duration WRITTEN_WITHIN = Duration.ofSeconds(2);

  private static final DateTimeFormatter NAME =
      DateTimeFormatter.ofPattern("'drover-diag-'yyyyMMdd'T'HHmmss'Z.zip'")
          .withZone(ZoneOffset.UTC);

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(
      names = "--output",
      paramLabel = "FILE",
      description = "A new file, or - for the standard output. Default: drover-diag-TIME.zip.")
  private String output = "";

  @Option(
      names = "--jfr",
      description = "With 30 s of Java's flight recorder in the agent, as recording.jfr.")
  private boolean wantsRecording;

  private final Map<String, String> environment;
  private final Clock clock;
  private final Sleeper sleeper;

  DiagCommand(Map<String, String> environment, Clock clock, Sleeper sleeper) {
    this.environment = environment;
    this.clock = clock;
    this.sleeper = sleeper;
  }

  @Override
  public Integer call() {
    var err = spec.commandLine().getErr();
    Logging.configure(LogConfig.silent());
    var file = Path.of(output.isEmpty() ? NAME.format(clock.instant()) : output);
    try (var bundle = new Bundle(open(file))) {
      fill(bundle);
      bundle.missing().forEach(line -> err.print("drover-agent: " + Bundle.MISSING + ": " + line));
    } catch (FileAlreadyExistsException _) {
      err.println("drover-agent: " + file + " exists: name a new file with --output");
      return Main.FAILED;
    } catch (IOException e) {
      err.println("drover-agent: " + file + " cannot be written: " + e);
      return Main.FAILED;
    } catch (InterruptedException _) {
      return Main.FAILED;
    } finally {
      err.flush();
    }
    progress("written: " + (output.equals(STDOUT) ? "to the standard output" : file));
    return Main.STOPPED;
  }

  /** For this user only: there is no secret in it, and yet more than others need to know. */
  private OutputStream open(Path file) throws IOException {
    if (output.equals(STDOUT)) {
      return new FileOutputStream(FileDescriptor.out);
    }
    return Channels.newOutputStream(
        Files.newByteChannel(
            file,
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))));
  }

  private void fill(Bundle bundle) throws IOException, InterruptedException {
    health(bundle);
    control(bundle);
    add(bundle, "limits.txt", Source.of(() -> Limits.text(Limits.CGROUP)));
    add(bundle, "check.jsonl", Source.of(this::check));
  }

  /** What the agent says at its port. */
  private void health(Bundle bundle) throws IOException, InterruptedException {
    RunningAgentConfig config;
    try {
      config = RunningAgentConfig.from(environment, "");
    } catch (ConfigException e) {
      bundle.missing("status.json, status.txt, metrics.txt", String.valueOf(e.getMessage()));
      return;
    }
    try (var agent = new RunningAgent(config.health())) {
      add(bundle, "status.json", Source.of(() -> agent.state().text() + "\n"));
      add(
          bundle,
          "status.txt",
          Source.of(() -> StatusTable.render(agent.state(), false, Page.width(""))));
      add(bundle, "metrics.txt", Source.of(agent::metrics));
    }
  }

  /** What it says at its socket, to this user. */
  private void control(Bundle bundle) throws IOException, InterruptedException {
    ControlClient client;
    try {
      var socket = ControlConfig.from(environment).socket();
      if (socket.isEmpty()) {
        throw new ConfigException(List.of("DROVER_LOG_SOCKET is off"));
      }
      client = new ControlClient(socket.get(), Sleeper.REAL);
    } catch (ConfigException e) {
      bundle.missing(
          "configuration.txt, reasons.txt, report.json, threads.txt"
              + (wantsRecording ? ", recording.jfr" : ""),
          String.valueOf(e.getMessage()));
      ownSettings(bundle);
      return;
    }
    int before = bundle.missing().size();
    add(bundle, "configuration.txt", () -> client.open(ControlClient.CONFIGURATION));
    if (bundle.missing().size() > before) {
      ownSettings(bundle);
    }
    add(bundle, "reasons.txt", () -> client.open(ControlClient.REASONS));
    add(bundle, "report.json", () -> client.open(ControlClient.REPORT));
    add(bundle, "threads.txt", () -> client.open(ControlClient.THREADS));
    if (wantsRecording) {
      add(bundle, "recording.jfr", () -> recording(client));
    }
  }

  private InputStream recording(ControlClient client) throws IOException, InterruptedException {
    client.order(ControlClient.RECORDING);
    progress("the agent is recorded for " + FlightRecording.LENGTH.toSeconds() + " s");
    sleeper.sleep(FlightRecording.LENGTH.plus(WRITTEN_WITHIN));
    return client.open(ControlClient.RECORDING);
  }

  /** Those of this command: beside an agent they are its own, but for its options. */
  private void ownSettings(Bundle bundle) throws IOException, InterruptedException {
    var text = new StringBuilder();
    Configured.list(environment, Set.of()).forEach(setting -> text.append(setting.text()));
    add(bundle, "configuration-of-diag.txt", Source.of(text::toString));
  }

  private String check() throws IOException, InterruptedException {
    var lines = new StringBuilder();
    try {
      CheckCommand.run(
          CheckConfig.from(environment, "", new Secret("")),
          false,
          (StepResult result) -> {
            progress("check " + result.step() + ": " + result.status().text());
            lines.append(result.json()).append('\n');
          });
    } catch (ConfigException e) {
      throw new IOException(String.valueOf(e.getMessage()), e);
    }
    return lines.toString();
  }

  private void add(Bundle bundle, String name, Source source)
      throws IOException, InterruptedException {
    progress(name);
    bundle.add(name, source);
  }

  private void progress(String what) {
    var err = spec.commandLine().getErr();
    err.println("drover-agent: " + what);
    err.flush();
  }
}
