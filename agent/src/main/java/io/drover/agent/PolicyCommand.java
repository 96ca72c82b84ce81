package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.ConfigException;
import io.drover.agent.config.ControlConfig;
import io.drover.agent.config.LogConfig;
import io.drover.agent.control.ControlClient;
import io.drover.agent.log.Logging;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.terminal.Page;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The command {@code drover-agent policy}: {@code check} and {@code test}. */
@Command(
    name = "policy",
    mixinStandardHelpOptions = true,
    versionProvider = Commands.VersionCommand.class,
    synopsisHeading = "Usage: ",
    synopsisSubcommandLabel = "(check | test)",
    description = {
      "%nChecks a policy of the gateway, or says what it does with a request and why.",
      "Nothing is asked of the cluster. See docs/policy.md.%n"
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:see check and test", "1:see check and test", "2:bad usage"})
final class PolicyCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  static CommandLine line(
      Map<String, String> environment, InstantSource clock, InputStream standardInput) {
    var line = new CommandLine(new PolicyCommand());
    line.addSubcommand(new CommandLine(new Check(standardInput)));
    line.addSubcommand(new CommandLine(new Test(environment, clock, standardInput)));
    return line;
  }

  @Override
  public Integer call() {
    var err = spec.commandLine().getErr();
    err.println("drover-agent: say check or test; see drover-agent policy --help");
    err.flush();
    return Main.BAD_CONFIGURATION;
  }

  /** More than any policy has: the rest need not be read to know that. */
  static final int MAX_BYTES = 1024 * 1024;

  /**
   * Reads a policy.
   *
   * @param file {@code -} is the standard input
   */
  private static String read(String file, InputStream standardInput) throws ConfigException {
    try (InputStream in = file.equals("-") ? standardInput : Files.newInputStream(Path.of(file))) {
      return new String(in.readNBytes(MAX_BYTES), UTF_8);
    } catch (IOException | IllegalArgumentException e) {
      throw new ConfigException(
          List.of("the policy cannot be read: " + e + ": name a file, or - for standard input"));
    }
  }

  @Command(
      name = "check",
      mixinStandardHelpOptions = true,
      versionProvider = Commands.VersionCommand.class,
      synopsisHeading = "Usage: ",
      description = "%nReads a policy and names all that is wrong with it, a line each.%n",
      exitCodeListHeading = "%nExit codes:%n",
      exitCodeList = {"0:it is a policy", "1:it is none", "2:bad usage, or no such file"})
  private static final class Check implements Callable<Integer> {
    @Spec private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "FILE", description = "The policy; -: standard input.")
    private String file = "";

    private final InputStream standardInput;

    Check(InputStream standardInput) {
      this.standardInput = standardInput;
    }

    @Override
    public Integer call() {
      var line = spec.commandLine();
      return Printing.run(
          line, () -> PolicyAnswers.check(read(file, standardInput), line.getOut(), line.getErr()));
    }
  }

  @Command(
      name = "test",
      mixinStandardHelpOptions = true,
      versionProvider = Commands.VersionCommand.class,
      synopsisHeading = "Usage: ",
      description = {
        "%nSays whether a policy lets a user do something, and which rule decides:",
        "%n  drover-agent policy test u-abc create pods/exec --name web-0 -n shop \\",
        "    --group system:authenticated --policy policy.yaml",
        "%nThe user's groups are those of the options, and those that Kubernetes adds.",
        "Resources are named as in kubectl auth can-i: pods, deployments.apps/scale,",
        "or a URL such as /version. In the agent's pod, without --policy and --preset,",
        "it is the policy that the running agent has in force.%n"
      },
      exitCodeListHeading = "%nExit codes:%n",
      exitCodeList = {"0:allowed", "1:denied", "2:bad usage, or the policy is none"})
  private static final class Test implements Callable<Integer> {
    /** On the command line, the server itself: no user has that name. */
    private static final String SERVER = "-";

    @Spec private CommandSpec spec = CommandSpec.create();

    @Parameters(
        index = "0",
        paramLabel = "USER",
        description = "Such as u-abc or system:serviceaccount:ns:name; -: the server itself.")
    private String user = "";

    @Parameters(index = "1", paramLabel = "VERB", description = "Such as get, list or create.")
    private String verb = "";

    @Parameters(index = "2", paramLabel = "RESOURCE", description = "Such as pods or pods/exec.")
    private String resource = "";

    @Option(
        names = {"--namespace", "-n"},
        paramLabel = "NAME",
        description = "Of the object. Default: none, or all.")
    private String namespace = "";

    @Option(names = "--name", paramLabel = "NAME", description = "Of the object.")
    private String name = "";

    @Option(names = "--subresource", paramLabel = "NAME", description = "Such as exec or log.")
    private String subresource = "";

    @Option(names = "--group", paramLabel = "NAME", description = "Of the user; may be repeated.")
    private List<String> groups = new ArrayList<>();

    @Option(
        names = "--policy",
        paramLabel = "FILE",
        description = "-: standard input. Default: what is in force in the agent here.")
    private String policy = "";

    @Option(
        names = "--preset",
        paramLabel = "NAME",
        description = "A preset alone, in place of a policy.")
    private String preset = "";

    @Option(
        names = "--at",
        paramLabel = "TIME",
        description = "Such as 2026-11-28T20:00:00Z. Default: now.")
    private String at = "";

    private final Map<String, String> environment;
    private final InstantSource clock;
    private final InputStream standardInput;

    Test(Map<String, String> environment, InstantSource clock, InputStream standardInput) {
      this.environment = environment;
      this.clock = clock;
      this.standardInput = standardInput;
    }

    @Override
    public Integer call() {
      return Printing.run(spec.commandLine(), this::test);
    }

    private int test() throws ConfigException {
      boolean isServer = user.equals(SERVER);
      if (user.isEmpty() || (isServer && !groups.isEmpty())) {
        throw new ConfigException(
            List.of(
                isServer
                    ? "--group is for a user: leave it out"
                    : "USER is empty: name one, or - for the server itself"));
      }
      if (!policy.isEmpty() && !preset.isEmpty()) {
        throw new ConfigException(List.of("which policy? give either --policy or --preset"));
      }
      var asked =
          new PolicyAnswers.Asked(
              isServer ? "" : user, groups, verb, resource, subresource, namespace, name, time());
      int width = Page.width(environment.getOrDefault("COLUMNS", ""));
      // NO_COLOR is Ansi's to know.
      var answer =
          new PolicyAnswers(asked, spec.commandLine().getOut(), Ansi.AUTO.enabled(), width);
      if (!preset.isEmpty()) {
        return answer.byPreset(preset);
      }
      return policy.isEmpty()
          ? answer.byInForce(inForce())
          : answer.by(read(policy, standardInput));
    }

    /** What a running agent of this user says. */
    private String inForce() throws ConfigException {
      var socket = ControlConfig.from(environment).socket();
      if (socket.isEmpty()) {
        throw noneInForce("DROVER_LOG_SOCKET is off");
      }
      Logging.configure(LogConfig.silent());
      var client = new ControlClient(socket.get(), Sleeper.REAL);
      try {
        return client.read(ControlClient.POLICY, MAX_BYTES);
      } catch (IOException e) {
        throw noneInForce(String.valueOf(e.getMessage()));
      }
    }

    private static ConfigException noneInForce(String why) {
      return new ConfigException(
          List.of(
              "which policy? "
                  + why
                  + ": name one with --policy or --preset, or run this in the agent's pod"));
    }

    private Instant time() throws ConfigException {
      try {
        return at.isEmpty() ? clock.instant() : OffsetDateTime.parse(at).toInstant();
      } catch (DateTimeException _) {
        throw new ConfigException(
            List.of("--at is no time: write one such as 2026-11-28T20:00:00Z"));
      }
    }
  }
}
