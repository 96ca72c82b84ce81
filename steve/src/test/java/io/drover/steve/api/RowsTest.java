package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RowsTest {
  private static final String TABLE =
      """
      {"kind":"Table","metadata":{"resourceVersion":"7","continue":"c"},
       "columnDefinitions":[{"name":"Name"}],
       "rows":[
        {"cells":["a",1.0],"object":{"kind":"ConfigMap",
          "metadata":{"name":"a","managedFields":[{"manager":"m"}]},"data":{"n":1e2}}},
        {"object":{"metadata":{"name":"b"}},"cells":["b",2]}]}
      """;

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(UTF_8));
  }

  private static List<ObjectNode> read(String text, boolean managed) throws IOException {
    var objects = new ArrayList<ObjectNode>();
    new Rows(managed).list(stream(text), (object, _) -> objects.add(object));
    return objects;
  }

  @Test
  void objectsHaveTheirCells() throws Exception {
    assertThat(read(TABLE, false))
        .extracting(Object::toString)
        .containsExactly(
            """
            {"kind":"ConfigMap","metadata":{"name":"a","fields":["a",1.0]},"data":{"n":1E+2}}""",
            """
            {"metadata":{"name":"b","fields":["b",2]}}""");
  }

  @Test
  void whoWroteWhatIsKeptForWhoeverWantsIt() throws Exception {
    assertThat(read(TABLE, true).getFirst().at("/metadata/managedFields/0/manager").asText())
        .isEqualTo("m");
  }

  @Test
  void theListsOwnMetadataIsReturned() throws Exception {
    var metadata = new Rows(false).list(stream(TABLE), (_, _) -> {});

    assertThat(metadata.path("continue").asText()).isEqualTo("c");
    assertThat(metadata.path("resourceVersion").asText()).isEqualTo("7");
  }

  @Test
  void aTypeWithoutATableHasNoCells() throws Exception {
    assertThat(read("{\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"x\"}}]}", false))
        .extracting(Object::toString)
        .containsExactly("{\"metadata\":{\"name\":\"x\"}}");
    assertThat(read("{\"items\":null}", false)).isEmpty();
  }

  @Test
  void aListThatEndsEarlyIsNone() {
    String half = TABLE.substring(0, TABLE.length() - 8);
    assertThatThrownBy(() -> read(half, false)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> read("{\"rows\":[1]}", false))
        .hasMessageContaining("what is no object");
  }

  @Test
  void oneObjectIsARowOrItself() throws Exception {
    assertThat(Rows.one(stream(TABLE)).at("/metadata/fields/0").asText()).isEqualTo("a");
    assertThat(Rows.one(stream("{\"kind\":\"Pod\"}")).path("kind").asText()).isEqualTo("Pod");
    assertThatThrownBy(() -> Rows.one(stream("{\"kind\":\"Table\",\"rows\":[]}")))
        .hasMessageContaining("no row");
  }
}
