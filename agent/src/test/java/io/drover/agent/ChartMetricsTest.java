package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.agent.config.HealthConfig;
import io.drover.agent.health.GatewayReading;
import io.drover.agent.health.HealthServer;
import io.drover.agent.health.ReportReading;
import io.drover.agent.health.TunnelReading;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.Health;
import io.drover.proto.report.ReportJson;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The chart's dashboard and alerts: about metrics that exist, and whole in themselves. */
@Timeout(60)
class ChartMetricsTest {
  private static final Path CHART = Path.of("../charts/drover");
  private static final Path RUNBOOKS = Path.of("../docs/reports.md");
  private static final int GRID_COLUMNS = 24;

  private static final ObjectMapper JSON =
      new ObjectMapper()
          .enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static final Pattern TEXT = Pattern.compile("\"[^\"]*\"");

  // What else has a name in an expression and is no metric.
  private static final Pattern NO_METRIC =
      Pattern.compile(
          """
          \\{[^{}]*\\}|\\[[^\\[\\]]*\\]\
          |\\b(?:by|without|on|ignoring|group_left|group_right)\\s*\\([^()]*\\)\
          |\\b(?:and|or|unless|bool|offset|inf|nan)\\b\
          """,
          Pattern.CASE_INSENSITIVE);

  private static final Pattern NAME = Pattern.compile("(?<![\\w:.])[a-zA-Z_:][\\w:]*+(?!\\s*\\()");
  private static final Pattern LABEL_VALUES =
      Pattern.compile("label_values\\((?<metric>[^,]*),\\s*\\w+\\)");

  private static final Pattern SAMPLE = Pattern.compile("(?m)^(?<metric>drover_\\w+).*$");

  private static final Pattern LABEL = Pattern.compile("(\\w+)\\s*(?:=~|!~|!=|=)");
  private static final Pattern SELECTOR = Pattern.compile("\\{([^{}]*)\\}");
  private static final Pattern GROUPING =
      Pattern.compile("\\b(?:by|without|on|ignoring|group_left|group_right)\\s*\\(([^()]*)\\)");

  /** Labels that whoever scrapes adds. */
  private static final Set<String> OF_TARGET = Set.of("cluster", "instance", "job", "pod");

  private static JsonNode dashboard() throws IOException {
    return JSON.readTree(Files.readString(CHART.resolve("dashboards/drover.json")));
  }

  private static JsonNode yaml(String file) throws IOException {
    return Serialization.unmarshal(Files.readString(CHART.resolve(file)), JsonNode.class);
  }

  private static List<JsonNode> alerts() throws IOException {
    var alerts = new ArrayList<JsonNode>();
    for (var group : yaml("rules/drover.rules.yaml").path("groups")) {
      group.path("rules").forEach(alerts::add);
    }
    assertThat(alerts).isNotEmpty();
    return alerts;
  }

  private static List<String> expressions() throws IOException {
    var expressions = new ArrayList<>(dashboard().path("panels").findValuesAsText("expr"));
    assertThat(expressions).isNotEmpty();
    for (var alert : alerts()) {
      expressions.add(alert.path("expr").asText());
    }
    return expressions;
  }

  private static final GatewayReading GATEWAY =
      new GatewayReading(
          "none",
          List.of(new GatewayReading.Requests("get", "200", "user", 1)),
          Map.of("policy", 1L),
          List.of(1.0),
          List.of(1L, 0L),
          0.5,
          "stdout",
          "count",
          1,
          1,
          List.of(),
          List.of(),
          0);

  /** What {@code /metrics} serves of ours, with everything known: labels by metric. */
  private static final Map<String, Set<String>> SERVED = new TreeMap<>();

  private static final Set<String> KNOWN = SERVED.keySet();

  @BeforeAll
  static void readMetrics() throws IOException, InterruptedException {
    var tunnel =
        new TunnelReading("cluster", true, true, Instant.EPOCH, null, null, 1, 1, 1, 1, 1, 1, 1);
    var reports =
        new ReportReading(
            report(), true, 1, List.of(new ReportReading.Sink("cluster", 1, Instant.EPOCH)));
    try (var server =
            HealthServer.start(
                new HealthConfig(true, "127.0.0.1", 0),
                "1.2.3",
                Clock.systemUTC(),
                List::of,
                List.of(() -> tunnel),
                TreeMap::new,
                () -> reports,
                () -> GATEWAY);
        var http = HttpClient.newHttpClient()) {
      int port = server.address().orElseThrow().getPort();
      var request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/metrics")).build();
      SAMPLE
          .matcher(http.send(request, BodyHandlers.ofString()).body())
          .results()
          .forEach(sample -> SERVED.put(sample.group("metric"), labels(sample.group())));
    }
  }

  /** One that has everything. */
  private static ClusterReport report() throws IOException {
    try (var in = ChartMetricsTest.class.getResourceAsStream("report/report.json")) {
      var report = ReportJson.read(new String(Objects.requireNonNull(in).readAllBytes(), UTF_8));
      var health = report.health();
      return report.withHealth(
          new Health(
              health.ready(),
              health.conditions(),
              health.checks(),
              health.componentStatuses(),
              health.nodes(),
              health.systemWorkloads(),
              health.unavailableApis(),
              List.of(new Health.Certificate("here", "CN=x", Instant.EPOCH)),
              health.tunnels()));
    }
  }

  /** Those that an expression selects or groups by. */
  private static Set<String> labels(String expression) {
    var withoutTexts = TEXT.matcher(expression).replaceAll("");
    var labels = new TreeSet<String>();
    SELECTOR
        .matcher(withoutTexts)
        .results()
        .flatMap(selector -> LABEL.matcher(selector.group(1)).results())
        .forEach(label -> labels.add(label.group(1)));
    GROUPING
        .matcher(withoutTexts)
        .results()
        .flatMap(grouping -> Arrays.stream(grouping.group(1).split(",", -1)))
        .map(String::strip)
        .filter(label -> !label.isEmpty())
        .forEach(labels::add);
    return labels;
  }

  private static Set<String> metrics(String expression) {
    var withoutTexts = TEXT.matcher(expression).replaceAll("");
    return NAME.matcher(NO_METRIC.matcher(withoutTexts).replaceAll(" "))
        .results()
        .map(found -> found.group())
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  void metricsAreFoundInExpressions() {
    assertThat(metrics("sum without (pod) (rate(a_total{b=\"c{\", d=~\"$e\"}[5m])) > 1e3"))
        .containsExactly("a_total");
    assertThat(metrics("max by (b) (a) / on (c) group_left (d) e:f offset 5m and time() - x > 0"))
        .containsExactly("a", "e:f", "x");
  }

  @Test
  void everyMetricIsKnown() throws IOException {
    for (var expression : expressions()) {
      assertThat(KNOWN).as(expression).containsAll(metrics(expression));
      assertThat(metrics(expression)).as(expression).isNotEmpty();
    }
    for (var variable : dashboard().at("/templating/list")) {
      if (variable.path("type").asText().equals("query")) {
        var query = LABEL_VALUES.matcher(variable.at("/query/query").asText());
        assertThat(query.matches()).isTrue();
        assertThat(KNOWN).contains(query.group("metric"));
      }
    }
  }

  @Test
  void everyLabelIsOfTheMetric() throws IOException {
    for (var expression : expressions()) {
      var served = new TreeSet<>(OF_TARGET);
      metrics(expression).forEach(metric -> served.addAll(SERVED.getOrDefault(metric, Set.of())));

      assertThat(served).as(expression).containsAll(labels(expression));
    }
  }

  @Test
  void labelsAreFoundInExpressions() {
    assertThat(labels("sum by (a, b) (x{c=\"d=e\", f!~\"g\"}) > on () group_left (h) y{i!=\"\"}"))
        .containsExactly("a", "b", "c", "f", "h", "i");
  }

  @Test
  void dashboardShowsEveryMetric() throws IOException {
    var shown = new TreeSet<String>();
    for (var expression : dashboard().path("panels").findValuesAsText("expr")) {
      shown.addAll(metrics(expression));
    }

    assertThat(shown).isEqualTo(KNOWN);
  }

  @Test
  void everyExpressionIsBalanced() throws IOException {
    for (var expression : expressions()) {
      var open = new ArrayDeque<Character>();
      for (char c : TEXT.matcher(expression).replaceAll("").toCharArray()) {
        switch (c) {
          case '(', '{', '[' -> open.push(c);
          case ')' -> assertThat(open.poll()).as(expression).isEqualTo('(');
          case '}' -> assertThat(open.poll()).as(expression).isEqualTo('{');
          case ']' -> assertThat(open.poll()).as(expression).isEqualTo('[');
          default -> assertThat(c).as(expression).isNotEqualTo('"');
        }
      }
      assertThat(open).as(expression).isEmpty();
    }
  }

  @Test
  void panelsHaveIdsTitlesAndAPlaceOfTheirOwn() throws IOException {
    var ids = new HashSet<Integer>();
    var titles = new HashSet<String>();
    var taken = new HashSet<List<Integer>>();
    for (var panel : dashboard().path("panels")) {
      var title = panel.path("title").asText();
      assertThat(ids.add(panel.path("id").asInt())).as(title).isTrue();
      assertThat(titles.add(title)).as(title).isTrue();
      assertThat(title).isNotBlank();
      var place = panel.path("gridPos");
      int right = place.path("x").asInt() + place.path("w").asInt();
      assertThat(right).as(title).isLessThanOrEqualTo(GRID_COLUMNS);
      for (int x = place.path("x").asInt(); x < right; x++) {
        for (int y = 0; y < place.path("h").asInt(); y++) {
          assertThat(taken.add(List.of(x, place.path("y").asInt() + y))).as(title).isTrue();
        }
      }
    }
  }

  @Test
  void panelsAskTheChosenDataSourceForTheChosenClusters() throws IOException {
    for (var panel : dashboard().path("panels")) {
      var refs = new HashSet<String>();
      for (var target : panel.path("targets")) {
        var expression = target.path("expr").asText();
        assertThat(target.at("/datasource/uid").asText()).isEqualTo("${datasource}");
        assertThat(refs.add(target.path("refId").asText())).as(expression).isTrue();
        for (var metric : metrics(expression)) {
          assertThat(expression).contains(metric + "{cluster=~\"$cluster\", job=~\"$job\"");
        }
      }
    }
  }

  @Test
  void everyAlertSaysWhatIsWrongHowBadAndWhatToDo() throws IOException {
    var names = new HashSet<String>();
    var runbooks = Files.exists(RUNBOOKS) ? Files.readString(RUNBOOKS) : null;
    for (var alert : alerts()) {
      var name = alert.path("alert").asText();
      assertThat(names.add(name)).as(name).isTrue();
      assertThat(alert.at("/labels/severity").asText())
          .as(name)
          .isIn("critical", "warning", "info");
      assertThat(alert.at("/annotations/summary").asText()).as(name).isNotBlank();
      assertThat(alert.at("/annotations/description").asText()).as(name).endsWith(".");
      assertThat(alert.at("/annotations/runbook").asText())
          .isEqualTo("docs/reports.md#" + name.toLowerCase(Locale.ROOT));
      if (runbooks != null) {
        assertThat(runbooks).containsPattern("(?m)^#+ " + name + "$");
      }
    }
  }

  @Test
  void everyAlertHasATest() throws IOException {
    var tested = new HashSet<String>();
    for (var test : yaml("rules/drover.rules.test.yaml").path("tests")) {
      for (var one : test.path("alert_rule_test")) {
        if (!one.path("exp_alerts").isEmpty()) {
          tested.add(one.path("alertname").asText());
        }
      }
    }

    for (var alert : alerts()) {
      assertThat(tested).contains(alert.path("alert").asText());
    }
  }
}
