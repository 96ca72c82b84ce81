package io.drover.server;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.drover.proto.handshake.ConnectParams;
import io.drover.server.cert.CertificateFiles;
import io.drover.server.cert.Trust;
import io.drover.server.tunnel.RawAgent;
import java.io.ByteArrayInputStream;
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
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import javax.net.ssl.SSLContext;

/** A server on a free port and a directory of its own, and how tests talk to it. */
final class TestServer implements AutoCloseable {
  static final ObjectMapper JSON = new ObjectMapper();

  final Path directory;
  final URI url;
  final SSLContext tls;
  final String adminToken;
  private final Server server;

  private TestServer(Path directory, Server server, SSLContext tls, String adminToken) {
    this.directory = directory;
    this.server = server;
    this.url = server.url();
    this.tls = tls;
    this.adminToken = adminToken;
  }

  static TestServer start(Path directory) throws IOException, GeneralSecurityException {
    return start(directory, InstantSource.system());
  }

  static TestServer start(Path directory, InstantSource clock)
      throws IOException, GeneralSecurityException {
    return start(directory, clock, Optional.empty());
  }

  static TestServer start(
      Path directory, InstantSource clock, Optional<CertificateFiles> certificate)
      throws IOException, GeneralSecurityException {
    return start(directory, clock, certificate, Optional.empty(), 0);
  }

  static TestServer start(
      Path directory,
      InstantSource clock,
      Optional<CertificateFiles> certificate,
      Optional<ServerConfig.Oidc> oidc,
      int port)
      throws IOException, GeneralSecurityException {
    return start(
        new ServerConfig(
            directory,
            "127.0.0.1",
            port,
            Optional.empty(),
            List.of(),
            certificate,
            "registry.test/agent:1",
            Optional.empty(),
            Optional.empty(),
            oidc,
            Duration.ofMillis(200)),
        clock);
  }

  /** One of several that are one server: they share a database and an authority. */
  static TestServer startBeside(
      Path directory, String databaseUrl, CertificateFiles certificate, InstantSource clock)
      throws IOException, GeneralSecurityException {
    return start(
        new ServerConfig(
            directory,
            "127.0.0.1",
            0,
            Optional.empty(),
            List.of(),
            Optional.of(certificate),
            "registry.test/agent:1",
            Optional.of(databaseUrl),
            Optional.of(URI.create("https://127.0.0.1")),
            Optional.empty(),
            Duration.ofMillis(200)),
        clock);
  }

  private static TestServer start(ServerConfig config, InstantSource clock)
      throws IOException, GeneralSecurityException {
    var directory = config.directory();
    var server = Server.open(config, clock);
    var ca = server.certificate().current().authorityPem();
    var token = Files.readString(directory.resolve(Server.ADMIN_TOKEN_FILE)).strip();
    var trust = ca.isEmpty() ? SSLContext.getDefault() : trusting(ca);
    return new TestServer(directory, server, trust, token);
  }

  static SSLContext trusting(String pem) throws IOException, GeneralSecurityException {
    return Trust.of(new ByteArrayInputStream(pem.getBytes(UTF_8)));
  }

  /** Looks for a new certificate now. */
  void readCertificateAgain() {
    server.certificate().readAgain();
  }

  /** Sends what a browser or a program may send; {@code fields} are names and values in turn. */
  HttpResponse<String> send(
      HttpClient http, String method, String path, String body, String... fields)
      throws IOException, InterruptedException {
    var request =
        HttpRequest.newBuilder(url.resolve(path))
            .method(
                method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
    if (fields.length > 0) {
      request.headers(fields);
    }
    return http.send(request.build(), BodyHandlers.ofString());
  }

  JsonNode get(String path) throws IOException, InterruptedException {
    try (var running = RunningServer.of(directory)) {
      return running.get(path);
    }
  }

  JsonNode post(String path, JsonNode body) throws IOException, InterruptedException {
    try (var running = RunningServer.of(directory)) {
      return running.post(path, body);
    }
  }

  /** Waits until something is so. */
  static void eventually(String what, BooleanSupplier isSo) throws InterruptedException {
    for (long end = System.nanoTime() + 30_000_000_000L; !isSo.getAsBoolean(); ) {
      if (System.nanoTime() > end) {
        throw new AssertionError("not within 30 s: " + what);
      }
      Thread.sleep(10);
    }
  }

  /** A cluster and its token. */
  record NewCluster(String id, String token) {}

  NewCluster create(String name) throws IOException, InterruptedException {
    var id = post("/v3/clusters", JSON.createObjectNode().put("name", name)).path("id").asText();
    var token = post("/v3/clusterregistrationtokens", JSON.createObjectNode().put("clusterId", id));
    return new NewCluster(id, token.path("token").asText());
  }

  RawAgent connect(String path, List<String> fields) throws IOException {
    return RawAgent.connect(tls.getSocketFactory(), url, path, fields);
  }

  RawAgent connectCluster(NewCluster cluster, ConnectParams params) throws IOException {
    return connect("/v3/connect", RawAgent.clusterFields(cluster.token(), params));
  }

  RawAgent connectSteve(NewCluster cluster) throws IOException {
    return connect("/v3/connect", RawAgent.steveFields(cluster.token()));
  }

  @Override
  public void close() {
    server.close();
  }
}
