package io.drover.server.api;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.MergePatch;
import io.drover.proto.report.ReportJson;
import io.drover.server.store.Reports;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;

/**
 * A report that was read from a request's body.
 *
 * @param asItCame the same, with the fields that are not known here
 */
record ReportBody(ClusterReport report, JsonNode asItCame) {
  /**
   * The longest body with {@code Content-Encoding: gzip}, in bytes. What does not compress becomes
   * longer: by 5 bytes a block of 16 KiB or more, and 18 around it.
   */
  static final int MAX_GZIP_BYTES = ReportJson.MAX_BYTES + 1024;

  /** How much of what is wrong is told, in characters: it may quote the body. */
  static final int MAX_REASON_CHARACTERS = 300;

  /** Unpacks a body; never holds more than {@link ReportJson#MAX_BYTES} and a little of it. */
  static byte[] inflate(byte[] gzip) throws RefusedException {
    try (var in = new GZIPInputStream(new ByteArrayInputStream(gzip))) {
      byte[] bytes = in.readNBytes(ReportJson.MAX_BYTES + 1);
      if (bytes.length > ReportJson.MAX_BYTES) {
        throw tooLong("inflated ", ReportJson.MAX_BYTES);
      }
      return bytes;
    } catch (IOException e) { // from memory: only the format can be wrong
      throw invalid("body is not gzip: " + e.getMessage());
    }
  }

  /** The report in a body of at most {@link ReportJson#MAX_BYTES}. */
  static ReportBody parse(byte[] bytes) throws RefusedException {
    return of(tree(bytes));
  }

  /** The report that a merge patch makes of {@code report}, which is changed. */
  static ReportBody patched(ObjectNode report, byte[] patch) throws RefusedException {
    if (!(tree(patch) instanceof ObjectNode changes)) {
      throw invalid("patch is not an object");
    }
    MergePatch.apply(report, changes);
    return of(report);
  }

  /** What {@code If-Match} has to say to change this report. */
  static String entityTag(ObjectNode report) {
    var agent = report.path("agent");
    return new ClusterReport.AgentIdentity(
            "", agent.path("instance").asText(), agent.path("sequence").asLong(), null)
        .entityTag();
  }

  private static JsonNode tree(byte[] bytes) throws RefusedException {
    try {
      var text = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      return Answers.JSON
          .reader()
          .with(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .readTree(text);
    } catch (CharacterCodingException e) {
      throw invalid("body is not UTF-8");
    } catch (JsonProcessingException e) {
      throw invalid("body is not JSON: " + e.getOriginalMessage());
    }
  }

  private static ReportBody of(JsonNode tree) throws RefusedException {
    try {
      if (tree.path("kind").asText().equals(ClusterReport.KIND)
          && tree.path("schema").asInt() == ClusterReport.SCHEMA) {
        RequiredFields.check(tree, ClusterReport.class);
      }
      var report = ReportJson.read(tree.toString());
      check(report.agent());
      return new ReportBody(report, tree);
    } catch (IllegalArgumentException e) {
      throw invalid(path(e.getCause()) + e.getMessage());
    }
  }

  private static void check(ClusterReport.AgentIdentity agent) throws RefusedException {
    if (agent.instance().isBlank()) {
      throw invalid("agent.instance is empty");
    }
    if (agent.sequence() < 0 || agent.sequence() > Reports.MAX_COUNT) {
      throw invalid("agent.sequence is not within 0 to " + Reports.MAX_COUNT);
    }
  }

  /** {@code health.conditions[0].status: } if the JSON library says where it was. */
  private static String path(@Nullable Throwable cause) {
    if (!(cause instanceof JsonMappingException mapping) || mapping.getPath().isEmpty()) {
      return "";
    }
    return mapping.getPath().stream()
            .map(
                step ->
                    step.getFieldName() == null
                        ? "[" + step.getIndex() + "]"
                        : "." + step.getFieldName())
            .collect(Collectors.joining())
            .substring(1)
        + ": ";
  }

  static RefusedException tooLong(String what, int limit) {
    return new RefusedException(413, "MaxLimitExceeded", what + "body too long: limit=" + limit);
  }

  private static RefusedException invalid(String reason) {
    var line = reason.replaceAll("\\p{Cntrl}+", " ");
    return new RefusedException(
        400,
        "InvalidBodyContent",
        line.substring(0, Math.min(line.length(), MAX_REASON_CHARACTERS)));
  }
}
