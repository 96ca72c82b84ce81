package io.drover.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.server.cert.Trust;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/** The server that runs on a directory, as the commands see it: through its HTTP API. */
final class RunningServer implements AutoCloseable {
  /** How long one request of a command may take. */
  static final Duration REQUEST_LIMIT = Duration.ofSeconds(10);

  private static final ObjectMapper JSON = new ObjectMapper();

  private final URI url;
  private final String adminToken;
  private final HttpClient http;

  private RunningServer(URI url, String adminToken, HttpClient http) {
    this.url = url;
    this.adminToken = adminToken;
    this.http = http;
  }

  /**
   * Finds the server of a directory.
   *
   * @throws IOException if no server ever ran on it
   */
  static RunningServer of(Path directory) throws IOException {
    var file = directory.resolve(Server.SERVER_FILE);
    if (!Files.exists(file)) {
      throw new IOException("no server runs on " + directory + ": there is no " + file);
    }
    var described = JSON.readTree(file.toFile());
    try {
      return new RunningServer(
          URI.create(described.path("url").asText()),
          Files.readString(directory.resolve(Server.ADMIN_TOKEN_FILE)).strip(),
          HttpClient.newBuilder()
              .connectTimeout(REQUEST_LIMIT)
              .sslContext(trusting(Path.of(described.path("caFile").asText())))
              .build());
    } catch (GeneralSecurityException e) {
      throw new IOException("the server's CA is not usable: " + e.getMessage(), e);
    }
  }

  /** Trusts those in a file; if there are none, those that everybody trusts. */
  static SSLContext trusting(Path caFile) throws IOException, GeneralSecurityException {
    if (Files.size(caFile) == 0) {
      return SSLContext.getDefault();
    }
    try (var in = Files.newInputStream(caFile)) {
      return Trust.of(in);
    }
  }

  JsonNode get(String path) throws IOException, InterruptedException {
    return send(request(path).GET());
  }

  /** What is there; empty if nothing is. */
  Optional<JsonNode> find(String path) throws IOException, InterruptedException {
    var response = http.send(request(path).GET().build(), BodyHandlers.ofString());
    return response.statusCode() == 404 ? Optional.empty() : Optional.of(fine(response));
  }

  JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
    return send(request(path).POST(BodyPublishers.ofString(body.toString())));
  }

  JsonNode delete(String path) throws IOException, InterruptedException {
    return send(request(path).DELETE());
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create(url + path))
        .timeout(REQUEST_LIMIT)
        .header("Authorization", "Bearer " + adminToken);
  }

  private JsonNode send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return fine(http.send(request.build(), BodyHandlers.ofString()));
  }

  private static JsonNode fine(HttpResponse<String> response) throws IOException {
    var body = JSON.readTree(response.body());
    if (response.statusCode() / 100 != 2) {
      throw new IOException(body.path("message").asText("status " + response.statusCode()));
    }
    return body;
  }

  @Override
  public void close() {
    http.close();
  }
}
