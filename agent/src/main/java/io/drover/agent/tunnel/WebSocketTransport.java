package io.drover.agent.tunnel;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.ServerConnection;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.MessageCodec;
import io.drover.proto.tunnel.ProtocolException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import javax.net.SocketFactory;
import org.java_websocket.WebSocketImpl;
import org.java_websocket.client.WebSocketClient;
import org.java_websocket.exceptions.WebsocketNotConnectedException;
import org.java_websocket.handshake.ServerHandshake;
import org.jspecify.annotations.Nullable;

/**
 * A websocket on an open connection, by Java-WebSocket. The library does the handshake, the close
 * handshake and the two threads; what it lacks is added around it: a bound on what is queued
 * ({@link SendWindow}), gathered writes and a hard close ({@link DialledSocket}), fast frames
 * ({@link TunnelDraft}). Used once.
 */
final class WebSocketTransport implements Transport {
  /** From the request to the 101. The Go agent's figure. */
  static final Duration HANDSHAKE_LIMIT = Duration.ofSeconds(10);

  /** The same of a server that has often said nothing. */
  static final Duration LONGEST_HANDSHAKE_LIMIT = Duration.ofSeconds(40);

  /** How long we wait for the peer's answer to our goodbye. */
  static final Duration GOODBYE_LIMIT = Duration.ofSeconds(1);

  private static final int READ_BYTES = 64 * 1024;
  private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

  /** How a websocket ended. */
  record Ending(boolean byServer, Problem problem) {}

  private final Receiver receiver;
  private final Duration handshakeLimit;
  private final Consumer<Transport> onOpen;
  private final SendWindow window = new SendWindow();
  private final DialledSocket socket;
  private final Timer timer;
  private final Watchdog.Work reading;
  private final Client client;
  private final FrameWriter writer = new FrameWriter();
  private final CountDownLatch closed = new CountDownLatch(1);
  private final CountDownLatch left = new CountDownLatch(1);
  private volatile @Nullable Thread reader;
  private volatile boolean open;
  private volatile boolean late;
  private volatile @Nullable HandshakeRefused refusal;
  private volatile @Nullable String failure;
  private volatile @Nullable Ending ending;

  /**
   * Prepares a websocket; nothing is sent yet.
   *
   * @param silences how many attempts before this one the server has not answered in time
   * @param onOpen called once by the reading thread when the server has accepted, before any
   *     message
   * @throws IOException if the connection is closed already
   */
  WebSocketTransport(
      URI url,
      Map<String, String> headers,
      ServerConnection connection,
      Receiver receiver,
      Timer timer,
      Watchdog watchdog,
      int silences,
      Consumer<Transport> onOpen)
      throws IOException {
    this.receiver = receiver;
    this.handshakeLimit = handshakeLimit(silences);
    this.timer = timer;
    this.onOpen = onOpen;
    this.reading = watchdog.work(this::abort);
    this.socket =
        new DialledSocket(
            connection.raw(), connection.socket(), window, writer.pool(), reading, timer);
    this.client = new Client(url, headers);
  }

  /**
   * Longer each time: a server that thousands ask at once may need that long for all of them, and
   * to ask anew before only makes it more.
   */
  private static Duration handshakeLimit(int silences) {
    var limit = HANDSHAKE_LIMIT;
    for (int i = 0; i < silences && limit.compareTo(LONGEST_HANDSHAKE_LIMIT) < 0; i++) {
      limit = limit.multipliedBy(2);
    }
    return limit;
  }

  /**
   * Shakes hands, then reads until the websocket ends, all in the calling thread.
   *
   * @throws HandshakeRefused if the server answered with something else than a websocket
   * @throws IOException if the handshake failed otherwise
   */
  Ending run() throws IOException, InterruptedException {
    reader = Thread.currentThread();
    try {
      readToGoodbye();
      socket.awaitFinished(GOODBYE_LIMIT);
      if (open) {
        leaveLast();
      }
    } finally {
      left.countDown();
      abort();
    }
    var refused = refusal;
    if (refused != null) {
      throw refused;
    }
    var end = ending;
    if (!open || end == null) {
      var why = failure == null ? socket.readFailure() : failure;
      throw new Failure(
          late ? Reason.SERVER_SILENT : Reason.HANDSHAKE_FAILED,
          "websocket handshake failed: " + (why == null ? "connection closed by server" : why));
    }
    return end;
  }

  private void readToGoodbye() {
    var limit = timer.after(handshakeLimit, this::handshakeTookTooLong);
    reading.start();
    try {
      client.run();
    } finally {
      reading.end();
      limit.cancel();
    }
  }

  /**
   * Reads on until the server has closed its side: as long as it has not seen our goodbye, it
   * writes, and a closed socket would answer that with a reset. Within a limit.
   */
  private void leaveLast() {
    var limit = timer.after(GOODBYE_LIMIT, this::abort);
    try {
      socket.skipToEnd();
    } finally {
      limit.cancel();
    }
  }

  @Override
  public void send(Message message) throws IOException, InterruptedException {
    send(writer.frame(message));
  }

  @Override
  public void ping() throws IOException, InterruptedException {
    send(writer.frame(FrameWriter.PING, NO_BYTES));
  }

  @Override
  public void pong(ByteBuffer payload) throws IOException, InterruptedException {
    send(writer.frame(FrameWriter.PONG, payload));
  }

  private void send(ByteBuffer frame) throws IOException, InterruptedException {
    window.acquire(frame.limit());
    try {
      client.sendFrame(new TunnelDraft.Prepared(frame));
    } catch (WebsocketNotConnectedException e) {
      throw new IOException("websocket closed", e);
    }
  }

  @Override
  public long lastReceivedNanos() {
    return socket.lastReceivedNanos();
  }

  @Override
  public long restedNanos() {
    return socket.restedNanos();
  }

  @Override
  public long unsentBytes() {
    return window.usedBytes();
  }

  @Override
  public void readAhead(int bytes) {
    try {
      socket.readAhead(bytes);
    } catch (IOException _) {
      // Closed meanwhile: nothing comes any more.
    }
  }

  @Override
  public void close(int code, String reason) {
    client.close(code, reason);
    if (Thread.currentThread() == reader) {
      return; // the library says goodbye when the caller is back, run() closes the socket
    }
    try {
      if (closed.await(GOODBYE_LIMIT.toNanos(), TimeUnit.NANOSECONDS)) {
        socket.awaitFinished(GOODBYE_LIMIT); // the reader may be out before the goodbye is
        var _ = left.await(GOODBYE_LIMIT.toNanos(), TimeUnit.NANOSECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    abort();
  }

  @Override
  public void abort() {
    socket.abort();
  }

  private void handshakeTookTooLong() {
    if (!open) {
      late = true;
      failure = "no answer within " + handshakeLimit.toSeconds() + " s";
      abort();
    }
  }

  /** Puts messages together again from their pieces. */
  private final class Pieces implements TunnelDraft.Listener {
    // What follows the first piece of a message belongs to this stream; 0 if it is to be dropped.
    private long streamId;
    private boolean isData;

    @Override
    public void piece(ByteBuffer bytes, boolean first, boolean last) {
      reading.begin();
      if (!first) {
        if (isData) {
          receiver.onMessage(new Data(streamId, bytes));
        }
        return;
      }
      try {
        var message = MessageCodec.decode(bytes);
        isData = message instanceof Data;
        streamId = message instanceof Data(var id, _) ? id : 0;
        receiver.onMessage(message);
      } catch (ProtocolException e) {
        isData = false;
        receiver.onProtocolError(String.valueOf(e.getMessage()));
      }
    }

    @Override
    public void ping(ByteBuffer payload) {
      receiver.onPing(payload);
    }

    @Override
    public void pong() {
      receiver.onPong();
    }

    @Override
    public void refused(HandshakeRefused refused) {
      refusal = refused;
    }
  }

  private final class Client extends WebSocketClient {
    Client(URI url, Map<String, String> headers) {
      super(url, new TunnelDraft(new Pieces()), headers, 0);
      setSocketFactory(new OneSocket(socket));
      setTcpNoDelay(true);
      setConnectionLostTimeout(0); // the session watches over that
      setReceiveBufferSize(READ_BYTES);
      setDaemon(true);
      socket.following(((WebSocketImpl) getConnection()).outQueue);
    }

    @Override
    public void onOpen(ServerHandshake handshake) {
      open = true;
      onOpen.accept(WebSocketTransport.this);
    }

    @Override
    public void onMessage(String message) {
      throw new IllegalStateException("text is refused by the frame reader");
    }

    // Called holding the library's monitor: nothing here may wait or take a lock of ours.
    @Override
    public void onClose(int code, String reason, boolean remote) {
      var why = failure == null ? socket.readFailure() : failure;
      boolean byServer = remote && why == null;
      var text = code == 1006 ? "connection closed" : "close " + code + " " + reason;
      var ended = byServer && code != 1006 ? Reason.TUNNEL_CLOSED : Reason.TUNNEL_CUT;
      ending =
          new Ending(byServer, new Problem(ended, why == null ? WireTrace.printable(text) : why));
      closed.countDown();
    }

    @Override
    public void onError(Exception e) {
      if (failure == null) {
        failure = WireTrace.printable(e.toString());
      }
    }
  }

  /** Hands out the one socket that is open already. */
  private static final class OneSocket extends SocketFactory {
    private final Socket socket;

    OneSocket(Socket socket) {
      this.socket = socket;
    }

    @Override
    public Socket createSocket() {
      return socket;
    }

    @Override
    public Socket createSocket(String host, int port) {
      return socket;
    }

    @Override
    public Socket createSocket(String host, int port, InetAddress localHost, int localPort) {
      return socket;
    }

    @Override
    public Socket createSocket(InetAddress host, int port) {
      return socket;
    }

    @Override
    public Socket createSocket(
        InetAddress address, int port, InetAddress localAddress, int localPort) {
      return socket;
    }
  }
}
