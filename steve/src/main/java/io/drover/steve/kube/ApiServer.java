package io.drover.steve.kube;

import io.drover.steve.http.Fields;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/** The API server. Any thread; methods block. */
public final class ApiServer implements AutoCloseable {
  /** For a connection. */
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** For the next byte of an answer. A watch brings a bookmark a minute. */
  static final Duration SILENCE_LIMIT = Duration.ofMinutes(3);

  /**
   * Watches on one connection. An API server lets 100 requests be open on it, and the JDK's client
   * opens no second one by itself.
   */
  static final int WATCHES_A_CONNECTION = 64;

  private static final int MAX_REFUSAL_BYTES = 1024 * 1024;

  private final ApiAccess access;
  private final Guard guard;
  private final OwnRights rights = new OwnRights();

  // Guarded by this. Null until the first request, and after one that was not answered: the JDK's
  // client would go on with a connection whose path is cut.
  private @Nullable HttpClient client;
  private boolean closed;

  // Guarded by this, and so is what is in them.
  private final List<Lane> lanes = new ArrayList<>();

  /** A connection for watches. */
  private static final class Lane {
    private final HttpClient client;
    private int watches;

    Lane(HttpClient client) {
      this.client = client;
    }
  }

  /** Opens nothing yet. */
  public ApiServer(ApiAccess access) {
    this(access, Guard.NONE);
  }

  /**
   * Opens nothing yet.
   *
   * @param guard who says what may be asked of it in users' names, and what of it is shown
   */
  public ApiServer(ApiAccess access, Guard guard) {
    this.access = access;
    this.guard = guard;
  }

  /** Who says what may be asked of it in users' names, and what of its answers is shown. */
  public Guard guard() {
    return guard;
  }

  /**
   * Asks, if what is asked in a user's name may be.
   *
   * @throws Refusal if the API server says no, or the guard
   * @throws IOException if it says nothing
   */
  public ApiAnswer send(ApiRequest request) throws IOException {
    return send(client(), request, request.method());
  }

  /** The same, of an answer that goes on for long. */
  public ApiAnswer watch(ApiRequest request) throws IOException {
    var lane = lane();
    boolean begun = false;
    try {
      var answer = send(lane.client, request, "WATCH");
      begun = true;
      var body =
          new FilterInputStream(answer.body()) {
            private final AtomicBoolean left = new AtomicBoolean();

            @Override
            public int read(byte[] into, int offset, int length) throws IOException {
              return in.read(into, offset, length);
            }

            @Override
            public void close() throws IOException {
              if (left.compareAndSet(false, true)) {
                leave(lane);
              }
              super.close();
            }
          };
      return new ApiAnswer(answer.status(), answer.warnings(), body);
    } finally {
      if (!begun) {
        leave(lane);
      }
    }
  }

  private synchronized Lane lane() throws IOException {
    for (var lane : lanes) {
      if (lane.watches < WATCHES_A_CONNECTION) {
        lane.watches++;
        return lane;
      }
    }
    var lane = new Lane(open());
    lanes.add(lane);
    lane.watches++;
    return lane;
  }

  private synchronized void leave(Lane lane) {
    lane.watches--;
    if (lane.watches == 0) {
      lanes.remove(lane);
    }
  }

  private ApiAnswer send(HttpClient used, ApiRequest request, String verb) throws IOException {
    String asked = verb + " " + path(request.target());
    if (request.as().isPresent()) {
      guard.of(request.as().get()).check(request.method(), request.target());
    }
    var sent = guard.sent(request);
    try {
      var response = used.send(httpRequest(sent), BodyHandlers.ofInputStream());
      var body = new LimitedBody(response.body(), SILENCE_LIMIT);
      if (response.statusCode() >= HttpURLConnection.HTTP_MULT_CHOICE) {
        try (body) {
          var refusal = refusal(response, body);
          rights.refused(asked, request.as(), refusal);
          throw refusal;
        }
      }
      rights.allowed(asked, request.as());
      return new ApiAnswer(
          response.statusCode(),
          response.headers().allValues("Warning"),
          shown(request, response.headers().firstValue("Content-Type").orElse(""), body));
    } catch (HttpTimeoutException e) {
      forget(used);
      throw new IOException(
          "the API server has not answered within " + request.limit().toSeconds() + " s", e);
    } catch (InterruptedException e) {
      throw Stopping.interrupted(e);
    }
  }

  private InputStream shown(ApiRequest request, String contentType, InputStream body)
      throws IOException {
    try {
      return guard.shown(request, contentType, body);
    } catch (IOException e) {
      body.close();
      throw e;
    }
  }

  /**
   * Leaves HTTP, in our own name and on a connection of its own, which the caller closes.
   *
   * @param asked the fields that ask for it
   * @throws Refusal if the API server says no
   */
  public ApiStream upgrade(String target, Fields asked) throws IOException {
    synchronized (this) {
      if (closed) {
        throw Stopping.late();
      }
    }
    String what = "UPGRADE " + path(target);
    try {
      var stream = ApiStream.open(access, target, asked, ApiRequest.LIMIT);
      rights.allowed(what, Optional.empty());
      return stream;
    } catch (Refusal e) {
      rights.refused(what, Optional.empty(), e);
      throw e;
    }
  }

  private static String path(String target) {
    int query = target.indexOf('?');
    return query < 0 ? target : target.substring(0, query);
  }

  /** The first right that we ourselves lack; empty: nothing is known to be missing. */
  public Optional<String> missingRight() {
    return rights.missing();
  }

  private HttpRequest httpRequest(ApiRequest request) throws IOException {
    var http =
        HttpRequest.newBuilder(access.url().resolve(request.target()))
            .timeout(request.limit())
            .header("Accept", request.accept());
    access.authorize(http);
    request.as().ifPresent(user -> user.addTo(http));
    var body = request.body();
    body.ifPresent(sent -> http.header("Content-Type", sent.contentType()));
    http.method(
        request.method(),
        body.map(sent -> BodyPublishers.ofByteArray(sent.bytes())).orElse(BodyPublishers.noBody()));
    return http.build();
  }

  private static Refusal refusal(HttpResponse<?> response, InputStream body) throws IOException {
    byte[] bytes = body.readNBytes(MAX_REFUSAL_BYTES);
    try {
      return Refusal.of(response.statusCode(), Json.MAPPER.readTree(bytes));
    } catch (IOException _) {
      return Refusal.of(response.statusCode(), Json.MAPPER.createObjectNode());
    }
  }

  private synchronized HttpClient client() throws IOException {
    if (client == null || closed) {
      client = open();
    }
    return client;
  }

  private synchronized HttpClient open() throws IOException {
    if (closed) {
      throw Stopping.late();
    }
    return HttpClient.newBuilder()
        .version(HttpClient.Version.HTTP_2)
        .connectTimeout(CONNECT_LIMIT)
        // Whatever the JVM is told of proxies: they are meant for other ways.
        .proxy(HttpClient.Builder.NO_PROXY)
        .sslContext(access.tls())
        .executor(task -> Thread.ofVirtual().name("explorer-http").start(task))
        .build();
  }

  private synchronized void forget(HttpClient used) {
    if (used.equals(client)) {
      client = null;
    }
    lanes.removeIf(lane -> used.equals(lane.client));
  }

  /** Lets connections go that nobody uses; what is asked goes on. */
  public synchronized void rest() {
    client = null;
    rights.forget();
  }

  /** Ends what is asked. */
  @Override
  public synchronized void close() {
    closed = true;
    if (client != null) {
      client.shutdownNow();
      client = null;
    }
    lanes.forEach(lane -> lane.client.shutdownNow());
    lanes.clear();
  }
}
