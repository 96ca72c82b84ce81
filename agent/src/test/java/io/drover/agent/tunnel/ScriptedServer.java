package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.Message.Close;
import io.drover.proto.tunnel.Message.Data;
import io.drover.proto.tunnel.Message.Pause;
import io.drover.proto.tunnel.Message.Resume;
import io.drover.proto.tunnel.Message.SyncConnections;
import io.drover.proto.tunnel.MessageCodec;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/**
 * The server's end of a tunnel, played by a test: byte by byte where it must be, message by message
 * where it may. Has its own small RFC 6455, so that it shares no mistake with what it tests.
 *
 * <pre>{@code
 * try (var server = ScriptedServer.start();
 *     var tunnel = TestTunnel.start(server)) {
 *   var peer = server.open();
 *   peer.send(backend.connect(2));
 *   assertThat(peer.expect(Close.class).reason()).isEqualTo("EOF");
 * }
 * }</pre>
 */
final class ScriptedServer implements AutoCloseable {
  /** How long a test waits for what must come, before it fails. */
  static final Duration LIMIT = Duration.ofSeconds(30);

  static final int CONTINUATION = 0;
  static final int TEXT = 1;
  static final int BINARY = 2;
  static final int CLOSE = 8;
  static final int PING = 9;
  static final int PONG = 10;

  private final ServerSocket listener;
  private final String scheme;
  private final List<Peer> peers = Collections.synchronizedList(new ArrayList<>());

  private ScriptedServer(ServerSocket listener, String scheme) {
    this.listener = listener;
    this.scheme = scheme;
  }

  static ScriptedServer start() throws IOException {
    return new ScriptedServer(
        new ServerSocket(0, 50, InetAddress.getLoopbackAddress()), /* scheme= */ "ws");
  }

  static ScriptedServer startTls(SSLContext identity) throws IOException {
    var listener =
        identity
            .getServerSocketFactory()
            .createServerSocket(0, 50, InetAddress.getLoopbackAddress());
    return new ScriptedServer(listener, /* scheme= */ "wss");
  }

  URI url() {
    return URI.create(scheme + "://localhost:" + listener.getLocalPort() + "/v3/connect");
  }

  /** Waits for a client's connection; nothing is read or answered. */
  Peer accept() throws IOException {
    listener.setSoTimeout((int) LIMIT.toMillis());
    var peer = new Peer(listener.accept());
    peers.add(peer);
    return peer;
  }

  /** Waits for a client and opens the websocket. */
  Peer open() throws IOException {
    var peer = accept();
    peer.readRequest();
    peer.write(peer.switchingProtocols());
    return peer.start();
  }

  /** Ends every connection, and fails if a client broke the websocket's rules. */
  @Override
  public void close() throws IOException {
    listener.close();
    var problems = new ArrayList<String>();
    for (var peer : List.copyOf(peers)) {
      peer.close();
      problems.addAll(peer.problems);
    }
    assertThat(problems).as("what clients did wrong").isEmpty();
  }

  /** A frame as it came. The payload is kept of control frames only. */
  record Frame(boolean fin, int opcode, long lengthBytes, ByteBuffer payload) {}

  /** One client. Messages and control frames that come are queued until the test takes them. */
  static final class Peer implements Closeable {
    private static final AtomicLong BARRIERS = new AtomicLong(1_000_000);

    final List<Frame> frames = Collections.synchronizedList(new ArrayList<>());
    final List<String> problems = Collections.synchronizedList(new ArrayList<>());
    private final Socket socket;
    private final InputStream in;
    private final OutputStream out;
    private final Map<String, String> headers = new HashMap<>();
    private final BlockingQueue<Message> messages = new LinkedBlockingQueue<>();
    private final BlockingQueue<ByteBuffer> pings = new LinkedBlockingQueue<>();
    private final BlockingQueue<ByteBuffer> pongs = new LinkedBlockingQueue<>();
    private final BlockingQueue<ByteBuffer> closes = new LinkedBlockingQueue<>();
    private final CountDownLatch ended = new CountDownLatch(1);
    private String requestLine = "";
    private volatile Consumer<Message> onMessage = messages::add;
    private volatile boolean answersPings = true;
    private volatile boolean answersClose = true;
    private volatile boolean closesAtTheEnd = true;
    private volatile @Nullable Thread reader;
    private volatile @Nullable CountDownLatch stall;

    private Peer(Socket socket) throws IOException {
      this.socket = socket;
      this.in = new BufferedInputStream(socket.getInputStream(), 64 * 1024);
      this.out = socket.getOutputStream();
      socket.setTcpNoDelay(true);
    }

    // ---- the handshake

    /** Reads the request to the end of its head. */
    void readRequest() throws IOException {
      var head = new ByteArrayOutputStream();
      while (!head.toString(ISO_8859_1).endsWith("\r\n\r\n")) {
        int next = in.read();
        if (next < 0) {
          throw new IOException("no request: " + head.toString(ISO_8859_1));
        }
        head.write(next);
      }
      var lines = head.toString(ISO_8859_1).lines().toList();
      requestLine = lines.getFirst();
      for (var line : lines.subList(1, lines.size() - 1)) {
        int colon = line.indexOf(':');
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
      }
    }

    String requestLine() {
      return requestLine;
    }

    /** Of the request; names in lower case. */
    Map<String, String> headers() {
      return headers;
    }

    /** Shakes hands by TLS; returns what the client offered by ALPN. */
    List<String> offeredProtocols() throws IOException {
      var offered = new ArrayList<String>();
      var tls = (SSLSocket) socket;
      tls.setHandshakeApplicationProtocolSelector(
          (_, protocols) -> {
            offered.addAll(protocols);
            return "";
          });
      tls.startHandshake();
      return offered;
    }

    boolean hasInput() throws IOException {
      return in.available() > 0;
    }

    String acceptHash() {
      try {
        var key = headers.get("sec-websocket-key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        byte[] hash = MessageDigest.getInstance("SHA-1").digest(key.getBytes(ISO_8859_1));
        return Base64.getEncoder().encodeToString(hash);
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }

    /** The answer of a Go server: these headers and no others. */
    byte[] switchingProtocols() {
      return """
          HTTP/1.1 101 Switching Protocols\r
          Upgrade: websocket\r
          Connection: Upgrade\r
          Sec-WebSocket-Accept: %s\r
          \r
          """
          .formatted(acceptHash())
          .getBytes(ISO_8859_1);
    }

    // ---- out

    /** Writes bytes as they are, in one go. */
    synchronized void write(byte[] bytes) throws IOException {
      out.write(bytes);
      out.flush();
    }

    void writeHex(String hex) throws IOException {
      write(HexFormat.of().parseHex(hex));
    }

    void send(Message message) throws IOException {
      write(frame(true, BINARY, bytes(MessageCodec.encode(message))));
    }

    void sendData(long streamId, byte[] payload) throws IOException {
      send(new Data(streamId, ByteBuffer.wrap(payload)));
    }

    void sendData(long streamId, String text) throws IOException {
      sendData(streamId, text.getBytes(UTF_8));
    }

    void sendFrame(int opcode, byte[] payload) throws IOException {
      write(frame(true, opcode, payload));
    }

    void sendFrame(boolean fin, int opcode, byte[] payload) throws IOException {
      write(frame(fin, opcode, payload));
    }

    static byte[] frame(boolean fin, int opcode, byte[] payload) {
      var frame = new ByteArrayOutputStream(payload.length + 10);
      frame.write((fin ? 0x80 : 0) | opcode);
      if (payload.length < 126) {
        frame.write(payload.length);
      } else if (payload.length < 65_536) {
        frame.write(126);
        frame.write(payload.length >> 8);
        frame.write(payload.length);
      } else {
        frame.write(127);
        frame.writeBytes(ByteBuffer.allocate(8).putLong(payload.length).array());
      }
      frame.writeBytes(payload);
      return frame.toByteArray();
    }

    static byte[] bytes(ByteBuffer buffer) {
      var bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return bytes;
    }

    // ---- in

    /** Begins to read frames, in a thread of its own. */
    Peer start() {
      reader = Thread.ofPlatform().daemon().name("scripted-peer").start(this::read);
      return this;
    }

    /** Instead of the queue; called by the reading thread, in the order of the wire. */
    void onMessage(Consumer<Message> consumer) {
      onMessage = consumer;
    }

    /**
     * For tests that take longer than the interval of those lists, and of what is asked with them.
     */
    void passOverLists() {
      onMessage =
          message -> {
            boolean asks = message instanceof Data(_, var payload) && !payload.hasRemaining();
            if (!asks && !(message instanceof SyncConnections)) {
              messages.add(message);
            }
          };
    }

    void answerPings(boolean answers) {
      answersPings = answers;
    }

    void answerClose(boolean answers) {
      answersClose = answers;
    }

    /** Leaves the socket open when the client has closed its end. */
    void stayOpen() {
      closesAtTheEnd = false;
    }

    /** Reads nothing more until {@link #goOn}. */
    void stopReading() {
      stall = new CountDownLatch(1);
    }

    void goOn() {
      var latch = stall;
      stall = null;
      if (latch != null) {
        latch.countDown();
      }
    }

    /** The next message, which must be of this type. */
    <M extends Message> M expect(Class<M> type) throws InterruptedException {
      var message = take(messages, type.getSimpleName());
      assertThat(message).isInstanceOf(type);
      return type.cast(message);
    }

    /** The next message of this type; others are passed over. */
    <M extends Message> M await(Class<M> type) throws InterruptedException {
      while (true) {
        var message = take(messages, type.getSimpleName());
        if (type.isInstance(message)) {
          return type.cast(message);
        }
      }
    }

    /** The next message if it comes so soon, or null. */
    @Nullable Message poll(Duration limit) throws InterruptedException {
      return messages.poll(limit.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** So many bytes of one stream, and nothing else but flow control before them. */
    byte[] expectData(long streamId, int count) throws InterruptedException {
      var all = new ByteArrayOutputStream();
      while (all.size() < count) {
        var message = take(messages, "data");
        if (message instanceof Pause || message instanceof Resume) {
          continue;
        }
        assertThat(message).isInstanceOf(Data.class);
        var data = (Data) message;
        assertThat(data.streamId()).isEqualTo(streamId);
        all.writeBytes(bytes(data.payload()));
      }
      assertThat(all.size()).isEqualTo(count);
      return all.toByteArray();
    }

    String expectText(long streamId, int count) throws InterruptedException {
      return new String(expectData(streamId, count), UTF_8);
    }

    Close expectClose(long streamId) throws InterruptedException {
      var close = expect(Close.class);
      assertThat(close.streamId()).isEqualTo(streamId);
      return close;
    }

    ByteBuffer expectPing() throws InterruptedException {
      return take(pings, "ping");
    }

    ByteBuffer expectPong() throws InterruptedException {
      return take(pongs, "pong");
    }

    /** The code of the close frame that must come; 1005 if it has none. */
    int expectCloseFrame() throws InterruptedException {
      var payload = take(closes, "close frame");
      return payload.remaining() < 2 ? 1005 : payload.getShort(payload.position()) & 0xFFFF;
    }

    boolean hasPing() {
      return !pings.isEmpty();
    }

    boolean hasEnded() {
      return ended.getCount() == 0;
    }

    /** Waits until the client has closed its end of TCP. */
    void expectEnd() throws InterruptedException {
      assertThat(ended.await(LIMIT.toSeconds(), TimeUnit.SECONDS)).as("TCP closed").isTrue();
    }

    /**
     * Everything said in consequence of what was sent before: behind it goes a Connect that is
     * refused by its form alone, and control messages keep their order.
     */
    List<Message> barrier() throws IOException, InterruptedException {
      long id = -BARRIERS.incrementAndGet();
      write(frame(true, BINARY, malformedConnect(id)));
      var before = new ArrayList<Message>();
      while (true) {
        var message = take(messages, "barrier");
        if (message instanceof Close(var closed, _) && closed == id) {
          return before;
        }
        before.add(message);
      }
    }

    private static byte[] malformedConnect(long id) {
      var asResume = MessageCodec.encode(new Resume(id));
      var bytes = ByteBuffer.allocate(asResume.remaining() + 4);
      bytes.put(asResume).position(bytes.position() - 1);
      return bytes.put(HexFormat.of().parseHex("04b0ea0178")).array();
    }

    private static <T> T take(BlockingQueue<T> queue, String what) throws InterruptedException {
      var next = queue.poll(LIMIT.toSeconds(), TimeUnit.SECONDS);
      assertThat(next).as("%s within %s", what, LIMIT).isNotNull();
      return java.util.Objects.requireNonNull(next);
    }

    private void read() {
      var message = new ByteArrayOutputStream();
      try {
        for (int first = in.read(); first >= 0; first = in.read()) {
          var latch = stall;
          if (latch != null) {
            latch.await();
          }
          readFrame(first, message);
        }
      } catch (IOException e) {
        frames.add(new Frame(true, -1, 0, ByteBuffer.wrap(String.valueOf(e).getBytes(UTF_8))));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } finally {
        ended.countDown();
        if (closesAtTheEnd) {
          closeSocket();
        }
      }
    }

    private void closeSocket() {
      try {
        socket.close();
      } catch (IOException e) {
        problems.add(e.toString());
      }
    }

    private void readFrame(int first, ByteArrayOutputStream message) throws IOException {
      int second = in.read();
      boolean fin = (first & 0x80) != 0;
      int opcode = first & 0x0F;
      if ((first & 0x70) != 0) {
        problems.add("reserved bits: " + first);
      }
      if ((second & 0x80) == 0) {
        problems.add("frame without mask: opcode=" + opcode);
      }
      long length = second & 0x7F;
      if (length >= 126) {
        length = new java.math.BigInteger(1, exactly(length == 126 ? 2 : 8)).longValueExact();
      }
      byte[] key = exactly(4);
      byte[] payload = exactly((int) length);
      for (int i = 0; i < payload.length; i++) {
        payload[i] ^= key[i & 3];
      }
      boolean isControl = opcode >= CLOSE;
      frames.add(
          new Frame(fin, opcode, length, ByteBuffer.wrap(isControl ? payload : new byte[0])));
      switch (opcode) {
        case CONTINUATION, BINARY -> {
          message.writeBytes(payload);
          if (fin) {
            var whole = MessageCodec.decode(ByteBuffer.wrap(message.toByteArray()));
            message.reset();
            onMessage.accept(whole);
          }
        }
        case PING -> {
          if (answersPings) {
            sendFrame(PONG, new byte[0]); // empty, as a Go server does
          }
          pings.add(ByteBuffer.wrap(payload)); // whoever has seen it sends behind the pong
        }
        case PONG -> pongs.add(ByteBuffer.wrap(payload));
        case CLOSE -> {
          closes.add(ByteBuffer.wrap(payload));
          if (answersClose) {
            sendFrame(CLOSE, payload);
          }
        }
        default -> problems.add("opcode " + opcode);
      }
    }

    private byte[] exactly(int length) throws IOException {
      byte[] bytes = in.readNBytes(length);
      if (bytes.length < length) {
        throw new IOException("cut in the middle of a frame");
      }
      return bytes;
    }

    // ---- the end

    /** Closes with RST instead of FIN. */
    void reset() throws IOException {
      socket.setSoLinger(true, 0);
      socket.close();
    }

    @Override
    public void close() throws IOException {
      goOn();
      socket.close();
      var thread = reader;
      if (thread != null) {
        thread.interrupt();
      }
    }
  }
}
