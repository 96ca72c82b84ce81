package io.drover.agent;

import io.drover.agent.config.LogConfig;
import io.drover.agent.config.RunningAgentConfig;
import io.drover.agent.inspect.RunningAgent;
import io.drover.agent.inspect.StatusTable;
import io.drover.agent.log.Logging;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.terminal.Page;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code drover-agent status}. */
@Command(
    name = "status",
    mixinStandardHelpOptions = true,
    versionProvider = Commands.VersionCommand.class,
    synopsisHeading = "Usage: ",
    description = {
      "%nShows a running agent: both tunnels, why one is down and what to do next,",
      "what goes through them, the reports, and features that do not work. In the",
      "agent's pod it needs no options; elsewhere forward its port first:",
      "%n  kubectl -n cattle-system port-forward deployment/cattle-cluster-agent 8080",
      "%nSee docs/status.md.%n"
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the agent is ready",
      "1:it is not ready, or does not answer",
      "2:bad configuration or usage"
    })
final class StatusCommand implements Callable<Integer> {
  /** How often {@code --watch} asks. */
  static final Duration WATCH_EVERY = Duration.ofSeconds(2);

  private static final String CLEAR = "\u001b[H\u001b[2J";

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--watch", description = "Again every 2 s, until Ctrl-C.")
  private boolean watch;

  @Option(names = "--json", description = "As JSON, one object a line.")
  private boolean json;

  @Option(
      names = "--address",
      paramLabel = "URL",
      description = "Where the agent serves health. Default: by DROVER_HEALTH_ADDRESS.")
  private String address = "";

  private final Map<String, String> environment;
  private final Sleeper sleeper;

  StatusCommand(Map<String, String> environment, Sleeper sleeper) {
    this.environment = environment;
    this.sleeper = sleeper;
  }

  @Override
  public Integer call() {
    return Printing.run(
        spec.commandLine(),
        () -> {
          var config = RunningAgentConfig.from(environment, address);
          Logging.configure(LogConfig.silent());
          try (var agent = new RunningAgent(config.health())) {
            boolean ready = show(agent);
            while (watch) {
              sleeper.sleep(WATCH_EVERY);
              ready = show(agent);
            }
            return ready ? Main.STOPPED : Main.FAILED;
          }
        });
  }

  /** Whether the agent is ready. One that does not answer may come back. */
  private boolean show(RunningAgent agent) throws InterruptedException {
    var line = spec.commandLine();
    boolean terminal = Ansi.AUTO.enabled();
    if (watch && terminal) {
      line.getOut().print(CLEAR);
    }
    try {
      var state = agent.state();
      line.getOut()
          .println(
              json
                  ? state.text()
                  : StatusTable.render(
                      state, terminal, Page.width(environment.getOrDefault("COLUMNS", ""))));
      return state.isReady();
    } catch (IOException e) {
      line.getErr().println("drover-agent: " + e.getMessage() + (watch ? "; waiting for it" : ""));
      return false;
    } finally {
      line.getOut().flush();
      line.getErr().flush();
    }
  }
}
