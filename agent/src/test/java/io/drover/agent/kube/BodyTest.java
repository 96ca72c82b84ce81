package io.drover.agent.kube;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class BodyTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static JsonNode tree(String text) throws IOException {
    try (var parser = JSON.createParser(text)) {
      parser.nextToken();
      return Body.tree(parser);
    }
  }

  @Test
  void fieldsAreReadWithoutTheirManagers() throws IOException {
    String event =
        """
        {"type":"ADDED","object":{"kind":"Pod","metadata":{"name":"a",%s"labels":{"b":"c"}},
        "spec":{"containers":[{"name":"d"}],"overhead":null,"priority":1}}}""";
    String managers = "\"managedFields\":[{\"manager\":\"x\",\"fieldsV1\":{\"f:metadata\":{}}}],";

    assertThat(tree(event.formatted(managers))).isEqualTo(JSON.readTree(event.formatted("")));
  }

  @Test
  void whatIsNoObjectIsReadAsItIs() throws IOException {
    assertThat(tree("[{\"managedFields\":1}]")).isEqualTo(JSON.readTree("[{\"managedFields\":1}]"));
    assertThat(tree("{\"object\":\"a\",\"metadata\":null}"))
        .isEqualTo(JSON.readTree("{\"object\":\"a\",\"metadata\":null}"));
  }

  @Test
  void halfAnObjectIsAnError() {
    assertThatThrownBy(() -> tree("{\"metadata\":{\"name\":\"a\""))
        .isInstanceOf(JsonProcessingException.class);
  }
}
