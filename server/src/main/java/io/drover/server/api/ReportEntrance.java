package io.drover.server.api;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.proto.report.ReportJson;
import io.drover.server.store.Cluster;
import io.drover.server.store.RegistrationTokens;
import io.drover.server.store.Reports;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code PUT /v3/reports}: an agent's report of its cluster, which its registration token names.
 * PUT, since it replaces what is there and may be sent twice: a report that is not new changes
 * nothing, and is answered as if it had.
 *
 * <p>{@code PATCH} instead changes the report that {@code If-Match} names, which must be the newest
 * here, by a JSON merge patch: 412 if it is not, 428 if none is named.
 *
 * <p>What is wrong is told by status: 401 the token, 403 the cluster, 408 the sender's speed, 413
 * and 415 the body's length and form, 400 what it says, 503 that others are ahead.
 */
public final class ReportEntrance {
  /** Reports that are read at one time; the next one is told to come back. */
  static final int MAX_AT_ONCE = 16;

  /** How long the body of a report may take. */
  static final Duration READ_LIMIT = Duration.ofSeconds(5);

  /** How long it may take to read a body that nobody wants. */
  static final Duration DRAIN_LIMIT = Duration.ofSeconds(1);

  /** How much of it is read, in bytes. */
  static final int MAX_DRAIN_BYTES = 2 * ReportJson.MAX_BYTES;

  private static final String MERGE_PATCH = "application/merge-patch+json";
  private static final String BEARER = "Bearer ";
  private static final Logger log = LoggerFactory.getLogger(ReportEntrance.class);

  private final RegistrationTokens tokens;
  private final Reports reports;
  private final Semaphore places = new Semaphore(MAX_AT_ONCE);

  /** For the reports of the clusters whose tokens these are. */
  public ReportEntrance(RegistrationTokens tokens, Reports reports) {
    this.tokens = tokens;
    this.reports = reports;
  }

  /** Where agents send them. */
  public List<Route> routes() {
    return List.of(
        Route.at(
            "/v3/reports",
            (request, response, callback, _) -> handle(request, response, callback)));
  }

  private void handle(Request request, Response response, Callback callback) throws IOException {
    try {
      take(request, response);
    } catch (RefusedException e) {
      log.info(
          "report refused: from={} status={} reason={}",
          Request.getRemoteAddr(request),
          e.status(),
          e.reason());
      if (e.status() == 408 || !drain(request)) {
        response.getHeaders().put(HttpHeader.CONNECTION, "close"); // the rest may still come
      }
      Answers.error(response, callback, e.status(), e.word(), e.reason());
      return;
    }
    response.setStatus(204);
    callback.succeeded();
  }

  /** All that can be told from the head comes first: a sender that waits for 100 sends no body. */
  private void take(Request request, Response response) throws RefusedException, IOException {
    boolean isPatch = request.getMethod().equals("PATCH");
    if (!isPatch && !request.getMethod().equals("PUT")) {
      response.getHeaders().put(HttpHeader.ALLOW, "PUT, PATCH");
      throw new RefusedException(405, "MethodNotAllowed", "method not allowed");
    }
    var cluster = authenticate(request, response);
    requireType(request, response, isPatch ? MERGE_PATCH : "application/json");
    boolean gzip = isGzip(request, response);
    int limit = gzip ? ReportBody.MAX_GZIP_BYTES : ReportJson.MAX_BYTES;
    if (request.getLength() > limit) {
      throw ReportBody.tooLong("", limit);
    }
    if (!places.tryAcquire()) {
      response.getHeaders().put(HttpHeader.RETRY_AFTER, READ_LIMIT.toSeconds());
      throw new RefusedException(503, "ServiceUnavailable", "too many reports at one time");
    }
    try {
      byte[] sent = read(request, limit);
      byte[] bytes = gzip ? ReportBody.inflate(sent) : sent;
      var body = isPatch ? patched(request, cluster, bytes) : ReportBody.parse(bytes);
      store(cluster, body, response);
    } finally {
      places.release();
    }
  }

  /** The newest report as the patch makes it, if it is the one that is meant. */
  private ReportBody patched(Request request, Cluster cluster, byte[] patch)
      throws RefusedException, IOException {
    var tag = Objects.requireNonNullElse(request.getHeaders().get(HttpHeader.IF_MATCH), "");
    if (tag.isEmpty()) {
      throw new RefusedException(
          428, "PreconditionRequired", "If-Match must name the report that is changed");
    }
    var newest = reports.asItCame(cluster.id()).map(stored -> stored.path("report")).orElse(null);
    if (!(newest instanceof ObjectNode report) || !tag.equals(ReportBody.entityTag(report))) {
      throw new RefusedException(
          412, "PreconditionFailed", "the report that is changed is not the newest here");
    }
    return ReportBody.patched(report, patch);
  }

  private void store(Cluster cluster, ReportBody body, Response response)
      throws RefusedException, IOException {
    var report = body.report();
    if (!report.clusterId().isEmpty() && !report.clusterId().equals(cluster.id())) {
      throw new RefusedException(403, "Forbidden", "clusterId is not that of the token");
    }
    var outcome = reports.take(cluster.id(), report, body.asItCame());
    if (outcome == Reports.Outcome.NO_CLUSTER) {
      throw unauthorized(response);
    }
    log.debug(
        "report: cluster={} sequence={} outcome={}",
        cluster.id(),
        report.agent().sequence(),
        outcome);
  }

  private Cluster authenticate(Request request, Response response) throws RefusedException {
    var value = Objects.requireNonNullElse(request.getHeaders().get(HttpHeader.AUTHORIZATION), "");
    var cluster =
        value.startsWith(BEARER)
            ? tokens.clusterOf(value.substring(BEARER.length())).orElse(null)
            : null;
    if (cluster == null) {
      throw unauthorized(response);
    }
    return cluster;
  }

  private static RefusedException unauthorized(Response response) {
    // Some clients take a 401 without it for a broken answer.
    response.getHeaders().put(HttpHeader.WWW_AUTHENTICATE, "Bearer");
    return new RefusedException(401, "Unauthorized", "must authenticate");
  }

  private static void requireType(Request request, Response response, String wanted)
      throws RefusedException {
    var type = Objects.requireNonNullElse(request.getHeaders().get(HttpHeader.CONTENT_TYPE), "");
    if (!type.replaceFirst(";.*", "").strip().equalsIgnoreCase(wanted)) {
      response.getHeaders().put(HttpHeader.ACCEPT, wanted);
      throw new RefusedException(415, "UnsupportedMediaType", "body must be " + wanted);
    }
  }

  /** Whether the body is packed. */
  private static boolean isGzip(Request request, Response response) throws RefusedException {
    var encoding =
        String.join(",", request.getHeaders().getValuesList(HttpHeader.CONTENT_ENCODING));
    return switch (encoding.toLowerCase(Locale.ROOT)) {
      case "", "identity" -> false;
      case "gzip" -> true;
      default -> {
        response.getHeaders().put(HttpHeader.ACCEPT_ENCODING, "gzip");
        throw new RefusedException(
            415, "UnsupportedMediaType", "content encoding must be gzip, or none");
      }
    };
  }

  private static byte[] read(Request request, int limit) throws RefusedException, IOException {
    var in = Content.Source.asInputStream(request);
    try {
      byte[] bytes = within(READ_LIMIT, () -> in.readNBytes(limit + 1));
      if (bytes.length > limit) {
        throw ReportBody.tooLong("", limit);
      }
      return bytes;
    } catch (TimeoutException e) {
      throw new RefusedException(
          408, "RequestTimeout", "body not read in " + READ_LIMIT.toSeconds() + " s");
    }
  }

  /**
   * Reads what is left of a body that nobody wants, if it is not much, and whether that was all.
   * Closing a connection with something unread could take the answer away from the client.
   */
  private static boolean drain(Request request) {
    if (request.getHeaders().contains(HttpHeader.EXPECT)) {
      return false; // the client waits for a word to send it
    }
    var in = Content.Source.asInputStream(request);
    try {
      return within(DRAIN_LIMIT, () -> in.skip(MAX_DRAIN_BYTES)) < MAX_DRAIN_BYTES;
    } catch (IOException | TimeoutException e) {
      log.debug("body not drained: reason={}", e.toString());
      return false;
    }
  }

  private static <T> T within(Duration limit, Callable<T> reading)
      throws IOException, TimeoutException {
    var task = new FutureTask<>(reading);
    Thread.ofVirtual().name("report-body").start(task);
    try {
      return task.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new IOException("body not read: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("stopped", e);
    } finally {
      task.cancel(true);
    }
  }
}
