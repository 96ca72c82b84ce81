package io.drover.agent.steve;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.Handler;
import io.drover.steve.http.HttpFront;
import io.drover.steve.http.Request;
import java.io.IOException;
import java.nio.channels.SocketChannel;

/** Answers {@code /ping} itself, and leaves the rest to the Explorer, if there is one. */
public final class SteveServer implements AutoCloseable {
  private static final byte[] PONG = "pong".getBytes(UTF_8);
  private static final byte[] NOT_IMPLEMENTED =
      """
      {"type":"error","status":501,"code":"NotImplemented",\
      "message":"this agent does not serve the Explorer's API"}
      """
          .getBytes(UTF_8);

  private final HttpFront front;

  private SteveServer(HttpFront front) {
    this.front = front;
  }

  /** Answers all but {@code /ping} with 501. */
  public static SteveServer start() {
    return start(SteveServer::notImplemented);
  }

  /**
   * Begins to answer.
   *
   * @param explorer answers all but {@code /ping}; it may be slow, since each connection has a
   *     thread of its own
   */
  public static SteveServer start(Handler explorer) {
    Handler handler =
        (request, answer) -> {
          // Before all else, and of nothing that the Explorer could hold.
          if (request.path().equals("/ping")) {
            answer.send(200, pongFields(), PONG);
          } else {
            explorer.handle(request, answer);
          }
        };
    return new SteveServer(HttpFront.start("steve", FrontLimits.STANDARD, handler));
  }

  /**
   * The local end of a stream of the steve tunnel, whatever address the server names.
   *
   * @throws IOException if there are too many
   */
  public SocketChannel connect(HttpFront.Opening opening) throws IOException {
    return front.connect(opening);
  }

  /** As the stock agent's. */
  private static Fields pongFields() {
    return new Fields()
        .add("Content-Type", "text/plain; charset=utf-8")
        .add("Cache-Control", "no-cache, no-store, must-revalidate")
        .add("X-Content-Type-Options", "nosniff");
  }

  private static void notImplemented(Request request, Answer answer) throws IOException {
    answer.send(501, new Fields().add("Content-Type", "application/json"), NOT_IMPLEMENTED);
  }

  @Override
  public void close() {
    front.close();
  }
}
