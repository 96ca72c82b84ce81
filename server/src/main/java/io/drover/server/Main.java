package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.server.store.Store;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.TypeConversionException;

/** The command line. Exit codes: 0 done, 1 failed, 2 used wrongly. */
@Command(
    name = "drover-server",
    mixinStandardHelpOptions = false,
    synopsisSubcommandLabel = "COMMAND",
    description = {
      "A small management server for Kubernetes clusters: clusters are imported by an agent that",
      "dials in, kubectl goes out through it.",
      ""
    },
    footer = {
      "",
      "To import a cluster:",
      "  drover-server run --dir data &",
      "  drover-server cluster create prod --dir data    # prints the command to apply",
      "  drover-server cluster wait ID --dir data",
      "  drover-server kubeconfig ID --dir data --out prod.kubeconfig",
      "",
      "Exit codes: 0 done, 1 failed, 2 used wrongly. Logs go to stderr (DROVER_LOG_LEVEL=DEBUG)."
    },
    subcommands = {
      RunServer.class,
      Main.ClusterCommands.class,
      TokenCommands.class,
      UserCommands.class,
      MemberCommands.class,
      Main.WriteKubeconfig.class,
      Main.ShowVersion.class
    })
final class Main {
  private static final Logger log = LoggerFactory.getLogger(Main.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CLUSTERS = "/v3/clusters";

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      scope = ScopeType.INHERIT,
      description = "Show this help and exit.")
  @SuppressWarnings("UnusedVariable") // picocli reads it
  private boolean help;

  private Main() {}

  /** The only way out of the process. */
  public static void main(String[] arguments) {
    System.exit(execute(arguments));
  }

  static int execute(String... arguments) {
    return new CommandLine(new Main())
        .registerConverter(Duration.class, new DurationConverter())
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setExecutionExceptionHandler(
            (problem, command, _) -> {
              if (!(problem instanceof IOException)
                  && !(problem instanceof IllegalArgumentException)
                  && !(problem instanceof GeneralSecurityException)) {
                log.error("command failed", problem);
              }
              command.getErr().println("drover-server: " + plain(problem));
              return CommandLine.ExitCode.SOFTWARE;
            })
        .execute(arguments);
  }

  private static String plain(Throwable problem) {
    if (problem instanceof ConnectException) {
      return "the server of this directory does not answer; is it running?";
    }
    return problem.getMessage() == null ? problem.toString() : problem.getMessage();
  }

  /** Where a server keeps its data, and where commands find it. */
  static final class DirectoryOption {
    @Option(
        names = "--dir",
        paramLabel = "DIR",
        defaultValue = "drover-server-data",
        description = "The server's directory (default: ${DEFAULT-VALUE}).")
    Path directory = Path.of("drover-server-data");
  }

  /** Reads {@code 500ms}, {@code 15s}, {@code 2m}, {@code 3h}, {@code 30d}. */
  static final class DurationConverter implements ITypeConverter<Duration> {
    @Override
    public Duration convert(String text) {
      try {
        if (text.endsWith("ms")) {
          return Duration.ofMillis(Long.parseLong(text, 0, text.length() - 2, 10));
        } else if (text.endsWith("s")) {
          return Duration.ofSeconds(Long.parseLong(text, 0, text.length() - 1, 10));
        } else if (text.endsWith("m")) {
          return Duration.ofMinutes(Long.parseLong(text, 0, text.length() - 1, 10));
        } else if (text.endsWith("h")) {
          return Duration.ofHours(Long.parseLong(text, 0, text.length() - 1, 10));
        } else if (text.endsWith("d")) {
          return Duration.ofDays(Long.parseLong(text, 0, text.length() - 1, 10));
        }
      } catch (NumberFormatException e) {
        // Said below, as for a missing unit.
      }
      throw new TypeConversionException(
          "not a duration such as 500ms, 15s, 2m, 3h or 30d: " + text);
    }
  }

  /** {@code cluster}. */
  @Command(
      name = "cluster",
      synopsisSubcommandLabel = "COMMAND",
      description = "Create, look at and remove clusters of a running server.",
      subcommands = {
        CreateCluster.class,
        ListClusters.class,
        WaitForCluster.class,
        DeleteCluster.class
      })
  static final class ClusterCommands {}

  /** {@code cluster create}. */
  @Command(
      name = "create",
      description = {
        "Make a cluster and a registration token.",
        "Prints one line of JSON: {\"id\",\"tokenId\",\"token\",\"manifestUrl\",\"command\",",
        "\"insecureCommand\",\"expiresAt\"}. Nobody can learn the token later.",
        ""
      })
  static final class CreateCluster implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "NAME", description = "1 to 63 of a-z, 0-9 and -.")
    private String name = "";

    @Option(
        names = "--private-registry",
        paramLabel = "HOST[:PORT][/PATH]",
        description = "Where the cluster gets all images.")
    private @Nullable String privateRegistry;

    @Option(
        names = "--private-ca",
        paramLabel = "FILE",
        description = "Further authorities that the agent trusts, such as a proxy's, as PEM.")
    private @Nullable Path privateCa;

    @Option(
        names = "--agent-image",
        paramLabel = "IMAGE",
        description = "The agent's image, in place of the server's.")
    private @Nullable String agentImage;

    @Option(
        names = "--agent-env",
        paramLabel = "NAME=VALUE",
        description = {
          "A variable for the agent, such as HTTPS_PROXY=http://proxy.example.org:3128;",
          "may be repeated."
        })
    private Map<String, String> agentEnv = new LinkedHashMap<>();

    @CommandLine.Mixin private TokenCommands.LifeOptions life = new TokenCommands.LifeOptions();
    @CommandLine.Spec private CommandLine.Model.@Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var id = server.post(CLUSTERS, body()).path("id").asText();
        Table.print(spec, TokenCommands.create(server, id, life));
      }
      return 0;
    }

    private ObjectNode body() throws IOException {
      var body = JSON.createObjectNode().put("name", name);
      var imported = body.putObject("importedConfig");
      if (privateRegistry != null) {
        imported.put("privateRegistryURL", privateRegistry);
      }
      if (privateCa != null) {
        imported.put("privateCA", Files.readString(privateCa));
      }
      if (agentImage != null) {
        body.put("agentImageOverride", agentImage);
      }
      var vars = body.putArray("agentEnvVars");
      agentEnv.forEach((key, value) -> vars.addObject().put("name", key).put("value", value));
      return body;
    }
  }

  /** {@code cluster list}. */
  @Command(name = "list", description = "Print id, state and name of every cluster.")
  static final class ListClusters extends ListCommand {
    ListClusters() {
      super("ID", "STATE", "NAME");
    }

    @Override
    JsonNode all(RunningServer server) throws IOException, InterruptedException {
      return server.get(CLUSTERS).path("data");
    }

    @Override
    List<String> row(JsonNode cluster) {
      return List.of(
          cluster.path("id").asText(),
          cluster.path("state").asText(),
          cluster.path("name").asText());
    }
  }

  /** {@code cluster wait}. */
  @Command(
      name = "wait",
      description = {
        "Wait until a cluster is active; changes are told on stderr.",
        "Exit code 1 if it is not active in time.",
        ""
      })
  static final class WaitForCluster implements Callable<Integer> {
    private static final Duration POLL = Duration.ofMillis(250);

    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "ID", description = "The cluster's id, c-xxxxx.")
    private String id = "";

    @Option(
        names = "--timeout",
        paramLabel = "DURATION",
        defaultValue = "60s",
        description = "How long to wait (default: ${DEFAULT-VALUE}).")
    private Duration timeout = Duration.ZERO;

    @Override
    public Integer call() throws IOException, InterruptedException {
      long deadlineNanos = System.nanoTime() + timeout.toNanos();
      var last = "";
      try (var server = RunningServer.of(directory.directory)) {
        while (true) {
          var cluster = server.get(CLUSTERS + "/" + id);
          var now = summary(cluster);
          if (!now.equals(last)) {
            System.err.println(now);
            last = now;
          }
          if (cluster.path("state").asText().equals("active")) {
            return 0;
          }
          if (System.nanoTime() - deadlineNanos >= 0) {
            System.err.println("drover-server: not active after " + timeout.toSeconds() + " s");
            return 1;
          }
          Thread.sleep(POLL);
        }
      }
    }

    private static String summary(JsonNode cluster) {
      var text = new StringBuilder(cluster.path("state").asText());
      for (var condition : cluster.path("conditions")) {
        text.append(' ').append(condition.path("type").asText());
        text.append('=').append(condition.path("status").asText());
        var message = condition.path("message").asText();
        if (!message.isEmpty()) {
          text.append(" (").append(message).append(')');
        }
      }
      return text.toString();
    }
  }

  /** {@code kubeconfig}. */
  @Command(name = "kubeconfig", description = "Write a kubeconfig for a cluster.")
  static final class WriteKubeconfig implements Callable<Integer> {
    @CommandLine.Mixin private DirectoryOption directory = new DirectoryOption();

    @Parameters(paramLabel = "ID", description = "The cluster's id, c-xxxxx.")
    private String id = "";

    @Option(
        names = "--out",
        paramLabel = "FILE",
        description = "Where to, readable by its owner only (default: stdout).")
    private @Nullable Path out;

    @Override
    public Integer call() throws IOException, InterruptedException {
      try (var server = RunningServer.of(directory.directory)) {
        var answer =
            server.post(
                CLUSTERS + "/" + id + "?action=generateKubeconfig", JSON.createObjectNode());
        var config = answer.path("config").asText();
        if (out == null) {
          System.out.print(config);
        } else {
          Store.write(out.toAbsolutePath(), config);
        }
      }
      return 0;
    }
  }

  /** {@code version}. */
  @Command(name = "version", description = "Print the version.")
  static final class ShowVersion implements Callable<Integer> {
    @Override
    public Integer call() {
      System.out.println("drover-server " + Version.text());
      return 0;
    }
  }
}
