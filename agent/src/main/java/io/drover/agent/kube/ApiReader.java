package io.drover.agent.kube;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.retry.Sleeper;
import io.drover.proto.report.Cause;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.http.HttpClient;
import io.fabric8.kubernetes.client.http.HttpRequest;
import io.fabric8.kubernetes.client.http.HttpResponse;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Questions to the Kubernetes API whose answers are read as they come: an object of a list at a
 * time, so that a list of any length needs the memory of one object. Any thread; methods block.
 *
 * <p>fabric8's own lists would hold all objects at once, as instances of its several thousand
 * classes; its HTTP client is used as it is, with its credentials, TLS and proxies.
 */
public final class ApiReader {
  /** Until the head of an answer is there. */
  static final Duration HEAD_LIMIT = Duration.ofSeconds(10);

  /** How long after that the connection is closed. */
  static final Duration CLOSE_MARGIN = Duration.ofSeconds(1);

  /** For a list to be read to its end. Measured: 10,000 pods in 2 s. */
  static final Duration LIST_LIMIT = Duration.ofSeconds(60);

  /** For the next byte: a watch brings a bookmark a minute, so a silent one is dead. */
  static final Duration SILENCE_LIMIT = Duration.ofMinutes(3);

  /** How often a request is made again that the API server was too busy for. */
  static final int MAX_BUSY = 3;

  /** Before that. The API server asks for as much: a new kind's store takes some seconds. */
  static final Duration BUSY_WAIT = Duration.ofSeconds(1);

  private static final int TOO_MANY_REQUESTS = 429;
  private static final int MAX_DETAIL_CHARACTERS = 200;
  private final HttpClient http;
  private final String base;
  private final Sleeper sleeper;
  private final Duration headLimit;
  private final AtomicLong requests = new AtomicLong();

  /**
   * Asks nothing yet.
   *
   * @param base may have a path of its own, as where a server passes requests on to many clusters
   */
  ApiReader(HttpClient http, URI base, Sleeper sleeper) {
    this(http, base, sleeper, HEAD_LIMIT);
  }

  ApiReader(HttpClient http, URI base, Sleeper sleeper, Duration headLimit) {
    this.http = http;
    this.base = base.toString().replaceFirst("/+$", "");
    this.sleeper = sleeper;
    this.headLimit = headLimit;
  }

  /** How many requests have been made, for those who keep an eye on it. */
  public long requests() {
    return requests.get();
  }

  /**
   * Reads one object.
   *
   * @param path with its query, such as {@code /version}
   */
  public Answer<JsonNode> get(String path) throws InterruptedException {
    return get(path, "application/json");
  }

  /** The same in another form, such as aggregated discovery or metadata only. */
  public Answer<JsonNode> get(String path, String accept) throws InterruptedException {
    return ask(path, accept, headLimit, Body::object);
  }

  /** Reads a text. */
  public Answer<String> text(String path) throws InterruptedException {
    return ask(path, "text/plain, */*", headLimit, Body::text);
  }

  /**
   * Reads a check of the API server, such as {@code /readyz?verbose}: its text, also of one that
   * failed (500), since it names what has.
   */
  public Answer<String> check(String path) throws InterruptedException {
    return ask(
        path,
        "text/plain, */*",
        headLimit,
        status -> isSuccess(status) || status == HttpURLConnection.HTTP_INTERNAL_ERROR,
        Body::text);
  }

  /** What a request that may be refused brought: its status and its JSON. */
  public record Outcome(int status, @Nullable String warning, JsonNode body) {
    public boolean isSuccess() {
      return ApiReader.isSuccess(status);
    }

    /** Of a refusal, what it comes to where it is no answer. */
    public Cause cause() {
      return ApiReader.cause(status);
    }

    /** Of a refusal, for people. */
    public String message() {
      return shortened(body.path("message").asText(""));
    }
  }

  /**
   * Sends an object. Every answer of the API server is one, refusals included; a refusal that is
   * none is somebody else's, and a missing answer.
   *
   * @param contentType of {@code body}
   */
  public Answer<Outcome> send(String method, String path, String contentType, JsonNode body)
      throws InterruptedException {
    return send(method, path, contentType, body, "application/json");
  }

  /** The same, for an answer in another form, such as metadata only. */
  Answer<Outcome> send(String method, String path, String contentType, JsonNode body, String accept)
      throws InterruptedException {
    requests.incrementAndGet();
    String what = method + " " + path;
    try {
      var response = head(method, path, accept, new Payload(contentType, body.toString()));
      try (var in = new LimitedStream(response.body(), headLimit, headLimit)) {
        return outcome(what, response, Body.text(in, Body.MAX_OBJECT_BYTES));
      }
    } catch (IOException e) {
      return failed(what, e);
    }
  }

  private static Answer<Outcome> outcome(String what, HttpResponse<?> response, String text)
      throws IOException {
    int status = response.code();
    try {
      String warning = String.join("; ", response.headers("Warning"));
      return new Answer.Found<>(
          new Outcome(status, warning.isEmpty() ? null : warning, Body.json(text)));
    } catch (JacksonException e) {
      if (isSuccess(status)) {
        throw e;
      }
      return new Answer.Missing<>(cause(status), what + ": " + status + " " + shortened(text));
    }
  }

  /** Where a list ended, so that a watch can go on from there. */
  public record Listed(String resourceVersion, int items) {}

  /**
   * Reads a list.
   *
   * @param each gets the objects one by one, in this thread
   */
  public Answer<Listed> list(String path, String accept, Consumer<JsonNode> each)
      throws InterruptedException {
    return ask(path, accept, LIST_LIMIT, body -> Body.list(body, each));
  }

  /** What happened to an object. */
  public interface Events {
    /** It is new or was changed. */
    void changed(JsonNode object);

    void deleted(JsonNode object);

    /** All up to this version has been told. */
    void reached(String resourceVersion);
  }

  /** How a watch ended. */
  public enum WatchEnd {
    /** Go on from where it was. */
    ENDED,
    /** The version is too old: list again. */
    EXPIRED
  }

  /**
   * Tells what changes, until the API server ends the watch, which it does after some time.
   *
   * @param path of the list, with {@code watch=true&resourceVersion=…}
   * @param limit after which the watch is ended from here, if nobody else did
   */
  public Answer<WatchEnd> watch(String path, String accept, Duration limit, Events events)
      throws InterruptedException {
    return ask(path, accept, limit, body -> Body.watch(body, events));
  }

  private interface BodyReader<T> {
    T read(LimitedStream body) throws IOException, InterruptedException;
  }

  private record Payload(String contentType, String text) {}

  private static boolean isSuccess(int status) {
    return status / 100 == 2;
  }

  private <T> Answer<T> ask(String path, String accept, Duration limit, BodyReader<T> reader)
      throws InterruptedException {
    return ask(path, accept, limit, ApiReader::isSuccess, reader);
  }

  private <T> Answer<T> ask(
      String path, String accept, Duration limit, IntPredicate isAnswer, BodyReader<T> reader)
      throws InterruptedException {
    requests.incrementAndGet();
    String what = "GET " + pathOnly(path);
    try {
      HttpResponse<InputStream> response = head("GET", path, accept, null);
      try (var body = new LimitedStream(response.body(), limit, SILENCE_LIMIT)) {
        if (!isAnswer.test(response.code())) {
          return new Answer.Missing<>(
              cause(response.code()),
              what + ": " + response.code() + " " + Body.message(Body.text(body)));
        }
        return new Answer.Found<>(reader.read(body));
      }
    } catch (IOException e) {
      return failed(what, e);
    }
  }

  /** Tries again if the API server is too busy, which it says before it does anything. */
  private HttpResponse<InputStream> head(
      String method, String path, String accept, @Nullable Payload payload)
      throws IOException, InterruptedException {
    for (int busy = 0; ; busy++) {
      var response = headOnce(method, path, accept, payload);
      if (response.code() != TOO_MANY_REQUESTS || busy == MAX_BUSY) {
        return response;
      }
      response.body().close();
      sleeper.sleep(BUSY_WAIT);
    }
  }

  private HttpResponse<InputStream> headOnce(
      String method, String path, String accept, @Nullable Payload payload)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        http.newHttpRequestBuilder()
            .uri(uri(path))
            .header("Accept", accept)
            // The client's own limit closes the connection, which cancelling does not.
            .timeout(headLimit.plus(CLOSE_MARGIN).toMillis(), TimeUnit.MILLISECONDS);
    if (payload != null) {
      request = request.method(method, payload.contentType(), payload.text());
    }
    CompletableFuture<HttpResponse<InputStream>> answer;
    try {
      // For the body there is no limit but ours: a watch has none.
      answer = http.sendAsync(request.forStreaming().build(), InputStream.class);
    } catch (KubernetesClientException | IllegalStateException e) { // no token, or closed
      throw new IOException(e.getMessage(), e);
    }
    try {
      return answer.get(headLimit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      answer.cancel(true);
      throw new TimedOutException("no answer within " + headLimit.toSeconds() + " s", e);
    } catch (InterruptedException e) {
      answer.cancel(true);
      throw e;
    } catch (ExecutionException e) {
      throw new IOException(rootOf(e), e);
    } catch (KubernetesClientException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private URI uri(String path) throws Body.UnreadableException {
    try {
      return URI.create(base + path);
    } catch (IllegalArgumentException _) {
      throw new Body.UnreadableException("before this one had a name in it that no path can have");
    }
  }

  private static String rootOf(Throwable error) {
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root.toString();
  }

  private static <T> Answer<T> failed(String what, IOException e) throws InterruptedException {
    if (Thread.currentThread().isInterrupted() || e instanceof InterruptedIOException) {
      throw new InterruptedException(what);
    }
    Cause cause =
        switch (e) {
          case TimedOutException _ -> Cause.TIMEOUT;
          case Body.UnreadableException _ -> Cause.UNREADABLE;
          case JacksonException _ -> Cause.UNREADABLE;
          default ->
              String.valueOf(e.getMessage()).contains("TimeoutException")
                  ? Cause.TIMEOUT
                  : Cause.UNAVAILABLE;
        };
    return new Answer.Missing<>(cause, what + ": " + shortened(String.valueOf(e.getMessage())));
  }

  static Cause cause(int status) {
    return switch (status) {
      case HttpURLConnection.HTTP_UNAUTHORIZED -> Cause.UNAUTHORIZED;
      case HttpURLConnection.HTTP_FORBIDDEN -> Cause.FORBIDDEN;
      case HttpURLConnection.HTTP_NOT_FOUND, HttpURLConnection.HTTP_BAD_METHOD -> Cause.NOT_SERVED;
      case HttpURLConnection.HTTP_CLIENT_TIMEOUT, HttpURLConnection.HTTP_GATEWAY_TIMEOUT ->
          Cause.TIMEOUT;
      default ->
          status >= 500 || status == TOO_MANY_REQUESTS ? Cause.UNAVAILABLE : Cause.UNREADABLE;
    };
  }

  private static String pathOnly(String path) {
    int query = path.indexOf('?');
    return query < 0 ? path : path.substring(0, query);
  }

  static String shortened(String text) {
    String line = text.replaceAll("\\s+", " ").strip();
    return line.length() <= MAX_DETAIL_CHARACTERS
        ? line
        : line.substring(0, MAX_DETAIL_CHARACTERS) + "…";
  }

  /** The answer did not come in time. */
  static final class TimedOutException extends IOException {
    private static final long serialVersionUID = 1;

    TimedOutException(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
