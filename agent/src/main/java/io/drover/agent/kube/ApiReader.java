package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
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

  /** Of one object in JSON. etcd takes no more than 1.5 MiB. */
  static final int MAX_OBJECT_BYTES = 4 * 1024 * 1024;

  /**
   * Of a text. The longest are a kubelet's measurements: 400 KB with 250 pods of two containers.
   */
  static final int MAX_TEXT_BYTES = 1024 * 1024;

  /** How often a request is made again that the API server was too busy for. */
  static final int MAX_BUSY = 3;

  /** Before that. The API server asks for as much: a new kind's store takes some seconds. */
  static final Duration BUSY_WAIT = Duration.ofSeconds(1);

  private static final int TOO_MANY_REQUESTS = 429;
  private static final int MAX_DETAIL_CHARACTERS = 200;
  private static final int MAX_DEPTH = 200;

  private static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder()
                      .maxNestingDepth(MAX_DEPTH)
                      .maxStringLength(MAX_OBJECT_BYTES)
                      .build())
              .build());

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
    return ask(path, accept, headLimit, ApiReader::object);
  }

  /** Reads a text. */
  public Answer<String> text(String path) throws InterruptedException {
    return ask(path, "text/plain, */*", headLimit, ApiReader::text);
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
        ApiReader::text);
  }

  private static JsonNode object(LimitedStream body) throws IOException {
    body.allow(MAX_OBJECT_BYTES);
    JsonNode object = JSON.readTree(body);
    if (!object.isObject()) {
      throw new UnreadableException("is no object");
    }
    return object;
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
        return outcome(what, response, text(in, MAX_OBJECT_BYTES));
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
          new Outcome(status, warning.isEmpty() ? null : warning, JSON.readTree(text)));
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
    return ask(path, accept, LIST_LIMIT, body -> listed(body, each));
  }

  private static Listed listed(LimitedStream body, Consumer<JsonNode> each) throws IOException {
    String version = "";
    body.allow(MAX_OBJECT_BYTES);
    int items = 0;
    boolean isList = false;
    try (JsonParser json = JSON.createParser(body)) {
      if (json.nextToken() != JsonToken.START_OBJECT) {
        throw new UnreadableException("is no object");
      }
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String field = json.currentName();
        json.nextToken();
        if (field.equals("metadata")) {
          version = JSON.<JsonNode>readTree(json).path("resourceVersion").asText("");
        } else if (field.equals("items")) {
          isList = true;
          // A list without objects may be null: so Go writes an empty slice.
          if (json.currentToken() != JsonToken.VALUE_NULL) {
            items = items(body, json, each);
          }
        } else {
          json.skipChildren();
        }
      }
      if (json.currentToken() != JsonToken.END_OBJECT) {
        throw new UnreadableException("ends too early");
      }
    }
    if (!isList) {
      throw new UnreadableException("is no list");
    }
    return new Listed(version, items);
  }

  private static int items(LimitedStream body, JsonParser json, Consumer<JsonNode> each)
      throws IOException {
    int items = 0;
    if (json.currentToken() == JsonToken.START_ARRAY) {
      while (json.nextToken() == JsonToken.START_OBJECT) {
        body.allow(MAX_OBJECT_BYTES);
        each.accept(named(tree(json)));
        items++;
      }
    }
    if (json.currentToken() != JsonToken.END_ARRAY) {
      throw new UnreadableException("has items that are no list of objects");
    }
    return items;
  }

  /** All objects of Kubernetes have a name; what has none is something else. */
  private static JsonNode named(JsonNode object) throws UnreadableException {
    JsonNode name = object.path("metadata").path("name");
    if (!name.isTextual() || name.textValue().isEmpty()) {
      throw new UnreadableException("has an object without a name");
    }
    return object;
  }

  /**
   * What begins here, without who wrote which of its fields: nobody asks for that, and it is up to
   * half of an object.
   */
  static JsonNode tree(JsonParser json) throws IOException {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      return JSON.readTree(json);
    }
    ObjectNode tree = JSON.createObjectNode();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String field = json.currentName();
      json.nextToken();
      switch (field) {
        case "managedFields" -> json.skipChildren();
        case "object", "metadata" -> tree.set(field, tree(json)); // of an event; of an object
        default -> tree.set(field, JSON.<JsonNode>readTree(json));
      }
    }
    return tree;
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
    return ask(path, accept, limit, body -> watched(body, events));
  }

  private static WatchEnd watched(LimitedStream body, Events events) throws IOException {
    body.allow(MAX_OBJECT_BYTES);
    try (JsonParser json = JSON.createParser(body)) {
      while (json.nextToken() != null) {
        JsonNode event = tree(json);
        JsonNode object = event.path("object");
        switch (event.path("type").asText()) {
          case "ADDED", "MODIFIED" -> events.changed(named(object));
          case "DELETED" -> events.deleted(named(object));
          case "BOOKMARK" -> {} // only its version matters
          case "ERROR" -> {
            if (object.path("code").asInt() == HttpURLConnection.HTTP_GONE) {
              return WatchEnd.EXPIRED;
            }
            throw new IOException("watch failed: " + shortened(object.path("message").asText()));
          }
          default -> throw new UnreadableException("has an event that is not known");
        }
        events.reached(object.path("metadata").path("resourceVersion").asText(""));
        body.allow(MAX_OBJECT_BYTES);
      }
      return WatchEnd.ENDED;
    }
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
              cause(response.code()), what + ": " + response.code() + " " + message(text(body)));
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

  private URI uri(String path) throws UnreadableException {
    try {
      return URI.create(base + path);
    } catch (IllegalArgumentException _) {
      throw new UnreadableException("before this one had a name in it that no path can have");
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
          case UnreadableException _ -> Cause.UNREADABLE;
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

  /** The message of a Status object, or the text itself. */
  private static String message(String text) {
    try {
      JsonNode message = JSON.readTree(text).path("message");
      return shortened(message.isTextual() ? message.asText() : text);
    } catch (IOException _) {
      return shortened(text);
    }
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

  private static String text(InputStream body) throws IOException {
    return text(body, MAX_TEXT_BYTES);
  }

  private static String text(InputStream body, int maxBytes) throws IOException {
    byte[] bytes = body.readNBytes(maxBytes + 1);
    if (bytes.length > maxBytes) {
      throw new UnreadableException("is longer than " + maxBytes + " bytes");
    }
    return new String(bytes, UTF_8);
  }

  /** The answer is not what it should be. */
  static final class UnreadableException extends IOException {
    private static final long serialVersionUID = 1;

    UnreadableException(String what) {
      super("the answer " + what);
    }
  }

  /** The answer did not come in time. */
  static final class TimedOutException extends IOException {
    private static final long serialVersionUID = 1;

    TimedOutException(String message, Throwable cause) {
      super(message, cause);
    }
  }
}
