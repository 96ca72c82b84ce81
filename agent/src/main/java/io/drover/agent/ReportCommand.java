package io.drover.agent;

import io.drover.agent.config.ConfigException;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.LogConfig;
import io.drover.agent.config.NodeAgents;
import io.drover.agent.config.ReportCommandConfig;
import io.drover.agent.config.ReportConfig;
import io.drover.agent.config.Setting;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.log.Logging;
import io.drover.agent.node.NodePoller;
import io.drover.agent.reason.Problem;
import io.drover.agent.report.Reports;
import io.drover.agent.terminal.Page;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The command {@code drover-agent report}. */
@Command(
    name = "report",
    mixinStandardHelpOptions = true,
    versionProvider = Commands.VersionCommand.class,
    synopsisHeading = "Usage: ",
    description = {
      "%nReads the cluster once and prints what the agent would report of it: health,",
      "resources, and what it is capable of, each with where that was read.",
      "%nNothing is changed, and rights to read are enough; what may not be read is shown",
      "as unknown, with the cause. The cluster is that of --kubeconfig, of KUBECONFIG, of",
      "the pod, or of ~/.kube/config.%n"
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {"0:printed", "1:the cluster cannot be reached", "2:bad configuration or usage"})
final class ReportCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--kubeconfig", paramLabel = "FILE", description = "Which cluster.")
  private String kubeconfig = "";

  @Option(names = "--json", description = "As JSON, as it is put into the cluster.")
  private boolean json;

  @Option(names = "--yaml", description = "As YAML.")
  private boolean yaml;

  @Option(
      names = "--trials",
      description = {
        "Also try what takes no effect: dry runs of a taint and of a namespace's label, and a",
        "Service that the API server must refuse. The agent does so; see DROVER_TRIALS."
      })
  private boolean trials;

  private final Map<String, String> environment;

  ReportCommand(Map<String, String> environment) {
    this.environment = environment;
  }

  @Override
  public Integer call() {
    var line = spec.commandLine();
    if (json && yaml) {
      line.getErr().println("drover-agent: --json and --yaml: choose one");
      return Main.BAD_CONFIGURATION;
    }
    var variables = new HashMap<>(environment);
    if (!kubeconfig.isEmpty()) {
      variables.put(Setting.KUBECONFIG.name(), kubeconfig);
    }
    return Printing.run(
        line,
        () -> {
          var config = ReportCommandConfig.from(variables);
          Logging.configure(LogConfig.silent());
          print(config, line.getOut(), line.getErr());
          return Main.STOPPED;
        });
  }

  private void print(ReportCommandConfig config, PrintWriter out, PrintWriter err)
      throws IOException, ConfigException, InterruptedException {
    boolean terminal = Ansi.AUTO.enabled();
    Consumer<String> progress =
        terminal
            ? what -> {
              err.print("\r\u001b[2Kreading " + what + " …");
              err.flush();
            }
            : _ -> {};
    try (var kube = open(config.kube())) {
      kube.requireReachable();
      var tried =
          new ReportConfig(
              true,
              config.report().url(),
              config.report().token(),
              trials ? config.report().trials() : Set.of());
      var survey = Reports.survey(tried, "default", kube::servingCertificates);
      var snapshots = snapshots(config.nodes(), progress, err);
      var report = Reports.once(kube.reader(), survey, snapshots, Version.text(), progress);
      if (terminal) {
        err.print("\r\u001b[2K");
        err.flush();
      }
      if (json) {
        out.println(ReportJson.pretty(report));
      } else if (yaml) {
        out.print(Reports.yaml(report));
      } else {
        out.print(
            Reports.table(report, terminal, Page.width(environment.getOrDefault("COLUMNS", ""))));
      }
      out.flush();
    }
  }

  private static Optional<List<NodeSnapshot>> snapshots(
      NodeAgents nodes, Consumer<String> progress, PrintWriter err) throws InterruptedException {
    if (nodes.addresses().isEmpty()) {
      return Optional.empty();
    }
    progress.accept("node agents");
    try {
      return Optional.of(NodePoller.once(nodes));
    } catch (IOException e) {
      err.println("drover-agent: no section nodes: " + Problem.of(e).text());
      err.flush();
      return Optional.empty();
    }
  }

  private static Fabric8ClusterApi open(KubeConfig kube) throws ConfigException {
    try {
      return Fabric8ClusterApi.open(kube);
    } catch (IOException e) {
      throw new ConfigException(List.of(String.valueOf(e.getMessage())));
    }
  }
}
