package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.zip.GZIPInputStream;

/** A request to the stock agent's resource API, and the answer that was recorded. */
record VectorCase(JsonNode json) {
  static final ObjectMapper JSON = new ObjectMapper();
  private static final String DIRECTORY = "/explorer/";

  /** All of a group, in the order of the record. */
  static List<VectorCase> group(String dialect, String group) throws IOException {
    return read("cases-" + dialect + "-" + group);
  }

  /** The requests of the writes, which follow each other. */
  static List<VectorCase> sequence(String dialect) throws IOException {
    return read("sequence-" + dialect + "-writes");
  }

  private static List<VectorCase> read(String name) throws IOException {
    var plain = VectorCase.class.getResourceAsStream(DIRECTORY + name + ".json");
    try (var in = plain != null ? plain : new GZIPInputStream(resource(name + ".json.gz"))) {
      var cases = new ArrayList<VectorCase>();
      JSON.readTree(in).forEach(one -> cases.add(new VectorCase(one)));
      return cases;
    }
  }

  static InputStream resource(String name) {
    return Objects.requireNonNull(VectorCase.class.getResourceAsStream(DIRECTORY + name), name);
  }

  String id() {
    return json.path("id").asText();
  }

  boolean isRecorded() {
    return json.has("status");
  }

  /** Sends its request; what has to be put in for placeholders has been. */
  RawHttp.Reply send(InetSocketAddress to, String path, String body) throws IOException {
    var fields = new ArrayList<Map.Entry<String, String>>();
    for (var field : json.path("headers").properties()) {
      fields.add(Map.entry(field.getKey(), field.getValue().asText()));
    }
    if (!json.path("user").isNull()) {
      fields.add(Map.entry("Impersonate-User", json.path("user").asText()));
    }
    for (var group : json.path("groups")) {
      fields.add(Map.entry("Impersonate-Group", group.asText()));
    }
    return RawHttp.send(to, json.path("method").asText(), path, fields, body.getBytes(UTF_8));
  }

  /** As it was recorded: without what stands for changing values replaced. */
  String path() {
    return json.path("path").asText();
  }

  /** As it goes over the wire. */
  String body() {
    var body = json.path("body");
    return body.isMissingNode() || body.isNull()
        ? ""
        : body.isTextual() ? body.asText() : body.toString();
  }
}
