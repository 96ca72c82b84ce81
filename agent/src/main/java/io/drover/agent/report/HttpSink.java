package io.drover.agent.report;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerHttp;
import io.drover.proto.report.ClusterReport;
import io.drover.proto.report.MergePatch;
import io.drover.proto.report.ReportJson;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;

/**
 * A URL that reports are put to: whole, or what has changed since the last one, if that is not long
 * ago and the server has it. They are idempotent, by instance and sequence: one that was sent twice
 * counts once.
 */
final class HttpSink implements ReportSink {
  /** For the whole exchange. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** The longest that a server can make us wait. */
  static final Duration MAX_RETRY_AFTER = Duration.ofMinutes(15);

  /**
   * After which a report goes whole, whatever the server has. A little less than a report's period,
   * so that one without news, which comes at its end, is whole.
   */
  static final Duration WHOLE_EVERY = Duration.ofMinutes(4);

  private static final int PRECONDITION_FAILED = 412;
  private static final int PRECONDITION_REQUIRED = 428;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final int MAX_SHOWN = 200;

  /** What changes while the agent runs: asked for anew each time. */
  interface Access {
    Secret token() throws IOException;

    SSLContext trust() throws IOException;
  }

  /** A report that the server has. */
  private record Taken(String entityTag, ObjectNode report) {}

  private final URI url;
  private final ServerHttp http;
  private final Access access;
  private final Clock clock;

  // Of the reporter's thread.
  private Instant notBefore = Instant.MIN;
  private Instant wholeAt = Instant.MIN;
  private Optional<Taken> last = Optional.empty();
  private boolean takesPatches = true;

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
    Instant now = clock.instant();
    // A clock that was put back may have left a time far ahead.
    if (now.isBefore(notBefore) && now.plus(MAX_RETRY_AFTER).isAfter(notBefore)) {
      throw new Failure(
          Reason.TOO_MANY_REQUESTS, "the server asked not to be called before " + notBefore);
    }
    ObjectNode tree = ReportJson.tree(report);
    Optional<Taken> before = last;
    last = Optional.empty(); // until we know
    boolean isRecent = !now.isBefore(wholeAt) && now.isBefore(wholeAt.plus(WHOLE_EVERY));
    if (before.isEmpty() || !isRecent || !takesPatches || !patch(before.get(), tree)) {
      var answer = send("PUT", "application/json", Map.of(), tree);
      if (!isSuccess(answer)) {
        throw refused(answer);
      }
      wholeAt = now;
    }
    last = Optional.of(new Taken(report.agent().entityTag(), tree));
  }

  /** False: the report has to go whole. */
  private boolean patch(Taken before, ObjectNode report) throws IOException {
    var answer =
        send(
            "PATCH",
            "application/merge-patch+json",
            Map.of("If-Match", before.entityTag()),
            MergePatch.between(before.report(), report));
    if (isSuccess(answer)) {
      return true;
    }
    return switch (answer.status()) {
      // Another replica's is there, or the server has lost ours.
      case HttpURLConnection.HTTP_NOT_FOUND,
          HttpURLConnection.HTTP_CONFLICT,
          PRECONDITION_FAILED,
          PRECONDITION_REQUIRED ->
          false;
      case HttpURLConnection.HTTP_BAD_REQUEST,
          HttpURLConnection.HTTP_BAD_METHOD,
          HttpURLConnection.HTTP_UNSUPPORTED_TYPE,
          HttpURLConnection.HTTP_NOT_IMPLEMENTED -> {
        takesPatches = false;
        yield false;
      }
      default -> throw refused(answer);
    };
  }

  private ServerHttp.Answer send(
      String method, String contentType, Map<String, String> more, ObjectNode body)
      throws IOException {
    var headers = new LinkedHashMap<>(more);
    headers.put("Content-Type", contentType);
    headers.put("Content-Encoding", "gzip");
    headers.put("Authorization", "Bearer " + access.token().value());
    return http.send(method, url, access.trust(), LIMIT, headers, zipped(body.toString()));
  }

  private static boolean isSuccess(ServerHttp.Answer answer) {
    return answer.status() / 100 == 2;
  }

  private IOException refused(ServerHttp.Answer answer) {
    notBefore = clock.instant().plus(retryAfter(answer.retryAfter()));
    String body = answer.body().replaceAll("\\s+", " ");
    return new Failure(
        switch (answer.status()) {
          case TOO_MANY_REQUESTS -> Reason.TOO_MANY_REQUESTS;
          default -> answer.status() >= 500 ? Reason.SERVER_UNAVAILABLE : Reason.REPORT_REFUSED;
        },
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
