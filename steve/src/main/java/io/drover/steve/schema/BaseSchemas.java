package io.drover.steve.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The types that are there without Kubernetes, for everybody: {@code base.json}. */
final class BaseSchemas {
  /** What a user sees of them. */
  static final List<Schema> ALL = read();

  private BaseSchemas() {}

  private static List<Schema> read() {
    try (var in = BaseSchemas.class.getResourceAsStream("base.json")) {
      var all = new ArrayList<Schema>();
      for (JsonNode schema : Json.MAPPER.readTree(Objects.requireNonNull(in, "base.json"))) {
        all.add(Schema.of((ObjectNode) schema));
      }
      return List.copyOf(all);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
