package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.Request;
import io.drover.steve.http.Turn;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.jspecify.annotations.Nullable;

/** What is said to one request, in the form that it asks for. One thread. */
final class Reply {
  /** Of a collection that must be whole before its first byte goes out: JSONL and YAML. */
  static final int MAX_COLLECTED_BYTES = 16 * 1024 * 1024;

  private static final int NO_CONTENT = 204;
  private static final int GZIP_BYTES = 8 * 1024;

  /** As Kubernetes writes it: code, agent, text in quotes. */
  private static final Pattern WARNING = Pattern.compile("(\\d{3} \\S+) \"(.*)\"");

  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
          .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
          .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
          .disable(YAMLGenerator.Feature.SPLIT_LINES)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .build();

  private final Answer answer;
  private final Format format;
  private final boolean zipped;
  private final Fields fields;
  private @Nullable Later later;
  private @Nullable Zipped zipping;

  /**
   * Says nothing yet.
   *
   * @param fields that go with every answer to this request
   */
  Reply(Answer answer, Request request, Fields fields) {
    this.answer = answer;
    this.format = Format.of(request);
    this.zipped = request.fields().first("Accept-Encoding").contains("gzip");
    this.fields = fields;
  }

  /** Repeats what the API server warns of. */
  void warn(List<String> warnings) {
    for (String warning : warnings) {
      Matcher parts = WARNING.matcher(warning);
      fields.add(
          "Warning", parts.matches() ? parts.group(1) + " " + unquoted(parts.group(2)) : warning);
    }
  }

  private static String unquoted(String text) {
    return text.replaceAll("\\\\(.)", "$1");
  }

  /** Says where a list comes from, if that is not the API server as always. */
  void from(String where) {
    fields.add("X-Drover-List", where);
  }

  /** One object. */
  void object(int status, ObjectNode object, Links links) throws IOException {
    try (var out = open(status, links)) {
      out.write(format == Format.YAML ? yaml(object) : Json.MAPPER.writeValueAsBytes(object));
    }
  }

  /** There is nothing to say: the object is gone. */
  void nothing() throws IOException {
    answer.send(NO_CONTENT, fields, new byte[0]);
  }

  /** There is no such thing, of whatever kind: without a body, as stock says it. */
  void notFound() throws IOException {
    answer.send(404, fields, new byte[0]);
  }

  /** What asks for a websocket does not say so. */
  void badUpgrade() throws IOException {
    fields.add("Content-Type", "text/plain; charset=utf-8").add("Sec-Websocket-Version", "13");
    answer.send(HttpURLConnection.HTTP_BAD_REQUEST, fields, "Bad Request\n".getBytes(UTF_8));
  }

  /** What is done on a connection that has left HTTP. */
  interface Talk extends AutoCloseable {
    /** Returns when it is over; the connection is closed then. */
    void on(Answer.Upgraded connection) throws IOException;

    /** It is over, or has never begun. */
    @Override
    default void close() {
      // Nothing was held for it.
    }
  }

  /**
   * Leaves HTTP. The talk is held when the request counts no longer among those that are answered:
   * it may last for hours.
   */
  void upgrade(Fields agreed, Talk talk) {
    later = new Later(agreed, talk);
  }

  private record Later(Fields fields, Talk talk) {}

  /** Holds the talk, if one was agreed on. */
  void talk() throws IOException {
    var agreed = later;
    if (agreed != null) {
      try (var talk = agreed.talk()) {
        talk.on(answer.upgrade(agreed.fields()));
      }
    }
  }

  /** No. */
  void refusal(Refusal refusal, Links links) throws IOException {
    object(refusal.status(), error(refusal), links);
  }

  /** How it is said. */
  static ObjectNode error(Refusal refusal) {
    var error = Json.MAPPER.createObjectNode();
    error.put("type", "error");
    error.putObject("links");
    error.put("code", refusal.code());
    error.put("message", refusal.getMessage());
    error.put("status", refusal.status());
    return error;
  }

  /** Whether it is too late to say anything else. */
  boolean begun() {
    return answer.begun();
  }

  private OutputStream open(int status, Links links) throws IOException {
    fields.add("Content-Type", format.contentType());
    fields.add("Expires", "Wed 24 Feb 1982 18:42:00 GMT"); // stock's own, missing comma and all
    fields.add("X-Api-Schemas", links.collection("schemas"));
    if (!zipped) {
      return answer.stream(status, fields);
    }
    fields.add("Content-Encoding", "gzip");
    var out = new Zipped(answer.stream(status, fields));
    zipping = out;
    return out;
  }

  /**
   * Nothing more is said. What zips an answer that is cut off has a quarter of a megabyte outside
   * of the heap, which would stay until its collection.
   */
  void end() {
    if (zipping != null) {
      zipping.end();
    }
  }

  /** Quick rather than small: it is made for every answer anew. */
  private static final class Zipped extends GZIPOutputStream {
    Zipped(OutputStream out) throws IOException {
      super(out, GZIP_BYTES);
      def.setLevel(Deflater.BEST_SPEED);
    }

    void end() {
      def.end();
    }
  }

  private static byte[] yaml(JsonNode tree) throws IOException {
    return YAML.writeValueAsBytes(sorted(tree));
  }

  private static Object sorted(JsonNode tree) {
    if (tree instanceof ObjectNode object) {
      Map<String, Object> fields = new TreeMap<>();
      object.properties().forEach(field -> fields.put(field.getKey(), sorted(field.getValue())));
      return fields;
    }
    if (tree instanceof ArrayNode list) {
      return list.valueStream().map(Reply::sorted).toList();
    }
    return tree;
  }

  /**
   * Begins a collection. In JSON each object goes out as it comes, and what is known only at the
   * end stands there.
   *
   * @param head what is known beforehand
   */
  Collection collection(ObjectNode head, Links links) {
    return format == Format.JSON ? new Streamed(head, links) : new Collected(head, links);
  }

  /** The objects of a collection, one after the other. To be closed, whether complete or not. */
  interface Collection extends AutoCloseable {
    void add(ObjectNode object) throws IOException;

    /** There are no more. */
    void complete(ObjectNode tail) throws IOException;

    /** If it is not complete, the peer sees that it is not. */
    @Override
    void close();
  }

  private final class Streamed implements Collection {
    private final ObjectNode head;
    private final Links links;
    private @Nullable JsonGenerator json;

    Streamed(ObjectNode head, Links links) {
      this.head = head;
      this.links = links;
    }

    /** Not before the first object is there: until then the answer may still be no. */
    private JsonGenerator json() throws IOException {
      if (json == null) {
        json = Json.MAPPER.createGenerator(open(HttpURLConnection.HTTP_OK, links));
        json.writeStartObject();
        write(json, head);
        json.writeArrayFieldStart("data");
      }
      return json;
    }

    private static void write(JsonGenerator json, ObjectNode fields) throws IOException {
      for (var field : fields.properties()) {
        json.writeFieldName(field.getKey());
        Json.MAPPER.writeTree(json, field.getValue());
      }
    }

    @Override
    public void add(ObjectNode object) throws IOException {
      Json.MAPPER.writeTree(json(), object);
      Turn.give();
    }

    @Override
    public void complete(ObjectNode tail) throws IOException {
      var generator = json();
      generator.writeEndArray();
      write(generator, tail);
      generator.writeEndObject();
      generator.close();
    }

    @Override
    public void close() {
      // Complete, or not to be completed: nothing that closes may make a part look whole.
    }
  }

  private final class Collected implements Collection {
    private final ObjectNode head;
    private final Links links;
    private final ByteArrayOutputStream lines = new ByteArrayOutputStream();

    Collected(ObjectNode head, Links links) {
      this.head = head;
      this.links = links;
    }

    @Override
    public void add(ObjectNode object) throws IOException {
      lines.write(Json.MAPPER.writeValueAsBytes(object));
      lines.write('\n');
      if (lines.size() > MAX_COLLECTED_BYTES) {
        throw new Refusal(
            413,
            "RequestEntityTooLarge",
            "the list is longer than %d bytes in this form: ask for application/json, or for fewer"
                .formatted(MAX_COLLECTED_BYTES));
      }
    }

    @Override
    public void complete(ObjectNode tail) throws IOException {
      head.setAll(tail);
      try (var out = open(HttpURLConnection.HTTP_OK, links)) {
        if (format == Format.JSONL) {
          out.write(Json.MAPPER.writeValueAsBytes(head));
          out.write('\n');
          lines.writeTo(out);
          out.write('\n');
        } else {
          var data = head.putArray("data");
          for (String line : lines.toString(UTF_8).lines().toList()) {
            data.add(Json.MAPPER.readTree(line));
          }
          out.write(yaml(head));
        }
      }
    }

    @Override
    public void close() {
      // Nothing has gone out.
    }
  }
}
