package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.Secret;
import io.drover.agent.tls.ServerHttp;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.ReportJson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;

/**
 * A URL that reports are put to. They are idempotent, by instance and sequence: one that was sent
 * twice counts once.
 */
final class HttpSink implements ReportSink {
  /** For the whole exchange. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** The longest that a server can make us wait. */
  static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(15);

  private static final int MAX_SHOWN = 200;

  /** What changes while the agent runs: asked for anew each time. */
  interface Access {
    Secret token() throws IOException;

    SSLContext trust() throws IOException;
  }

  private final URI url;
  private final ServerHttp http;
  private final Access access;
  private final Clock clock;

  // Of the reporter's thread.
  private Instant notBefore = Instant.MIN;

  HttpSink(URI url, ServerHttp http, Access access, Clock clock) {
    this.url = url;
    this.http = http;
    this.access = access;
    this.clock = clock;
  }

  @Override
  public String name() {
    return "https";
  }

  @Override
  public void put(ClusterReport report) throws IOException {
    if (clock.instant().isBefore(notBefore)) {
      throw new IOException("the server asked not to be called before " + notBefore);
    }
    var answer =
        http.put(
            url,
            access.trust(),
            LIMIT,
            Map.of(
                "Content-Type", "application/json",
                "Content-Encoding", "gzip",
                "Authorization", "Bearer " + access.token().value()),
            zipped(ReportJson.write(report)));
    if (answer.status() / 100 == 2) {
      return;
    }
    notBefore = clock.instant().plus(retryAfter(answer.retryAfter()));
    String body = answer.body().replaceAll("\\s+", " ");
    throw new IOException(
        "%s answered %d %s"
            .formatted(
                url, answer.status(), body.substring(0, Math.min(body.length(), MAX_SHOWN))));
  }

  /** Whole seconds; the form with a date is not used by APIs. */
  static Duration retryAfter(String text) {
    if (!text.matches("\\d{1,9}")) {
      return Duration.ZERO;
    }
    var asked = Duration.ofSeconds(Long.parseLong(text));
    return asked.compareTo(MAX_RETRY_AFTER) < 0 ? asked : MAX_RETRY_AFTER;
  }

  private static byte[] zipped(String text) throws IOException {
    var bytes = new ByteArrayOutputStream();
    try (var zip = new GZIPOutputStream(bytes)) {
      zip.write(text.getBytes(UTF_8));
    }
    return bytes.toByteArray();
  }
}
