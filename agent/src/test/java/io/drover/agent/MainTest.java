package io.drover.agent;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import io.drover.agent.config.AgentConfig;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.Configured;
import io.drover.agent.config.Configured.Source;
import io.drover.agent.config.KubeConfig;
import io.drover.agent.config.Mode;
import io.drover.agent.config.Setting;
import io.drover.agent.kube.ScriptedApiServer;
import io.drover.agent.kube.ScriptedApiServer.Reply;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

class MainTest {
  private static final Map<String, String> STOCK =
      Map.of(
          "CATTLE_SERVER", "https://rancher.example.com",
          "KUBERNETES_SERVICE_HOST", "10.43.0.1",
          "KUBERNETES_SERVICE_PORT", "443");

  @TempDir private Path directory;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final List<Mode.Lasting> started = new ArrayList<>();
  private final List<List<Configured>> listed = new ArrayList<>();

  @AfterEach
  void forgetLogLevel() {
    var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.getLogger("io.drover").setLevel(null);
  }

  @Test
  void runsAsTheAgentWithoutArguments() {
    assertThat(execute(STOCK, this::start)).isEqualTo(Main.STOPPED);
    assertThat(execute(STOCK, this::start, "run")).isEqualTo(Main.STOPPED);

    assertThat(started).hasSize(2);
    assertThat(started.get(0)).isEqualTo(started.get(1));
    assertThat(err).asString().isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "run"})
  void optionWinsOverItsVariable(String command) {
    var arguments = new ArrayList<String>();
    if (!command.isEmpty()) {
      arguments.add(command);
    }
    arguments.addAll(List.of("--kubeconfig", "/mine", "--credentials-dir=/secret"));

    execute(
        Map.of("CATTLE_SERVER", "https://rancher", "KUBECONFIG", "/theirs"),
        this::start,
        arguments.toArray(String[]::new));

    var config = (AgentConfig) started.getFirst();
    assertThat(config.kube()).isEqualTo(new KubeConfig.Kubeconfig(Path.of("/mine"), ""));
    assertThat(config.paths().credentials()).isEqualTo(Path.of("/secret"));
    assertThat(listed.getFirst())
        .contains(
            new Configured(Setting.KUBECONFIG, "/mine", Source.OPTION),
            new Configured(Setting.CATTLE_SERVER, "https://rancher", Source.ENVIRONMENT));
  }

  @Test
  void badConfigurationIsListedAndEndsWithTwo() {
    var bad = Map.of("DROVER_LOG_FORMAT", "xml", "BINDING_CLEANUP", "true");

    assertThat(execute(bad, this::start)).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(started).isEmpty();
    assertThat(err.toString().lines())
        .first()
        .isEqualTo("drover-agent: ConfigurationInvalid: the configuration has 5 problems:");
    assertThat(err.toString())
        .contains("  - CATTLE_SERVER is not set")
        .contains("  - KUBERNETES_SERVICE_HOST is not set")
        .contains("  - DROVER_LOG_FORMAT is 'xml': expected text or json")
        .contains("  - BINDING_CLEANUP is true, which drover-agent cannot do")
        .endsWith("All settings: drover-agent --help\n");
  }

  @Test
  void configurationProblemFoundLaterEndsWithTwoAsWell() {
    Main.Runner runner =
        (_, _) -> {
          throw new ConfigException(List.of("CATTLE_SERVER is wrong"));
        };

    assertThat(execute(STOCK, runner)).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(err.toString()).contains("has a problem:\n  - CATTLE_SERVER is wrong\n");
  }

  @Test
  void failureEndsWithOne() {
    Main.Runner network =
        (_, _) -> {
          throw new IOException("port in use");
        };
    Main.Runner bug =
        (_, _) -> {
          throw new IllegalStateException("bug");
        };

    assertThat(execute(STOCK, network)).isEqualTo(Main.FAILED);
    assertThat(execute(STOCK, bug)).isEqualTo(Main.FAILED);
    Main.Runner stranded =
        (_, _) -> {
          throw new Failure(Reason.STRANDED, "the server answers");
        };
    assertThat(execute(STOCK, stranded)).isEqualTo(Main.STRANDED);
  }

  @ParameterizedTest
  @CsvSource({"404, 0", "403, 1"})
  void cleansUpInsteadOfRunningAnAgent(int status, int code) throws Exception {
    try (var cluster = ScriptedApiServer.start(_ -> Reply.refusal(status, "no"))) {
      var environment =
          Map.of("CLUSTER_CLEANUP", "true", "KUBECONFIG", cluster.kubeconfig(directory).toString());

      assertThat(execute(environment, this::start)).isEqualTo(code);

      assertThat(cluster.requests().getFirst().line())
          .isEqualTo("GET /api/v1/namespaces/cattle-system/services/rancher");
    }
    assertThat(started).isEmpty();
    assertThat(err).asString().isEmpty();
  }

  @Test
  void cleanUpWithoutAClusterIsBadConfiguration() {
    assertThat(execute(Map.of("CLUSTER_CLEANUP", "true"), this::start))
        .isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString()).contains("KUBERNETES_SERVICE_HOST").doesNotContain("CATTLE_SERVER");
  }

  @Test
  void wrongUsageIsSaidInOneLine() {
    assertThat(execute(STOCK, this::start, "--bogus")).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(execute(STOCK, this::start, "run", "--bogus")).isEqualTo(Main.BAD_CONFIGURATION);
    assertThat(execute(STOCK, this::start, "dance")).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(started).isEmpty();
    assertThat(err.toString().lines())
        .hasSize(3)
        .first()
        .isEqualTo("drover-agent: Unknown option: '--bogus'; see drover-agent --help");
  }

  @Test
  void versionIsTheBuilds() {
    assertThat(execute(STOCK, this::start, "version")).isZero();
    assertThat(execute(STOCK, this::start, "--version")).isZero();

    assertThat(out.toString().lines())
        .hasSize(2)
        .allMatch(line -> line.matches("drover-agent \\d+\\.\\d+\\.\\d+\\S* \\(Java 25.*\\)"));
    assertThat(started).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "run"})
  void helpNamesEverySettingAndExitCode(String command) {
    var arguments = command.isEmpty() ? new String[] {"--help"} : new String[] {command, "--help"};

    assertThat(execute(Map.of(), this::start, arguments)).isZero();

    assertThat(out.toString()).contains("0   stopped").contains("1   failed").contains("2   bad");
    for (Setting setting : Setting.values()) {
      assertThat(out.toString())
          .contains("\n  " + setting.name() + "\n")
          .contains(setting.standard());
      setting.option().ifPresent(option -> assertThat(out.toString()).contains(option + "=VALUE"));
    }
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
    assertThat(out.toString()).doesNotContain("`").doesNotContain("%n");
  }

  private void start(Mode.Lasting config, List<Configured> settings) {
    started.add(config);
    listed.add(settings);
  }

  private int execute(Map<String, String> environment, Main.Runner runner, String... arguments) {
    return Commands.line(environment, runner)
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }
}
