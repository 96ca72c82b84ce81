package io.drover.proto.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.drover.proto.report.NodeSnapshot.Facts;
import io.drover.proto.report.NodeSnapshot.Room;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes what a node agent tells, field by field: the library that {@link ReportJson} has for it
 * would take a tenth of a node agent's memory.
 */
public final class NodeJson {
  private static final JsonFactory JSON = new JsonFactory();

  private NodeJson() {}

  /** One line, which {@link ReportJson#readNode} reads. What is null is not there. */
  public static String write(NodeSnapshot snapshot) {
    var line = new StringWriter();
    try (var json = JSON.createGenerator(line)) {
      json.writeStartObject();
      json.writeStringField("kind", NodeSnapshot.KIND);
      json.writeNumberField("schema", NodeSnapshot.SCHEMA);
      json.writeStringField("node", snapshot.node());
      json.writeStringField("version", snapshot.version());
      json.writeStringField(
          "observedAt", snapshot.observedAt().truncatedTo(ChronoUnit.SECONDS).toString());
      json.writeArrayFieldStart("checks");
      for (var check : snapshot.checks()) {
        json.writeStartObject();
        json.writeStringField("name", check.name());
        json.writeStringField("target", check.target());
        if (check.latencyMs() != null) {
          json.writeNumberField("latencyMs", check.latencyMs());
        }
        json.writeStringField("reason", check.reason());
        json.writeStringField("message", check.message());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeObjectFieldStart("facts");
      write(json, snapshot.facts());
      json.writeEndObject();
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("a string cannot be written to", e);
    }
    return line.toString();
  }

  private static void write(JsonGenerator json, Facts facts) throws IOException {
    if (facts.clockOffsetSeconds() != null) {
      json.writeNumberField("clockOffsetSeconds", facts.clockOffsetSeconds());
    }
    if (facts.kernel() != null) {
      json.writeStringField("kernel", facts.kernel());
    }
    write(json, "nameServers", facts.nameServers());
    write(json, "searchDomains", facts.searchDomains());
    if (facts.mtu() != null) {
      json.writeNumberField("mtu", facts.mtu());
    }
    if (facts.pressure() != null) {
      json.writeObjectFieldStart("pressure");
      json.writeNumberField("cpu", facts.pressure().cpu());
      json.writeNumberField("memory", facts.pressure().memory());
      json.writeNumberField("io", facts.pressure().io());
      json.writeEndObject();
    }
    write(json, "disk", facts.disk());
    write(json, "inodes", facts.inodes());
  }

  private static void write(JsonGenerator json, String name, @Nullable List<String> texts)
      throws IOException {
    if (texts != null) {
      json.writeArrayFieldStart(name);
      for (String text : texts) {
        json.writeString(text);
      }
      json.writeEndArray();
    }
  }

  private static void write(JsonGenerator json, String name, @Nullable Room room)
      throws IOException {
    if (room != null) {
      json.writeObjectFieldStart(name);
      json.writeNumberField("total", room.total());
      json.writeNumberField("free", room.free());
      json.writeEndObject();
    }
  }
}
