package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import io.drover.steve.query.Columns;
import io.drover.steve.query.Dialect;
import io.drover.steve.query.Query;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BestTest {
  private static final Columns COLUMNS = new Columns("configmap", true, List.of());

  private static Best best(Dialect dialect, Map<String, List<String>> parameters) throws Exception {
    return new Best(Query.parse(dialect, COLUMNS, parameters), COLUMNS);
  }

  private static Dialect dialect(String name) {
    return name.equals("classic") ? Dialect.CLASSIC : Dialect.NEWEST;
  }

  private static ObjectNode object(int number) {
    var object = Json.MAPPER.createObjectNode();
    object.putObject("metadata").put("name", "n%05d".formatted(number)).put("namespace", "shop");
    return object;
  }

  @ParameterizedTest
  @ValueSource(strings = {"classic", "sql"})
  void letsGoWhatIsNotOnThePage(String dialect) throws Exception {
    var best =
        best(
            dialect(dialect),
            Map.of(
                "sort", List.of("-metadata.name"),
                "page", List.of("2"),
                "pagesize", List.of("3")));
    // Each as large as all that may be held: more than a few would be refused.
    long size = Best.MAX_BYTES / 10;
    for (int i = 0; i < 5_000; i++) {
      best.add(object(i * 7_919 % 5_000), size);
    }

    assertThat(best.count()).isEqualTo(5_000);
    assertThat(best.page().rows())
        .extracting(row -> row.at("/metadata/name").asText())
        .containsExactly("n04996", "n04995", "n04994");
  }

  @ParameterizedTest
  @ValueSource(strings = {"classic", "sql"})
  void refusesToHoldMoreThanItsLimit(String dialect) throws Exception {
    var best = best(dialect(dialect), Map.of("sort", List.of("metadata.name")));
    best.add(object(1), Best.MAX_BYTES);

    assertThatThrownBy(() -> best.add(object(2), 1))
        .isInstanceOfSatisfying(
            Refusal.class, refusal -> assertThat(refusal.status()).isEqualTo(413))
        .hasMessageContaining("use a filter");
  }
}
