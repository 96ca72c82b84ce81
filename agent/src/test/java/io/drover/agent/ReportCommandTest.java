package io.drover.agent;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.LoggerContext;
import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.ScriptedApiServer;
import io.drover.agent.kube.ScriptedApiServer.Reply;
import io.drover.agent.kube.ScriptedApiServer.Request;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

@Timeout(60)
@SuppressWarnings("NullAway.Init") // start() sets everything
class ReportCommandTest {
  private static final Map<String, String> CLUSTER =
      Map.of(
          "/version",
          """
          {"major": "1", "minor": "34", "gitVersion": "v1.34.1+k3s1", "platform": "linux/amd64"}
          """,
          "/readyz",
          "[+]ping ok\n[+]etcd ok\nreadyz check passed\n",
          "/livez",
          "ok",
          "/apis",
          """
          {"kind": "APIGroupDiscoveryList", "items": [
            {"metadata": {"name": "apps"}, "versions": [
              {"version": "v1", "resources": [
                {"resource": "deployments"}, {"resource": "daemonsets"},
                {"resource": "statefulsets"}]}]}]}
          """,
          "/api/v1/nodes",
          """
          {"kind": "NodeList", "metadata": {"resourceVersion": "7"}, "items": [
            {"metadata": {"name": "node-1"},
             "status": {"conditions": [{"type": "Ready", "status": "True"}],
               "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}}}]}
          """);

  private static final String EMPTY_LIST = "{\"metadata\": {}, \"items\": []}";

  @TempDir private Path directory;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private ScriptedApiServer server;
  private Path kubeconfig;

  @BeforeEach
  void start() throws IOException {
    server = ScriptedApiServer.start(ReportCommandTest::reply);
    kubeconfig = server.kubeconfig(directory);
  }

  @AfterEach
  void stop() {
    server.close();
    // The command turns logging off for the whole process.
    var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.getLogger("io.drover").setLevel(null);
  }

  private static Reply reply(Request request) {
    String path = request.path().replaceFirst("\\?.*", "");
    String known = CLUSTER.get(path);
    if (known != null) {
      return Reply.ok(known);
    }
    return path.startsWith("/api/v1/") || path.startsWith("/apis/apps/v1/")
        ? Reply.ok(EMPTY_LIST)
        : Reply.refusal(404, "the server could not find the requested resource");
  }

  private int execute(String... arguments) {
    return execute(Map.of(), arguments);
  }

  private int execute(Map<String, String> more, String... arguments) {
    var environment = new HashMap<>(more);
    environment.putIfAbsent("KUBECONFIG", kubeconfig.toString());
    var all = new String[arguments.length + 1];
    all[0] = "report";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    return Commands.line(
            environment,
            (_, _) -> {
              throw new AssertionError("the agent was started");
            })
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(all);
  }

  private static void assertIsOfTheCluster(ClusterReport report) {
    assertThat(Objects.requireNonNull(report.version()).gitVersion()).isEqualTo("v1.34.1+k3s1");
    assertThat(report.provider()).isEqualTo("k3s");
    assertThat(report.resources().nodeCount()).isEqualTo(1);
    assertThat(report.health().ready()).isTrue();
    assertThat(report.health().tunnels()).isEmpty();
  }

  @Test
  void helpNamesOptionsAndExitCodes() {
    assertThat(execute("--help")).isZero();

    assertThat(out.toString())
        .startsWith("Usage: drover-agent report [")
        .contains("--kubeconfig=FILE", "--json", "--yaml", "--trials")
        .contains("0   printed", "1   the cluster cannot be reached", "2   bad configuration")
        .doesNotContain("%n");
    assertThat(out.toString().lines()).allMatch(line -> line.length() <= 80);
    assertThat(err.toString()).isEmpty();
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void tableIsPrinted() {
    assertThat(execute()).isZero();

    assertThat(out.toString())
        .contains("CLUSTER", "v1.34.1+k3s1 (linux/amd64)", "1 of 1 ready", "node-1")
        .doesNotContain("\u001b");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void jsonIsAReport() {
    assertThat(execute("--json")).isZero();

    assertIsOfTheCluster(ReportJson.read(out.toString()));
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void yamlIsTheSame() {
    assertThat(execute("--yaml")).isZero();

    assertThat(out.toString()).startsWith("kind: \"ClusterReport\"\nschema: 1\n");
    var tree = Serialization.unmarshal(out.toString(), JsonNode.class);
    assertIsOfTheCluster(ReportJson.read(tree.toString()));
  }

  @Test
  void optionWinsOverTheVariable() {
    assertThat(execute(Map.of("KUBECONFIG", "/nowhere"), "--kubeconfig", kubeconfig.toString()))
        .isZero();
  }

  @ParameterizedTest
  @CsvSource({"80, 80", "140, 140", "10, 60", "'', 100", "wide, 100"})
  void tableIsAsWideAsTheTerminal(String columns, int width) {
    assertThat(execute(Map.of("COLUMNS", columns))).isZero();

    assertThat(out.toString().lines()).allMatch(line -> line.length() <= width);
    assertThat(out.toString().lines().mapToInt(String::length).max().orElseThrow())
        .isGreaterThan(width - 10);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "--json", "--yaml"})
  void nothingIsWrittenIntoTheCluster(String option) {
    assertThat(option.isEmpty() ? execute() : execute(option)).isZero();

    assertThat(server.requests())
        .isNotEmpty()
        .allSatisfy(request -> assertThat(request.method()).as(request.path()).isEqualTo("GET"));
  }

  @Test
  void attemptsAreMadeIfAskedFor() {
    assertThat(execute("--trials", "--json")).isZero();

    assertThat(server.requests()).extracting(Request::method).contains("POST");
  }

  @Test
  void attemptsThatAreSwitchedOffStayOff() {
    assertThat(execute(Map.of("DROVER_TRIALS", "none"), "--trials", "--json")).isZero();

    assertThat(server.requests()).extracting(Request::method).containsOnly("GET");
  }

  @Test
  void jsonAndYamlExcludeEachOther() {
    assertThat(execute("--json", "--yaml")).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString()).isEqualTo("drover-agent: --json and --yaml: choose one\n");
    assertThat(out.toString()).isEmpty();
    assertThat(server.requests()).isEmpty();
  }

  @Test
  void clusterThatCannotBeReachedEndsWithOne() throws IOException {
    try (var closed = new ClosedPort()) {
      ScriptedApiServer.kubeconfig(directory, "https://" + closed.address());

      assertThat(execute()).isEqualTo(Main.FAILED);

      assertThat(out.toString()).isEmpty();
      assertThat(err.toString().lines())
          .singleElement()
          .asString()
          .startsWith(
              "drover-agent: the API server at " + closed.address() + " cannot be reached: ");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "apiVersion: v1\nkind: Config\n",
        "current-context: nowhere\n",
        "current-context: [\n",
        "current-context: x\ncontexts: 7\n"
      })
  void kubeconfigThatIsNoneEndsWithTwo(String text) throws IOException {
    Files.writeString(kubeconfig, text);

    assertThat(execute()).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(out.toString()).isEmpty();
    assertThat(err.toString().lines())
        .singleElement()
        .asString()
        .startsWith("drover-agent: " + kubeconfig + " ")
        .contains("name another file with --kubeconfig");
  }

  @Test
  void kubeconfigThatIsMissingEndsWithTwo() {
    assertThat(execute("--kubeconfig", "/nowhere/config")).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString())
        .startsWith("drover-agent: /nowhere/config cannot be read")
        .contains("name a kubeconfig with --kubeconfig or KUBECONFIG");
  }

  @Test
  void everyBadSettingIsNamed() {
    assertThat(execute(Map.of("DROVER_TRIALS", "tea", "DROVER_REPORT_URL", "http://x")))
        .isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString().lines())
        .hasSize(2)
        .anyMatch(line -> line.startsWith("drover-agent: DROVER_TRIALS is 'tea': expected all"))
        .anyMatch(line -> line.startsWith("drover-agent: DROVER_REPORT_URL is 'http://x': "));
  }

  @Test
  void wrongUsageIsSaidInOneLine() {
    assertThat(execute("--bogus")).isEqualTo(Main.BAD_CONFIGURATION);

    assertThat(err.toString())
        .isEqualTo("drover-agent: Unknown option: '--bogus'; see drover-agent --help\n");
  }
}
