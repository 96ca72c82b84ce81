package io.drover.steve.kube;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Map;

/** How JSON is read and written: numbers stay as they are, and nothing is read without a limit. */
public final class Json {
  /** Of one text. etcd takes no object of more than 1.5 MiB. */
  static final int MAX_TEXT_CHARS = 4 * 1024 * 1024;

  private static final int MAX_DEPTH = 200;

  /** Any thread. */
  public static final ObjectMapper MAPPER =
      new ObjectMapper(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder()
                          .maxNestingDepth(MAX_DEPTH)
                          .maxStringLength(MAX_TEXT_CHARS)
                          .build())
                  .build())
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .configure(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES, false)
          .disable(SerializationFeature.FLUSH_AFTER_WRITE_VALUE); // or each object is a packet

  private Json() {}

  /** What is done with a field of an object that is being read. */
  @FunctionalInterface
  public interface Each {
    /** The parser stands at the value's first token, and is to be left at its last. */
    void field(String name, JsonParser json) throws IOException;
  }

  /** Reads one object whole. */
  public static ObjectNode object(InputStream body) throws IOException {
    if (MAPPER.readTree(body) instanceof ObjectNode object) {
      return object;
    }
    throw new IOException("the API server's answer is no object");
  }

  /** Reads an object field by field. */
  public static void fields(InputStream body, Each each) throws IOException {
    try (var json = MAPPER.createParser(body)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw new IOException("the API server's answer is no object");
      }
      fields(json, each);
    }
  }

  /** The same, from the object's first token to its last. */
  public static void fields(JsonParser json, Each each) throws IOException {
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String name = json.currentName();
      json.nextToken();
      each.field(name, json);
    }
    if (json.currentToken() != JsonToken.END_OBJECT) {
      throw new IOException("the API server's answer ends too early");
    }
  }

  /** As Go writes it, so that complaints about it come in the same order. */
  public static byte[] sorted(ObjectNode object) throws JsonProcessingException {
    return MAPPER.writer().with(JsonNodeFeature.WRITE_PROPERTIES_SORTED).writeValueAsBytes(object);
  }

  /** The value at which the parser stands. */
  public static JsonNode tree(JsonParser json) throws IOException {
    return MAPPER.readTree(json);
  }

  /** The fields of an object as texts, such as labels; none of what is no object. */
  public static Map<String, String> texts(JsonNode object) {
    var all = new HashMap<String, String>();
    object.properties().forEach(field -> all.put(field.getKey(), field.getValue().asText("")));
    return all;
  }
}
