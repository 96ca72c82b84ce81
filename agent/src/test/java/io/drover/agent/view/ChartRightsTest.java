package io.drover.agent.view;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Whatever is read as a whole is among the rights that the chart grants for reports. */
final class ChartRightsTest {
  @Test
  void chartGrantsToListEveryKindThatIsRead() throws IOException {
    var read = Stream.of(Kinds.WATCHED, Kinds.READ, Kinds.SELDOM).flatMap(List::stream);

    assertThat(granted("list")).containsAll(read.map(Kind::toString).toList());
  }

  @Test
  void chartGrantsToWatchWhatIsWatched() throws IOException {
    assertThat(granted("watch"))
        .containsExactlyInAnyOrderElementsOf(Kinds.WATCHED.stream().map(Kind::toString).toList());
  }

  /** In the whole cluster, as {@code plural.group}. */
  private static Set<String> granted(String verb) throws IOException {
    var rules =
        new YAMLMapper()
            .readTree(Path.of("../charts/drover/rights.yaml").toFile())
            .at("/reports/cluster");
    var found = new HashSet<String>();
    for (JsonNode rule : rules) {
      if (rule.path("verbs").valueStream().noneMatch(one -> one.asText().equals(verb))) {
        continue;
      }
      for (JsonNode group : rule.path("apiGroups")) {
        for (JsonNode plural : rule.path("resources")) {
          found.add(plural.asText() + (group.asText().isEmpty() ? "" : "." + group.asText()));
        }
      }
    }
    return found;
  }
}
