package io.drover.agent;

import io.drover.agent.cleanup.Cleanup;
import io.drover.agent.config.AgentConfig;
import io.drover.agent.config.CleanupConfig;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.Configured;
import io.drover.agent.config.Mode;
import io.drover.agent.config.NodeConfig;
import io.drover.agent.config.Setting;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.kube.Handover;
import io.drover.agent.log.Logging;
import io.drover.agent.node.NodeAgent;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.Security;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Spec;

/** The command {@code drover-agent}. */
public final class Main {
  /** The agent was asked to stop, and did; or the clean-up is complete. */
  static final int STOPPED = 0;

  /** The agent or the clean-up failed; starting it again may help. */
  static final int FAILED = 1;

  /** The operator must change something first. */
  static final int BAD_CONFIGURATION = 2;

  /** What the agent may need to stop, on top of the time that its streams are given. */
  static final Duration STOP_MARGIN = Duration.ofSeconds(5);

  /** For a clean-up to delete what is left without its Job. Measured: 0.1 s. */
  static final Duration LAST_STEPS_LIMIT = Duration.ofSeconds(20);

  /** Connections that each HTTP server of ours keeps open; one more is closed at once. */
  static final int MAX_HTTP_CONNECTIONS = 256;

  /** How long a request may take to arrive there, and an answer to be taken, in seconds each. */
  static final int MAX_HTTP_SECONDS = 10;

  private static final int HELP_WIDTH = 78;

  private static final Logger log = LoggerFactory.getLogger(Main.class);

  private Main() {}

  /** Reads environment and options, runs the agent until SIGTERM or SIGINT, and exits. */
  public static void main(String[] args) {
    Thread.setDefaultUncaughtExceptionHandler(
        (thread, error) -> log.error("thread died: thread={}", thread.getName(), error));
    // A server that moved must be found: names are looked up for each attempt.
    Security.setProperty("networkaddress.cache.ttl", "0");
    Security.setProperty("networkaddress.cache.negative.ttl", "0");
    // The JDK's HTTP server reads its limits once, when the first of them is made.
    System.setProperty("jdk.httpserver.maxConnections", Integer.toString(MAX_HTTP_CONNECTIONS));
    System.setProperty("sun.net.httpserver.maxReqTime", Integer.toString(MAX_HTTP_SECONDS));
    System.setProperty("sun.net.httpserver.maxRspTime", Integer.toString(MAX_HTTP_SECONDS));
    var lifetime = new Lifetime();
    int code = commandLine(System.getenv(), lifetime::run).execute(args);
    lifetime.ended(code);
    System.exit(code);
  }

  /** Runs an agent until it ends. */
  interface Runner {
    void run(Mode.Lasting mode, List<Configured> settings)
        throws IOException, ConfigException, InterruptedException;
  }

  /** The agent in this process, which ends by signal. */
  private static final class Lifetime {
    private final CountDownLatch stop = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    private final AtomicInteger code = new AtomicInteger(FAILED);

    void run(Mode.Lasting mode, List<Configured> settings)
        throws IOException, ConfigException, InterruptedException {
      Duration patience =
          mode instanceof AgentConfig agent
              ? Handover.LIMIT.plus(agent.tunnel().drain()).plus(STOP_MARGIN)
              : STOP_MARGIN;
      Runtime.getRuntime()
          .addShutdownHook(Thread.ofPlatform().name("stop").unstarted(() -> stop(patience)));
      switch (mode) {
        case AgentConfig agent -> Agent.run(agent, settings, stop);
        case NodeConfig node -> NodeAgent.run(node, Version.text(), stop);
      }
    }

    void ended(int exitCode) {
      code.set(exitCode);
      ended.countDown();
    }

    /** Runs when a signal came, and also when the process exits by itself. */
    private void stop(Duration patience) {
      if (ended.getCount() == 0) {
        return;
      }
      log.info("agent stops: limit={}", patience);
      stop.countDown();
      try {
        if (!ended.await(patience.toNanos(), TimeUnit.NANOSECONDS)) {
          log.warn("not stopped in time: limit={}", patience);
        }
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
      // Otherwise the JVM reports the signal (143) in place of our code.
      Runtime.getRuntime().halt(code.get());
    }
  }

  static CommandLine commandLine(Map<String, String> environment, Runner runner) {
    var command = agentCommand(environment, runner);
    var run = agentCommand(environment, runner);
    run.getCommandSpec().usageMessage().header("Runs the agent, as without any command.");
    command.addSubcommand("run", run);
    command.addSubcommand(new CommandLine(new ReportCommand(environment)));
    command.addSubcommand(new CommandLine(new CheckCommand(environment)));
    command.addSubcommand(new CommandLine(new StatusCommand(environment, Sleeper.REAL)));
    command.addSubcommand(new CommandLine(new DiagCommand(environment, Clock.systemUTC())));
    command.addSubcommand(new CommandLine(new VersionCommand()));
    command.setParameterExceptionHandler(
        (error, _) -> {
          var err = error.getCommandLine().getErr();
          err.println("drover-agent: " + error.getMessage() + "; see drover-agent --help");
          err.flush();
          return BAD_CONFIGURATION;
        });
    return command;
  }

  private static CommandLine agentCommand(Map<String, String> environment, Runner runner) {
    var command = new CommandLine(new AgentCommand(environment, runner));
    addOptions(command.getCommandSpec());
    command.getCommandSpec().usageMessage().footer(environmentHelp());
    return command;
  }

  private static void addOptions(CommandSpec command) {
    for (Setting setting : Setting.values()) {
      setting
          .option()
          .ifPresent(
              name ->
                  command.addOption(
                      OptionSpec.builder(name)
                          .type(String.class)
                          .paramLabel("VALUE")
                          .description(plain(setting.meaning()) + " (" + setting.name() + ")")
                          .build()));
    }
  }

  private static String[] environmentHelp() {
    var lines = new ArrayList<String>();
    lines.add("%nEnvironment variables (an option wins over its variable):%n");
    for (Setting setting : Setting.values()) {
      lines.add("  " + setting.name());
      if (!setting.standard().isEmpty()) {
        lines.add("      Default: " + setting.standard());
      }
      var line = new StringBuilder("     ");
      for (String word : plain(setting.meaning()).split(" ", -1)) {
        if (line.length() + word.length() >= HELP_WIDTH) {
          lines.add(line.toString());
          line.setLength("     ".length());
        }
        line.append(' ').append(word);
      }
      lines.add(line.toString());
    }
    return lines.toArray(String[]::new);
  }

  /** Without Markdown. */
  private static String plain(String meaning) {
    return meaning.replace("`", "");
  }

  private static Map<Setting, String> options(CommandSpec command) {
    var options = new EnumMap<Setting, String>(Setting.class);
    for (Setting setting : Setting.values()) {
      setting
          .option()
          .map(command::findOption)
          .map(option -> option.<String>getValue())
          .ifPresent(value -> options.put(setting, value));
    }
    return options;
  }

  private static int run(
      Map<String, String> environment,
      Map<Setting, String> options,
      Runner runner,
      PrintWriter err) {
    // An option is its variable, set.
    var variables = new HashMap<>(environment);
    options.forEach((setting, value) -> variables.put(setting.name(), value));
    try {
      Mode mode = Mode.from(variables);
      Logging.configure(mode.log());
      return switch (mode) {
        case CleanupConfig cleanup -> cleanUp(cleanup);
        case Mode.Lasting lasting -> {
          runner.run(lasting, Configured.list(variables, options.keySet()));
          yield STOPPED;
        }
      };
    } catch (ConfigException e) {
      err.println(
          "drover-agent: %s: the configuration has %s:"
              .formatted(Reason.CONFIGURATION_INVALID.code(), count(e.problems().size())));
      e.problems().forEach(problem -> err.println("  - " + problem));
      err.println("All settings: drover-agent --help");
      err.flush();
      return BAD_CONFIGURATION;
    } catch (IOException e) {
      log.error("agent failed: reason={}", Problem.of(e).text());
      return FAILED;
    } catch (InterruptedException _) {
      log.error("agent failed: reason=interrupted");
      return FAILED;
    } catch (RuntimeException e) {
      log.error("agent failed: this is a bug", e);
      return FAILED;
    }
  }

  private static int cleanUp(CleanupConfig config) throws IOException, InterruptedException {
    var over = new CountDownLatch(1);
    try (var kube = Fabric8ClusterApi.open(config.kube())) {
      var cleanup = new Cleanup(kube.reader(), config);
      Runtime.getRuntime()
          .addShutdownHook(
              Thread.ofPlatform().name("stop").unstarted(() -> awaitLastSteps(cleanup, over)));
      return cleanup.run() ? STOPPED : FAILED;
    } finally {
      over.countDown();
    }
  }

  /** Without its Job, Kubernetes ends this process at once, and there is more to delete. */
  private static void awaitLastSteps(Cleanup cleanup, CountDownLatch over) {
    try {
      if (cleanup.isAtItsLastSteps()
          && !over.await(LAST_STEPS_LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        log.warn("clean-up is cut off: limit={}", LAST_STEPS_LIMIT);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private static String count(int problems) {
    return problems == 1 ? "a problem" : problems + " problems";
  }

  @Command(
      name = "drover-agent",
      mixinStandardHelpOptions = true,
      versionProvider = VersionCommand.class,
      synopsisHeading = "Usage: ",
      customSynopsis =
          "drover-agent [run] [OPTIONS]%n       drover-agent report [OPTIONS]%n       drover-agent check [OPTIONS]%n       drover-agent status [OPTIONS]%n       drover-agent diag [OPTIONS]%n       drover-agent version",
      description = {
        "%nConnects a Kubernetes cluster to a Rancher server: a drop-in for Rancher's",
        "cattle-cluster-agent. It opens tunnels to the server, through which the server",
        "reaches this cluster's API server. Without arguments it runs as the agent.",
        "%nAs a pod it needs nothing but the environment of Rancher's import manifest.",
        "Elsewhere give it a kubeconfig and a directory with the files url and token:",
        "%n  CATTLE_SERVER=https://rancher.example.com \\",
        "    drover-agent --kubeconfig ~/.kube/config --credentials-dir ./credentials",
        "%nWith CLUSTER_CLEANUP=true it takes out of the cluster what Rancher has put into it.%n"
      },
      exitCodeListHeading = "%nExit codes:%n",
      exitCodeList = {
        "0:stopped, as it was asked to, or cleaned up",
        "1:failed; starting it again may help",
        "2:bad configuration or usage; every problem is named"
      })
  private static final class AgentCommand implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();
    private final Map<String, String> environment;
    private final Runner runner;

    AgentCommand(Map<String, String> environment, Runner runner) {
      this.environment = environment;
      this.runner = runner;
    }

    @Override
    public Integer call() {
      return run(environment, options(spec), runner, spec.commandLine().getErr());
    }
  }

  @Command(
      name = "version",
      mixinStandardHelpOptions = true,
      versionProvider = VersionCommand.class,
      description = "Prints the version.")
  static final class VersionCommand implements CommandLine.IVersionProvider, Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Override
    public String[] getVersion() {
      return new String[] {"drover-agent " + Version.text() + " (Java " + Runtime.version() + ")"};
    }

    @Override
    public Integer call() {
      spec.commandLine().getOut().println(getVersion()[0]);
      spec.commandLine().getOut().flush();
      return STOPPED;
    }
  }
}
