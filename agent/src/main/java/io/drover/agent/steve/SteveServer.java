package io.drover.agent.steve;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** Answers {@code /ping}, and says plainly that the rest is not there. */
public final class SteveServer implements AutoCloseable {
  /** Connections that wait to be accepted. */
  private static final int BACKLOG = 128;

  private static final String PONG = "pong";
  private static final String NOT_IMPLEMENTED =
      """
      {"type":"error","status":501,"code":"NotImplemented",\
      "message":"this agent does not serve the Explorer's API"}
      """;

  private final HttpServer server;
  private final ExecutorService threads;

  private SteveServer(HttpServer server, ExecutorService threads) {
    this.server = server;
    this.threads = threads;
  }

  /** Listens on a free port of the loopback interface. */
  public static SteveServer start() throws IOException {
    var server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), BACKLOG);
    var threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("steve-", 0).factory());
    server.setExecutor(threads);
    server.createContext("/", SteveServer::answer);
    server.start();
    return new SteveServer(server, threads);
  }

  /** Where the streams of the steve tunnel lead, whatever address the server names. */
  public InetSocketAddress address() {
    return server.getAddress();
  }

  private static void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      boolean isPing = exchange.getRequestURI().getPath().equals("/ping");
      exchange
          .getResponseHeaders()
          .set("Content-Type", isPing ? "text/plain; charset=utf-8" : "application/json");
      var body = (isPing ? PONG : NOT_IMPLEMENTED).getBytes(UTF_8);
      boolean headOnly = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(isPing ? 200 : 501, headOnly ? -1 : body.length);
      if (!headOnly) {
        exchange.getResponseBody().write(body);
      }
    }
  }

  @Override
  public void close() {
    server.stop(0);
    threads.close();
  }
}
