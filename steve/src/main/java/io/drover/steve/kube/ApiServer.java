package io.drover.steve.kube;

import io.drover.steve.http.Fields;
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
import org.jspecify.annotations.Nullable;

/** The API server. Any thread; methods block. */
public final class ApiServer implements AutoCloseable {
  /** For a connection. */
  static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);

  /** For the next byte of an answer. A watch brings a bookmark a minute. */
  static final Duration SILENCE_LIMIT = Duration.ofMinutes(3);

  private static final int MAX_REFUSAL_BYTES = 1024 * 1024;

  private final ApiAccess access;

  // Guarded by this. Null until the first request, and after one that was not answered: the JDK's
  // client would go on with a connection whose path is cut.
  private @Nullable HttpClient client;
  private boolean closed;

  /** Opens nothing yet. */
  public ApiServer(ApiAccess access) {
    this.access = access;
  }

  /**
   * Asks.
   *
   * @throws Refusal if the API server says no
   * @throws IOException if it says nothing
   */
  public ApiAnswer send(ApiRequest request) throws IOException {
    var used = client();
    try {
      var response = used.send(httpRequest(request), BodyHandlers.ofInputStream());
      var body = new LimitedBody(response.body(), SILENCE_LIMIT);
      if (response.statusCode() >= HttpURLConnection.HTTP_MULT_CHOICE) {
        try (body) {
          throw refusal(response, body);
        }
      }
      return new ApiAnswer(response.statusCode(), response.headers().allValues("Warning"), body);
    } catch (HttpTimeoutException e) {
      forget(used);
      throw new IOException(
          "the API server has not answered within " + request.limit().toSeconds() + " s", e);
    } catch (InterruptedException e) {
      throw Stopping.interrupted(e);
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
    return ApiStream.open(access, target, asked, ApiRequest.LIMIT);
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
    if (closed) {
      throw Stopping.late();
    }
    if (client == null) {
      client =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_2)
              .connectTimeout(CONNECT_LIMIT)
              .sslContext(access.tls())
              .executor(task -> Thread.ofVirtual().name("explorer-http").start(task))
              .build();
    }
    return client;
  }

  private synchronized void forget(HttpClient used) {
    if (used.equals(client)) {
      client = null;
    }
  }

  /** Lets connections go that nobody uses; what is asked goes on. */
  public synchronized void rest() {
    client = null;
  }

  /** Ends what is asked. */
  @Override
  public synchronized void close() {
    closed = true;
    if (client != null) {
      client.shutdownNow();
      client = null;
    }
  }
}
