package io.drover.agent.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import org.junit.jupiter.api.Test;

/** What the tables of known load balancers ask for is among the rights that the chart grants. */
final class ChartRightsTest {
  @Test
  void chartGrantsToListWhatLoadBalancersNeed() throws IOException {
    var rules =
        new YAMLMapper()
            .readTree(Path.of("../charts/drover/rights.yaml").toFile())
            .at("/reports/cluster");
    var granted = new HashSet<String>();
    for (JsonNode rule : rules) {
      for (JsonNode group : rule.path("apiGroups")) {
        rule.path("resources")
            .forEach(plural -> granted.add(group.asText() + "/" + plural.asText()));
      }
    }

    assertThat(granted).containsAll(CapabilityCollector.counted());
  }
}
