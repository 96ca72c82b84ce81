package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The chart as Helm renders it, without a cluster. */
@Tag("interop")
@Order(8)
@TestInstance(Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // prepare() sets everything
final class ChartIT {
  /** {@code write}: what was rendered becomes what is expected. */
  private static final String GOLDEN = "drover.golden";

  private static final String VALUES = "interop/e2e/src/test/resources/chart";

  private static final String REQUIRED =
      "server.url=https://rancher.example.org,server.token=token";

  private static final String AUDITED =
      REQUIRED + ",gateway.enabled=true,gateway.audit.sink=stdout";

  private Helm helm;

  @BeforeAll
  void prepare() throws IOException {
    helm = Helm.offline(Programs.directory("chart"));
  }

  /** All files of values. */
  static List<Path> values() throws IOException {
    try (var files = Files.list(Programs.tree(VALUES))) {
      return files.filter(file -> file.toString().endsWith(".values.yaml")).sorted().toList();
    }
  }

  @ParameterizedTest
  @MethodSource("values")
  void chartIsRenderedAsExpected(Path values) throws Exception {
    var rendered = helm.template(values);

    expect(Path.of(values.toString().replace(".values.", ".golden.")), rendered);
  }

  /** But for empty lines. */
  @ParameterizedTest
  @MethodSource("values")
  void olderHelmRendersTheSame(Path values) throws Exception {
    assertThat(new Helm(helm.cluster(), 3).template(values).replaceAll("\n+", "\n"))
        .isEqualTo(helm.template(values).replaceAll("\n+", "\n"));
  }

  /** With nothing but what every installation needs. */
  @Test
  void guardedProfileIsRenderedAsExpectedByBothHelms() throws Exception {
    var guarded = guarded(helm);

    expect(Programs.tree(VALUES).resolve("guarded.golden.yaml"), guarded);
    assertThat(guarded(new Helm(helm.cluster(), 3)).replaceAll("\n+", "\n"))
        .isEqualTo(guarded.replaceAll("\n+", "\n"));
  }

  /** What is there already cannot be made by the server, which no rule with names could deny. */
  @Test
  void guardedProfileMakesWhatNobodyIsToChange() throws Exception {
    var rendered = guarded(helm);
    var policy =
        Helm.objects(
                object(rendered, "ConfigMap", "drover-gateway-policy")
                    .at("/data/policy.yaml")
                    .asText())
            .getFirst();
    var kept = policy.at("/rules/0/resourceNames");

    assertThat(kept).extracting(JsonNode::asText).contains("drover-gateway-audit");
    for (JsonNode name : kept) {
      assertThat(object(rendered, "ConfigMap", name.asText()).path("data")).isNotEmpty();
    }
  }

  private static String guarded(Helm helm) throws IOException, InterruptedException {
    return helm.outcome(
            "template",
            Helm.RELEASE,
            Programs.chart().toString(),
            "--values=" + Programs.chart().resolve("guarded.yaml"),
            "--set",
            REQUIRED)
        .expect(0)
        .stdout();
  }

  private static void expect(Path golden, String text) throws IOException {
    if ("write".equals(System.getProperty(GOLDEN))) {
      Files.writeString(golden, text, UTF_8);
    }
    assertThat(text)
        .as("%s; -D%s=write takes it as it is", golden.getFileName(), GOLDEN)
        .isEqualTo(Files.readString(golden, UTF_8));
  }

  @ParameterizedTest
  @MethodSource("values")
  void lintFindsNothing(Path values) throws Exception {
    var outcome =
        helm.outcome("lint", "--strict", Programs.chart().toString(), "--values=" + values);

    assertThat(outcome.expect(0).stdout()).contains("0 chart(s) failed").doesNotContain("[WARN");
  }

  @Test
  void referenceServerServesTheSameManifest() throws Exception {
    var rendered = helm.template(Programs.tree(VALUES).resolve("server.values.yaml"));
    var credentials = object(rendered, "Secret").at("/metadata/name").asText();

    expect(
        Programs.tree("server/src/main/resources/io/drover/server/api/import.yaml"),
        rendered
            .replaceAll("(?m)^# Source: .*\n", "")
            .replaceAll("\n+---\n", "\n---\n")
            .replace("https://server.invalid", "${server}")
            .replace(base64("https://server.invalid"), "${urlBase64}")
            .replace(base64("token-of-the-cluster"), "${tokenBase64}")
            .replace("c".repeat(64), "${caChecksum}")
            .replace("\"agent-image:invalid\"", "${image}")
            .replace("server-version", "${version}")
            .replace("install-id", "${installId}")
            .replace(credentials, "${credentials}"));
  }

  /** What somebody chose for a cluster, the chart would make of the same values. */
  @Test
  void referenceServerServesWhatTheChartMakesOfAClustersChoices() throws Exception {
    var directory = Programs.directory("chart-choices");
    try (var server = DroverServer.start(directory)) {
      var cluster =
          server.createCluster(
              "choices",
              "--private-registry=registry.example.org:5000/a",
              "--private-ca=" + server.caFile(),
              "--agent-image=other/agent:2",
              "--agent-env=HTTPS_PROXY=http://${server}:3128",
              "--agent-env=DROVER_LOG_FORMAT=json");
      var served = new String(server.manifest(cluster), UTF_8);

      var values = JsonNodeFactory.instance.objectNode();
      values
          .putObject("server")
          .put("url", server.url().toString())
          .put("token", cluster.path("token").asText())
          .put("caChecksum", server.caChecksum())
          .put("caBundle", Files.readString(server.caFile(), UTF_8));
      values.putObject("image").put("repository", "other/agent").put("tag", "2");
      values.put("registry", "registry.example.org:5000/a");
      values.putObject("namespace").put("create", true).put("podSecurity", "");
      var variables = values.putArray("agentEnvVars");
      for (var name : List.of("CATTLE_SERVER_VERSION", "CATTLE_INSTALL_UUID")) {
        variables.addObject().put("name", name).put("value", variable(served, name));
      }
      variables.addObject().put("name", "HTTPS_PROXY").put("value", "http://${server}:3128");
      variables.addObject().put("name", "DROVER_LOG_FORMAT").put("value", "json");
      var file = Files.writeString(directory.resolve("choices.yaml"), values.toString(), UTF_8);

      assertThat(Helm.objects(served)).isEqualTo(Helm.objects(helm.template(file)));
    }
  }

  private static String variable(String manifest, String name) throws IOException {
    return object(manifest, "Deployment")
        .at("/spec/template/spec/containers/0/env")
        .valueStream()
        .filter(variable -> variable.path("name").asText().equals(name))
        .findFirst()
        .orElseThrow()
        .path("value")
        .asText();
  }

  private static String base64(String text) {
    return Base64.getEncoder().encodeToString(text.getBytes(UTF_8));
  }

  /** Whatever else is set; all values are set in one file or the other. */
  @ParameterizedTest
  @MethodSource("values")
  void everyImageComesFromThePrivateRegistryAndNoPodIsWithoutItsPullSecret(Path values)
      throws Exception {
    var registry = "mirror.example.net:5000/a/b";
    var rendered =
        helm.outcome(
                "template",
                Helm.RELEASE,
                Programs.chart().toString(),
                "--values=" + values,
                "--set",
                "registry=%s,imagePullSecrets={mirror-pull}".formatted(registry),
                "--set",
                "serviceMonitor.enabled=%1$s,rules.enabled=true,dashboards.enabled=true"
                    .formatted(!values.getFileName().toString().startsWith("every-value")))
            .expect(0)
            .stdout();

    var images = new ArrayList<String>();
    for (JsonNode object : Helm.objects(rendered)) {
      object.findValuesAsText("image").forEach(images::add);
      object
          .at("/spec/template/spec/containers/0/env")
          .valueStream()
          .filter(variable -> variable.path("name").asText().equals("CATTLE_SHELL_IMAGE"))
          .map(variable -> variable.path("value").asText())
          .filter(image -> !image.equals("off"))
          .forEach(images::add);
      var pod = object.at("/spec/template/spec");
      if (pod.has("containers")) {
        assertThat(pod.at("/imagePullSecrets/0/name").asText())
            .as(object.path("kind").asText())
            .isEqualTo("mirror-pull");
      }
    }
    assertThat(images)
        .isNotEmpty()
        .allMatch(image -> image.startsWith(registry + "/"))
        .allMatch(image -> image.lastIndexOf("example.net") == image.indexOf("example.net"));
  }

  /** So that no value can bring another one. */
  @Test
  void templatesNameImagesInOneWayOnlyAndEachPodHasItsPullSecrets() throws Exception {
    try (var files = Files.walk(Programs.chart().resolve("templates"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        var text = Files.readString(file, UTF_8);
        assertThat(text.lines().filter(line -> line.matches("\\s*-?\\s*image:.*")))
            .as(file.getFileName().toString())
            .allMatch(line -> line.contains("include \"drover.image\""));
        if (text.contains("containers:")) {
          assertThat(text).contains("imagePullSecrets:");
        }
      }
    }
  }

  private static final String POLICY =
      REQUIRED
          + ",networkPolicy.enabled=true,networkPolicy.apiServerCidrs={10.1.0.0/24}"
          + ",networkPolicy.serverCidrs={192.0.2.7/32},networkPolicy.serverPorts={3128}";

  private static final String TO_DNS =
      "[{\"namespaceSelector\":{\"matchLabels\":{\"kubernetes.io/metadata.name\":"
          + "\"kube-system\"}}},{\"ipBlock\":{\"cidr\":\"169.254.0.0/16\"}}] [53, 53]";

  private static final String TO_API_SERVER =
      "[{\"ipBlock\":{\"cidr\":\"10.1.0.0/24\"}}] [443, 6443]";

  private static final String TO_SERVER = "[{\"ipBlock\":{\"cidr\":\"192.0.2.7/32\"}}] [3128]";

  private static final String AGENTS =
      "{\"podSelector\":{\"matchLabels\":{\"app\":\"cattle-cluster-agent\"}}}";

  private static final String NODE_AGENTS =
      "{\"podSelector\":{\"matchLabels\":{\"app\":\"drover-node-agent\"}}}";

  private JsonNode rendered(String kind, String name, String... sets) throws Exception {
    return object(template(sets), kind, name);
  }

  /** With values of {@code --set}. */
  private String template(String... sets) throws Exception {
    return helm.outcome(
            "template", Helm.RELEASE, Programs.chart().toString(), "--set", String.join(",", sets))
        .expect(0)
        .stdout();
  }

  /** What a rule says of {@code to} or {@code from}, and its ports. */
  private static List<String> lines(JsonNode policy, String direction, String peers) {
    return policy
        .at("/spec/" + direction)
        .valueStream()
        .map(rule -> rule.path(peers) + " " + rule.path("ports").findValuesAsText("port"))
        .toList();
  }

  @Test
  void networkPolicyLetsOutToDnsApiServerServerAndTheNextPodOnly() throws Exception {
    var policy = rendered("NetworkPolicy", "cattle-cluster-agent", POLICY, "health.port=8090");

    assertThat(policy.at("/spec/policyTypes").toString()).isEqualTo("[\"Ingress\",\"Egress\"]");
    assertThat(lines(policy, "egress", "to"))
        .containsExactly(TO_DNS, TO_API_SERVER, TO_SERVER, "[" + AGENTS + "] [8090]");
    assertThat(lines(policy, "ingress", "from")).containsExactly(" [health]");
  }

  /** A pod that is to stop asks the next one whether it is ready. */
  @Test
  void networkPolicyLetsTheNextPodBeAskedWhoeverElseMayReadItsHealth() throws Exception {
    var monitoring = "{\"namespaceSelector\":{\"matchLabels\":{\"team\":\"monitoring\"}}}";
    var some =
        rendered(
            "NetworkPolicy",
            "cattle-cluster-agent",
            POLICY,
            "networkPolicy.healthFrom[0].namespaceSelector.matchLabels.team=monitoring");
    assertThat(lines(some, "ingress", "from"))
        .containsExactly("[" + monitoring + "," + AGENTS + "] [health]");

    var none = rendered("NetworkPolicy", "cattle-cluster-agent", POLICY, "health.enabled=false");
    assertThat(none.at("/spec/ingress").isMissingNode()).isTrue();
    assertThat(lines(none, "egress", "to")).containsExactly(TO_DNS, TO_API_SERVER, TO_SERVER);
  }

  @Test
  void networkPolicyOfNodeAgentsLetsOutToTheRegistryTheyTry() throws Exception {
    var policy =
        rendered(
            "NetworkPolicy",
            "drover-node-agent",
            POLICY,
            "nodeAgent.enabled=true,registry=registry.example.org:5000/mirror",
            "networkPolicy.registryCidrs={192.0.2.9/32},networkPolicy.registryPorts={5000}");

    assertThat(lines(policy, "egress", "to"))
        .containsExactly(
            TO_DNS,
            TO_API_SERVER,
            TO_SERVER,
            "[{\"ipBlock\":{\"cidr\":\"192.0.2.9/32\"}}] [5000]",
            "[" + NODE_AGENTS + "] [8443]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nodeAgent.enabled=true",
        "registry=registry.example.org",
        "nodeAgent.enabled=true,registry=registry.example.org,proxy.https=http://proxy:3128",
        "nodeAgent.enabled=true,registry=registry.example.org,proxy.existingSecret=proxy",
        "nodeAgent.enabled=true,registry=registry.example.org"
            + ",networkPolicy.extraEgress[0].ports[0].port=5000",
      })
  void networkPolicyNeedsNoRegistryWhereNoneIsTriedOrThereIsAnotherWayToIt(String set)
      throws Exception {
    var out = rendered("NetworkPolicy", "cattle-cluster-agent", POLICY, set).at("/spec/egress");

    assertThat(out).isNotEmpty();
  }

  /** Without a claim of their own. */
  @Test
  void recordingsGoWithThePodByDefault() throws Exception {
    var pod =
        rendered("Deployment", "cattle-cluster-agent", AUDITED, "gateway.recordings.enabled=true")
            .at("/spec/template/spec");

    assertThat(pod.path("volumes").valueStream().map(JsonNode::toString))
        .contains("{\"name\":\"recordings\",\"emptyDir\":{\"sizeLimit\":\"1200Mi\"}}");
    var container = pod.at("/containers/0");
    assertThat(container.path("volumeMounts").valueStream().map(JsonNode::toString))
        .contains("{\"name\":\"recordings\",\"mountPath\":\"/recordings\"}");
    assertThat(container.path("env").findValuesAsText("name"))
        .contains("DROVER_GATEWAY_RECORDINGS")
        .doesNotContain("POD_NAME");
  }

  /** The API server takes no name twice. */
  @ParameterizedTest
  @CsvSource({"Deployment, cattle-cluster-agent", "DaemonSet, drover-node-agent"})
  void variableOfTheOperatorReplacesThatOfTheChart(String kind, String name) throws Exception {
    var variables = List.of("CATTLE_SERVER", "DROVER_NODE_PEERS", "DROVER_NODE_REGISTRY", "OWN");
    var sets = new ArrayList<>(List.of(REQUIRED, "nodeAgent.enabled=true,registry=r.example.org"));
    for (int i = 0; i < variables.size(); i++) {
      sets.add("agentEnvVars[%d].name=%s".formatted(i, variables.get(i)));
      sets.add("agentEnvVars[%d].value=theirs".formatted(i));
    }

    var environment =
        rendered(kind, name, sets.toArray(String[]::new))
            .at("/spec/template/spec/containers/0/env");

    assertThat(environment.findValuesAsText("name"))
        .doesNotHaveDuplicates()
        .endsWith(variables.toArray(String[]::new));
    assertThat(environment.valueStream().skip(environment.size() - variables.size()))
        .allMatch(variable -> variable.path("value").asText().equals("theirs"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          server.token=token                                                      | url
          server.url=https://rancher.example.org                                  | token
          server.url=rancher.example.org,server.token=token                       | url
          REQUIRED,servr.url=x                                                    | servr
          REQUIRED,server.caChecksum=abc                                          | caChecksum
          REQUIRED,server.strictVerify=true                                       | caChecksum
          REQUIRED,reports.url=http://plain.example.org                           | reports
          REQUIRED,rbac.profile=most                                              | profile
          REQUIRED,rbac.profile=proxy                                             | clusterRole
          REQUIRED,rbac.profile=namespaced,rbac.namespaces={a}                    | clusterRole
          REQUIRED,networkPolicy.enabled=true                                     | Cidrs
          REQUIRED,health.enabled=false,serviceMonitor.enabled=true               | health
          REQUIRED,nodeAgent.enabled=true,reports.enabled=false                   | /reports/enabled
          POLICY,nodeAgent.enabled=true,registry=registry.example.org             | registryCidrs
          POLICY,nodeAgent.enabled=true,nodeAgent.registry=registry.example.org   | registryCidrs
          REQUIRED,duties={sing}                                                  | duties
          REQUIRED,drainSeconds=301                                               | drainSeconds
          REQUIRED,gateway.enabled=true,gateway.recordings.enabled=true           | /gateway/audit/sink
          AUDITED,gateway.recordings.existingClaim=mine                           | /recordings/enabled
          AUDITED,gateway.recordings.enabled=true,gateway.recordings.sizeLimit=1G | sizeLimit
          """)
  void wrongValuesAreRefusedByName(String set, String named) throws Exception {
    var outcome =
        helm.outcome(
            "template",
            Helm.RELEASE,
            Programs.chart().toString(),
            "--set",
            set.replace("REQUIRED", REQUIRED)
                .replace("POLICY", POLICY)
                .replace("AUDITED", AUDITED));

    assertThat(outcome.exitCode()).isNotZero();
    assertThat(outcome.stderr()).contains(named);
  }

  /** On the lines before it, or before the group that it is in. */
  @Test
  void everyValueHasAComment() throws Exception {
    var said = new HashMap<String, Boolean>();
    var groups = new ArrayDeque<String>();
    var before = "";
    for (var line : Files.readAllLines(Programs.chart().resolve("values.yaml"), UTF_8)) {
      var key = KEY.matcher(line);
      if (key.lookingAt()) {
        while (groups.size() > key.group(1).length() / 2) {
          groups.removeLast();
        }
        groups.addLast(key.group(2));
        said.put(String.join(".", groups), before.startsWith(key.group(1) + "# "));
      }
      before = line;
    }
    var values = valuesOfTheSchema();

    assertThat(said.keySet()).containsAll(values);
    assertThat(values)
        .hasSizeGreaterThan(60)
        .filteredOn(value -> !said.getOrDefault(value, false))
        .filteredOn(value -> !said.getOrDefault(value.replaceFirst("\\.?[^.]*$", ""), false))
        .as("without a comment")
        .isEmpty();
  }

  private static List<String> valuesOfTheSchema() throws IOException {
    var values = new ArrayList<String>();
    collect(
        Helm.yaml(Programs.chart().resolve("values.schema.json")).path("properties"), "", values);
    values.remove("global"); // Helm's own
    return values;
  }

  /** Whether a test runs it or not: after {@code --set}, and in the text. */
  @Test
  void pagesNameNoValueThatIsNotThere() throws Exception {
    var values = valuesOfTheSchema();
    var groups =
        values.stream()
            .filter(value -> value.contains("."))
            .map(value -> value.substring(0, value.indexOf('.')))
            .collect(Collectors.toSet());
    var named = new ArrayList<String>();
    for (Path page : DocPage.files()) {
      var text = Files.readString(page, UTF_8);
      SET.matcher(text).results().forEach(found -> named.add(found.group(1)));
      if (PAGES_OF_THE_CHART.contains(page.getFileName().toString())) {
        NAMED
            .matcher(text)
            .results()
            .map(found -> found.group(1))
            .filter(name -> groups.contains(name.substring(0, name.indexOf('.'))))
            .forEach(named::add);
      }
    }

    assertThat(named)
        .hasSizeGreaterThan(MIN_NAMED)
        .allMatch(
            name -> values.stream().anyMatch(value -> isPart(value, name) || isPart(name, value)));
  }

  /** So that the test sees when it finds none any more. */
  private static final int MIN_NAMED = 30;

  /** Where no field of a report or of the status has such a name. */
  private static final Set<String> PAGES_OF_THE_CHART =
      DocPage.ALL.stream()
          .filter(page -> !page.equals("status"))
          .map(page -> page + ".md")
          .collect(Collectors.toSet());

  private static boolean isPart(String whole, String part) {
    return whole.equals(part) || whole.startsWith(part + ".");
  }

  private static final Pattern SET = Pattern.compile("--set(?:-string|-file)?[ =]'?([a-zA-Z.]+)");

  /** Of one group of values, in code. */
  private static final Pattern NAMED =
      Pattern.compile("`([a-zA-Z]+\\.[a-zA-Z.]*[a-zA-Z])(?:=[^`]*|: [^`]*)?`");

  private static final Pattern KEY = Pattern.compile("( *)([a-zA-Z]+):");

  /** Names of all values, of which the schema says no parts. */
  private static void collect(JsonNode properties, String prefix, List<String> values) {
    for (var property : properties.properties()) {
      var parts = property.getValue().path("properties");
      if (parts.isMissingNode()) {
        values.add(prefix + property.getKey());
      } else {
        collect(parts, prefix + property.getKey() + ".", values);
      }
    }
  }

  @Test
  void monitoringIsThatOfTheFiles() throws Exception {
    var rendered =
        helm.outcome(
                "template",
                Helm.RELEASE,
                Programs.chart().toString(),
                "--set",
                REQUIRED
                    + ",dashboards.enabled=true,rules.enabled=true,rules.labels.a=b"
                    + ",serviceMonitor.enabled=true")
            .expect(0)
            .stdout();

    assertThat(object(rendered, "ServiceMonitor").at("/spec/endpoints/0/port"))
        .isEqualTo(object(rendered, "Service").at("/spec/ports/2/name"));
    assertThat(object(rendered, "PrometheusRule").path("spec"))
        .isEqualTo(Helm.yaml(Programs.chart().resolve("rules/drover.rules.yaml")));
    assertThat(object(rendered, "PrometheusRule").at("/metadata/labels/a").asText()).isEqualTo("b");
    assertThat(object(rendered, "ConfigMap").at("/data/drover.json").asText())
        .isEqualTo(Files.readString(Programs.chart().resolve("dashboards/drover.json"), UTF_8));
  }

  private static JsonNode object(String rendered, String kind, String name) throws IOException {
    return Helm.objects(rendered).stream()
        .filter(object -> object.path("kind").asText().equals(kind))
        .filter(object -> object.at("/metadata/name").asText().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** The only one of its kind. */
  private static JsonNode object(String rendered, String kind) throws IOException {
    return Helm.objects(rendered).stream()
        .filter(object -> object.path("kind").asText().equals(kind))
        .reduce((one, other) -> fail(kind + ": several"))
        .orElseThrow();
  }

  @Test
  void tableOfRightsIsThatOfTheChart() throws Exception {
    expectTable(
        "rights",
        "| Feature | Where | What | Verbs |\n| --- | --- | --- | --- |\n"
            + Rights.all().stream().map(rule -> rule.line() + "\n").collect(Collectors.joining()));
  }

  @Test
  void matrixOfProfilesIsThatOfTheChart() throws Exception {
    var table = new StringBuilder("| Feature |");
    for (Profile profile : Profile.values()) {
      table.append(" `").append(profile.text()).append("` |");
    }
    table.append("\n").append("| --- ".repeat(Profile.values().length + 1)).append("|\n");
    for (String feature : Rights.features()) {
      table.append("| ").append(feature).append(" |");
      for (Profile profile : Profile.values()) {
        table.append(' ').append(profile.cell(feature)).append(" |");
      }
      table.append("\n");
    }
    expectTable("matrix", table.toString());
  }

  /** Of docs/rbac.md, between two comments. */
  private static void expectTable(String name, String table) throws IOException {
    var file = Programs.tree("docs/rbac.md");
    var text = Files.readString(file, UTF_8);
    var begin = "<!-- " + name + " -->\n";
    var end = "<!-- /" + name + " -->";
    expect(
        file,
        text.substring(0, text.indexOf(begin) + begin.length())
            + table
            + text.substring(text.indexOf(end)));
  }
}
