package io.drover.agent.gateway.recording;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file read as the definition of asciicast v2 has it: anything else in it is an error.
 *
 * @param events such as {@code o hello}, with what is next to each other and of one kind as one
 */
record CastFile(JsonNode header, List<String> events) {
  private static final ObjectMapper JSON = new ObjectMapper();

  static CastFile read(Path file) throws IOException {
    return read(Files.readString(file, UTF_8));
  }

  static CastFile read(String text) throws IOException {
    if (!text.endsWith("\n")) {
      throw new IOException("the last line is cut off");
    }
    var lines = text.lines().toList();
    var header = JSON.readTree(lines.getFirst());
    require(header.path("version").asInt() == 2, "version");
    require(header.path("width").isInt() && header.path("width").asInt() > 0, "width");
    require(header.path("height").isInt() && header.path("height").asInt() > 0, "height");
    require(header.path("timestamp").isIntegralNumber(), "timestamp");
    var events = new ArrayList<String>();
    double before = 0;
    String code = "";
    for (String line : lines.subList(1, lines.size())) {
      var event = JSON.readTree(line);
      require(event.isArray() && event.size() == 3, line);
      require(event.get(0).isNumber() && event.get(0).asDouble() >= before, line);
      require(event.get(1).asText().matches("[oir]") && event.get(2).isTextual(), line);
      require(
          !event.get(1).asText().equals("r") || event.get(2).asText().matches("\\d+x\\d+"), line);
      before = event.get(0).asDouble();
      if (event.get(1).asText().equals(code) && !code.equals("r")) {
        events.add(events.removeLast() + event.get(2).asText());
      } else {
        code = event.get(1).asText();
        events.add(code + " " + event.get(2).asText());
      }
    }
    return new CastFile(header, events);
  }

  private static void require(boolean holds, String what) throws IOException {
    if (!holds) {
      throw new IOException("not as asciicast v2 has it: " + what);
    }
  }
}
