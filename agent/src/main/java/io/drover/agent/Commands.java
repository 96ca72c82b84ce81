package io.drover.agent;

import io.drover.agent.config.Setting;
import io.drover.agent.retry.Sleeper;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.time.Clock;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Spec;

/** What {@code drover-agent} does with arguments: commands, options and help. */
final class Commands {
  private static final int HELP_WIDTH = 78;

  private Commands() {}

  static CommandLine line(Map<String, String> environment, Main.Runner runner) {
    var command = agentCommand(environment, runner);
    var run = agentCommand(environment, runner);
    run.getCommandSpec().usageMessage().header("Runs the agent, as without any command.");
    command.addSubcommand("run", run);
    command.addSubcommand(new CommandLine(new ReportCommand(environment)));
    command.addSubcommand(new CommandLine(new CheckCommand(environment)));
    command.addSubcommand(new CommandLine(new StatusCommand(environment, Sleeper.REAL)));
    command.addSubcommand(
        new CommandLine(new DiagCommand(environment, Clock.systemUTC(), Sleeper.REAL)));
    command.addSubcommand(
        PolicyCommand.line(
            environment, InstantSource.system(), new FileInputStream(FileDescriptor.in)));
    command.addSubcommand(new CommandLine(new VersionCommand()));
    command.setParameterExceptionHandler(
        (error, _) -> {
          var err = error.getCommandLine().getErr();
          err.println("drover-agent: " + error.getMessage() + "; see drover-agent --help");
          err.flush();
          return Main.BAD_CONFIGURATION;
        });
    return command;
  }

  private static CommandLine agentCommand(Map<String, String> environment, Main.Runner runner) {
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

  @Command(
      name = "drover-agent",
      mixinStandardHelpOptions = true,
      versionProvider = VersionCommand.class,
      synopsisHeading = "Usage: ",
      customSynopsis =
          "drover-agent [run] [OPTIONS]%n       drover-agent report [OPTIONS]%n       drover-agent check [OPTIONS]%n       drover-agent status [OPTIONS]%n       drover-agent diag [OPTIONS]%n       drover-agent policy (check | test) [OPTIONS]%n       drover-agent version",
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
        "2:bad configuration or usage; every problem is named",
        "4:no tunnel comes up, and a new process is the last that may help"
      })
  private static final class AgentCommand implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();
    private final Map<String, String> environment;
    private final Main.Runner runner;

    AgentCommand(Map<String, String> environment, Main.Runner runner) {
      this.environment = environment;
      this.runner = runner;
    }

    @Override
    public Integer call() {
      return Main.run(environment, options(spec), runner, spec.commandLine().getErr());
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
      return Main.STOPPED;
    }
  }
}
