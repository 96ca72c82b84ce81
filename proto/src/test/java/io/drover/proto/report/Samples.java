package io.drover.proto.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Objects;

/** Reports that tests have in common. */
final class Samples {
  private Samples() {}

  /** A report in which each field has a value. */
  static String complete() {
    return text("cluster-report.json");
  }

  static String schema() {
    return text("cluster-report.schema.json");
  }

  private static String text(String name) {
    try (var in = Objects.requireNonNull(Samples.class.getResourceAsStream(name), name)) {
      return new String(in.readAllBytes(), UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
