package io.drover.agent.gateway;

import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tls.TestCa;
import io.drover.steve.kube.ApiAccess;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.Http2Settings;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.PemKeyCertOptions;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.SSLContext;

/** An API server in HTTP/2 that answers what a test says: Vert.x. */
final class Http2Api implements ApiAccess, AutoCloseable {
  /** What is asked, and not answered yet. */
  final LinkedBlockingQueue<HttpServerRequest> asked = new LinkedBlockingQueue<>();

  /** Why answers have ended. */
  final LinkedBlockingQueue<Throwable> ended = new LinkedBlockingQueue<>();

  final List<HttpConnection> connections = new CopyOnWriteArrayList<>();
  volatile String token = "real-1";

  private final Vertx vertx = Vertx.vertx();
  private final SSLContext tls;
  private final int port;

  /**
   * Begins to answer.
   *
   * @param streams that it allows on a connection
   * @param versions that it speaks
   */
  Http2Api(int streams, HttpVersion... versions) throws Exception {
    var ca = TestCa.root("API server CA");
    tls = ServerTrust.ofPem(ca.pem()).orElseThrow();
    var identity = ca.issue("127.0.0.1");
    var key =
        "-----BEGIN PRIVATE KEY-----\n"
            + Base64.getMimeEncoder().encodeToString(identity.key().getPrivate().getEncoded())
            + "\n-----END PRIVATE KEY-----\n";
    var options =
        new HttpServerOptions()
            .setHost("127.0.0.1")
            .setPort(0)
            .setSsl(true)
            .setUseAlpn(true)
            .setAlpnVersions(List.of(versions))
            .setInitialSettings(new Http2Settings().setMaxConcurrentStreams(streams))
            .setKeyCertOptions(
                new PemKeyCertOptions()
                    .setKeyValue(Buffer.buffer(key))
                    .setCertValue(Buffer.buffer(TestCa.pem(identity.chain().getFirst()))));
    port =
        vertx
            .createHttpServer(options)
            .connectionHandler(connections::add)
            .requestHandler(
                request -> {
                  request.response().exceptionHandler(ended::add);
                  asked.add(request);
                })
            .listen()
            .toCompletionStage()
            .toCompletableFuture()
            .get()
            .actualPort();
  }

  @Override
  public URI url() {
    return URI.create("https://127.0.0.1:" + port);
  }

  @Override
  public SSLContext tls() {
    return tls;
  }

  @Override
  public void authorize(HttpRequest.Builder request) {
    request.header("Authorization", "Bearer " + token);
  }

  @Override
  public void close() {
    vertx.close().toCompletionStage().toCompletableFuture().join();
  }
}
