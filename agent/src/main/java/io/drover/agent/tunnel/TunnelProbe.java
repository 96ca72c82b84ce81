package io.drover.agent.tunnel;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerDialer;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * One session that is opened to see whether that works, and ended. It is a {@link TunnelSession} on
 * a {@link WebSocketTransport} as any other: it answers pings and serves what the server asks of
 * it. For one thread.
 */
public final class TunnelProbe implements AutoCloseable {
  /** How long the server may take to answer a frame. */
  static final Duration ANSWER_LIMIT = Duration.ofSeconds(10);

  /** What the handshake may take on top of its own limit, and the end of the reader. */
  private static final Duration MARGIN = Duration.ofSeconds(2);

  /** The server counts its streams up from 2, so it never knows those from here on. */
  private static final long UNKNOWN_STREAMS = Long.MAX_VALUE / 2;

  private static final Problem OVER = new Problem(Reason.SHUTTING_DOWN, "this session was a test");

  /** Room for the answers to a few frames; a server that says more than that is not heard. */
  private final BlockingQueue<Close> answers = new LinkedBlockingQueue<>(16);

  private final CompletableFuture<TunnelSession> opened = new CompletableFuture<>();
  private final CompletableFuture<Problem> ended = new CompletableFuture<>();
  private final TunnelSession session;
  private final WebSocketTransport transport;
  private final Thread reader;
  private long frames;

  private TunnelProbe(
      String name,
      ServerDialer serverDialer,
      Handshake handshake,
      Dialer dialer,
      DialAudit audit,
      Timer timer,
      LocalSockets sockets)
      throws IOException {
    var watchdog = new Watchdog(timer::nanoTime); // nobody looks: a probe is short, and has limits
    session =
        new TunnelSession(
            name,
            dialer,
            handshake.policy(),
            audit,
            timer,
            watchdog,
            sockets,
            new TunnelCounters());
    transport =
        new WebSocketTransport(
            handshake.url(),
            handshake.headers(),
            serverDialer.dial(handshake.url(), handshake.trust(), ServerDialer.STANDARD_LIMIT),
            new Listening(),
            timer,
            watchdog,
            0,
            socket -> {
              session.start(socket);
              opened.complete(session);
            });
    reader = Thread.ofPlatform().daemon().name(name + "-reader").unstarted(this::read);
  }

  /**
   * Opens a session. Blocks, within limits.
   *
   * @param name of the session, for threads and logs
   * @param dialer opens the local ends of streams
   * @param audit is told of each of them
   * @param sockets look after them
   * @throws HandshakeRefused if the server answered with something else than a websocket
   * @throws IOException if there is no session for another reason
   */
  public static TunnelProbe open(
      String name,
      ServerDialer serverDialer,
      Handshake handshake,
      Dialer dialer,
      DialAudit audit,
      Timer timer,
      LocalSockets sockets)
      throws IOException, InterruptedException {
    var probe = new TunnelProbe(name, serverDialer, handshake, dialer, audit, timer, sockets);
    probe.reader.start();
    boolean complete = false;
    try {
      var limit = WebSocketTransport.HANDSHAKE_LIMIT.plus(MARGIN);
      var _ = probe.opened.get(limit.toMillis(), TimeUnit.MILLISECONDS);
      complete = true;
      return probe;
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
    } catch (TimeoutException e) {
      throw new Failure(Reason.SERVER_SILENT, "the websocket handshake does not end", e);
    } finally {
      if (!complete) {
        probe.transport.abort();
      }
    }
  }

  private void read() {
    try {
      var ending = transport.run();
      var ours = session.ending();
      ended.complete(ours == null ? ending.problem() : ours);
    } catch (IOException e) {
      opened.completeExceptionally(e);
      ended.complete(Problem.of(e));
    } catch (InterruptedException e) {
      opened.completeExceptionally(e);
      ended.complete(OVER);
    } finally {
      session.end(OVER);
      var _ = answers.offer(new Close(UNKNOWN_STREAMS, "")); // whoever waits looks at ended
    }
  }

  /**
   * Sends a frame of data for a stream that the server cannot know, and waits until the server says
   * so.
   *
   * @param bytes of the payload
   * @throws IOException if the session ends, or there is no answer in time
   */
  public void sendFrame(int bytes) throws IOException, InterruptedException {
    answers.clear();
    // Another one each time: servers may answer once a second for one.
    session.sayNow(new Data(UNKNOWN_STREAMS + frames++, ByteBuffer.allocate(bytes)));
    var answer = answers.poll(ANSWER_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    if (ended.isDone()) {
      throw failure(ended.join());
    }
    if (answer == null) {
      throw new Failure(
          Reason.TUNNEL_SILENT,
          "no answer to a frame of %d bytes within %d s"
              .formatted(bytes, ANSWER_LIMIT.toSeconds()));
    }
  }

  /**
   * Keeps the session open, with nothing in it but the pings that the agent sends.
   *
   * @throws IOException if it ends before
   */
  public void hold(Duration duration) throws IOException, InterruptedException {
    try {
      throw failure(ended.get(duration.toMillis(), TimeUnit.MILLISECONDS));
    } catch (TimeoutException _) {
      // It has lasted.
    } catch (ExecutionException e) {
      throw new IllegalStateException("it is never completed so", e);
    }
  }

  private static Failure failure(Problem problem) {
    return new Failure(problem.reason(), problem.message());
  }

  @Override
  public void close() {
    session.close(TunnelSession.NORMAL_CLOSE, OVER);
    try {
      reader.join(MARGIN);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    transport.abort();
  }

  /** The session hears everything but the answers to our frames. */
  private final class Listening implements Transport.Receiver {
    @Override
    public void onMessage(Message message) {
      if (message instanceof Close close && close.streamId() >= UNKNOWN_STREAMS) {
        var _ = answers.offer(close);
      } else {
        session.onMessage(message);
      }
    }

    @Override
    public void onProtocolError(String problem) {
      session.onProtocolError(problem);
    }

    @Override
    public void onPing(ByteBuffer payload) {
      session.onPing(payload);
    }

    @Override
    public void onPong() {
      session.onPong();
    }
  }
}
