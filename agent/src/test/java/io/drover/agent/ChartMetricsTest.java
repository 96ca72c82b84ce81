package io.drover.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.fabric8.kubernetes.client.utils.Serialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The chart's dashboard and alerts: about metrics that exist, and whole in themselves. */
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

  private static Set<String> known() throws IOException {
    try (var in = ChartMetricsTest.class.getResourceAsStream("metric-names.txt")) {
      assertThat(in).isNotNull();
      return new String(in.readAllBytes(), UTF_8)
          .lines()
          .filter(line -> !line.isEmpty() && !line.startsWith("#"))
          .collect(Collectors.toCollection(TreeSet::new));
    }
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
      assertThat(known()).as(expression).containsAll(metrics(expression));
      assertThat(metrics(expression)).as(expression).isNotEmpty();
    }
    for (var variable : dashboard().at("/templating/list")) {
      if (variable.path("type").asText().equals("query")) {
        var query = LABEL_VALUES.matcher(variable.at("/query/query").asText());
        assertThat(query.matches()).isTrue();
        assertThat(known()).contains(query.group("metric"));
      }
    }
  }

  @Test
  void dashboardShowsEveryMetric() throws IOException {
    var shown = new TreeSet<String>();
    for (var expression : dashboard().path("panels").findValuesAsText("expr")) {
      shown.addAll(metrics(expression));
    }

    assertThat(shown).isEqualTo(known());
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
