package io.drover.server.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.ThreadMXBean;
import io.drover.proto.report.ReportJson;
import io.drover.server.SampleReport;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class ReportBodyTest {
  private static byte[] gzip(byte[]... parts) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      for (byte[] part : parts) {
        gzip.write(part);
      }
    }
    return out.toByteArray();
  }

  /** What is said about the sample after a change. */
  private static String reason(Consumer<ObjectNode> change) {
    var tree = ReportJson.tree(SampleReport.of("c-abcde", "a", 1));
    change.accept(tree);
    return reason(tree.toString());
  }

  private static String reason(String body) {
    return reason(body.getBytes(UTF_8));
  }

  private static String reason(byte[] body) {
    var refused = catchThrowableOfType(RefusedException.class, () -> ReportBody.parse(body));
    assertThat(refused.status()).isEqualTo(400);
    return refused.reason();
  }

  @Test
  void whatIsLongestFitsEvenIfItDoesNotCompress() throws Exception {
    byte[] random = new byte[ReportJson.MAX_BYTES];
    new Random(1).nextBytes(random);

    byte[] packed = gzip(random);

    assertThat(packed.length).isBetween(ReportJson.MAX_BYTES, ReportBody.MAX_GZIP_BYTES);
    assertThat(ReportBody.inflate(packed)).isEqualTo(random);
    assertThatThrownBy(() -> ReportBody.inflate(gzip(new byte[ReportJson.MAX_BYTES + 1])))
        .isInstanceOfSatisfying(
            RefusedException.class, refused -> assertThat(refused.status()).isEqualTo(413))
        .hasMessage("inflated body too long: limit=65536");
  }

  @Test
  void bombIsNotInflated() throws Exception {
    byte[] zeros = new byte[1024 * 1024];
    byte[][] parts = new byte[64][];
    Arrays.fill(parts, zeros);
    byte[] bomb = gzip(parts);
    assertThat(bomb.length).isLessThan(ReportBody.MAX_GZIP_BYTES);
    var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();

    assertThatThrownBy(() -> ReportBody.inflate(bomb)).hasMessageContaining("too long");

    assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(2 * 1024 * 1024);
  }

  @Test
  void damagedGzipIs400() throws Exception {
    byte[] whole = gzip(new byte[1000]);
    byte[] cut = Arrays.copyOf(whole, whole.length - 9);
    for (byte[] body : new byte[][] {new byte[0], "{}".getBytes(UTF_8), cut}) {
      assertThatThrownBy(() -> ReportBody.inflate(body))
          .isInstanceOfSatisfying(
              RefusedException.class, refused -> assertThat(refused.status()).isEqualTo(400))
          .hasMessageStartingWith("body is not gzip");
    }
  }

  @Test
  void unknownFieldsAreKeptBeside() throws Exception {
    var tree = ReportJson.tree(SampleReport.of("c-abcde", "a", 1)).put("future", 1);

    var body = ReportBody.parse(tree.toString().getBytes(UTF_8));

    assertThat(body.report()).isEqualTo(SampleReport.of("c-abcde", "a", 1));
    assertThat(body.asItCame().path("future").asInt()).isEqualTo(1);
  }

  @Test
  void whatIsNoReportIsSaidSo() {
    assertThat(reason("")).isEqualTo("kind must be ClusterReport");
    assertThat(reason("null")).isEqualTo("kind must be ClusterReport");
    assertThat(reason("[]")).isEqualTo("kind must be ClusterReport");
    assertThat(reason("{\"kind\":")).startsWith("body is not JSON: ");
    assertThat(reason("{} {}")).startsWith("body is not JSON: ");
    assertThat(reason("[".repeat(40_000))).startsWith("body is not JSON: ");
    assertThat(reason("\"Größe\"".getBytes(ISO_8859_1))).isEqualTo("body is not UTF-8");
    assertThat(reason(tree -> tree.put("kind", "Pod"))).isEqualTo("kind must be ClusterReport");
    assertThat(reason(tree -> tree.put("schema", 2))).isEqualTo("schema must be 1, not 2");
  }

  @Test
  void missingFieldIsNamed() {
    assertThat(reason(tree -> tree.remove("agent"))).isEqualTo("agent is missing");
    assertThat(reason(tree -> tree.putNull("observedAt"))).isEqualTo("observedAt is missing");
    assertThat(reason(tree -> tree.withObject("agent").remove("sequence")))
        .isEqualTo("agent.sequence is missing");
    assertThat(reason(tree -> tree.withArray("undetermined").addNull()))
        .isEqualTo("undetermined[0] is missing");
    assertThat(reason(tree -> ((ObjectNode) tree.at("/health/conditions/0")).remove("status")))
        .isEqualTo("health.conditions[0].status is missing");
    assertThat(reason(tree -> tree.withObject("resources").withObject("capacity").putNull("cpu")))
        .isEqualTo("resources.capacity.cpu is missing");
  }

  @Test
  void whatWasNotDeterminedMayBeMissing() throws Exception {
    var tree = ReportJson.tree(SampleReport.of("c-abcde", "a", 1));
    tree.remove(List.of("version", "provider"));
    tree.withObject("capabilities").remove("nodePortRange");

    var report = ReportBody.parse(tree.toString().getBytes(UTF_8)).report();

    assertThat(report.version()).isNull();
    assertThat(report.capabilities().nodePortRange()).isNull();
  }

  @Test
  void wrongValueIsNamedByItsField() {
    assertThat(reason(tree -> tree.withObject("agent").put("sequence", "many")))
        .startsWith("agent.sequence: ");
    assertThat(reason(tree -> tree.put("agent", "me"))).startsWith("agent: ");
    assertThat(reason(tree -> tree.put("observedAt", "noon"))).startsWith("observedAt: ");
    assertThat(reason(tree -> tree.withObject("resources").withObject("limits").put("cpu", "x")))
        .startsWith("resources.limits.cpu: ");
    assertThat(reason(tree -> ((ObjectNode) tree.at("/health/conditions/0")).putArray("type")))
        .startsWith("health.conditions[0].type: ");
    assertThat(reason(tree -> tree.withObject("agent").put("instance", " ")))
        .isEqualTo("agent.instance is empty");
    for (long sequence : new long[] {-1, 1L << 53}) {
      assertThat(reason(tree -> tree.withObject("agent").put("sequence", sequence)))
          .isEqualTo("agent.sequence is not within 0 to 9007199254740991");
    }
  }

  @Test
  void reasonIsOneLineOfLimitedLength() {
    var reason = reason(tree -> tree.put("observedAt", "\n\r" + "x".repeat(60_000)));

    assertThat(reason).hasSizeLessThanOrEqualTo(ReportBody.MAX_REASON_CHARACTERS);
    assertThat(reason).doesNotContainPattern("\\p{Cntrl}");
  }
}
