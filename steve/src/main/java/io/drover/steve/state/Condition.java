package io.drover.steve.state;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** One of an object's conditions. A field that is missing is empty. */
record Condition(String type, String status, String reason, String message) {
  /** Where objects without a status keep their conditions, as JSON. */
  private static final String ANNOTATION = "cattle.io/status";

  private static final ObjectMapper JSON = new ObjectMapper();

  static Condition of(JsonNode condition) {
    return new Condition(
        condition.path("type").asText(""),
        condition.path("status").asText(""),
        condition.path("reason").asText(""),
        condition.path("message").asText(""));
  }

  /** Those of the status, then those of the annotation. */
  static List<Condition> allOf(ObjectNode object) {
    var all = new ArrayList<Condition>();
    object.path("status").path("conditions").forEach(each -> all.add(of(each)));
    annotated(object).forEach(each -> all.add(of(each)));
    return all;
  }

  private static JsonNode annotated(ObjectNode object) {
    var text = object.path("metadata").path("annotations").path(ANNOTATION);
    if (!text.isTextual()) {
      return JSON.missingNode();
    }
    try {
      return JSON.readTree(text.textValue()).path("conditions");
    } catch (JsonProcessingException e) {
      return JSON.missingNode(); // whoever wrote the annotation did not mean us
    }
  }

  boolean is(String type, String status) {
    return this.type.equals(type) && this.status.equals(status);
  }
}
