package io.drover.server.tunnel;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.proto.handshake.ConnectParams;
import io.drover.proto.handshake.TunnelHeaders;
import io.drover.proto.tunnel.Message;
import io.drover.proto.tunnel.MessageCodec;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import javax.net.SocketFactory;

/** The agent's end of a tunnel, frame by frame, so that a test can say anything it likes. */
public final class RawAgent implements Closeable {
  public static final int CONTINUATION = 0;
  public static final int TEXT = 1;
  public static final int BINARY = 2;
  public static final int CLOSE = 8;
  public static final int PING = 9;
  public static final int PONG = 10;

  private static final byte[] MASK = {0x37, (byte) 0xfa, 0x21, 0x3d};
  private static final int READ_LIMIT_MILLIS = 20_000;

  /** One frame from the server. */
  public record Frame(int opcode, boolean fin, ByteBuffer payload) {
    public String text() {
      return UTF_8.decode(payload.duplicate()).toString();
    }

    /** Of a close frame. */
    public int code() {
      return payload.remaining() < 2 ? 1005 : payload.getShort(payload.position()) & 0xFFFF;
    }
  }

  public final int status;
  public final List<String> fields;
  public final String body;
  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;

  private RawAgent(
      Socket socket,
      DataInputStream in,
      OutputStream out,
      int status,
      List<String> fields,
      String body) {
    this.socket = socket;
    this.in = in;
    this.out = out;
    this.status = status;
    this.fields = fields;
    this.body = body;
  }

  /** Fields that every websocket handshake has. */
  public static List<String> websocketFields() {
    return List.of(
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Upgrade: websocket");
  }

  public static List<String> clusterFields(String token, ConnectParams params) {
    var fields = new ArrayList<>(websocketFields());
    fields.add(TunnelHeaders.TOKEN + ": " + token);
    fields.add(TunnelHeaders.PARAMS + ": " + params.toHeader());
    return fields;
  }

  public static List<String> steveFields(String token) {
    var fields = new ArrayList<>(websocketFields());
    fields.add("Authorization: " + TunnelHeaders.steveAuthorization(token));
    return fields;
  }

  /** Sends a handshake and reads its answer, whatever that is. */
  public static RawAgent connect(
      SocketFactory sockets, URI server, String path, List<String> fields) throws IOException {
    return connect(sockets, server, "GET", path, fields);
  }

  public static RawAgent connect(
      SocketFactory sockets, URI server, String method, String path, List<String> fields)
      throws IOException {
    var socket = sockets.createSocket(server.getHost(), server.getPort());
    socket.setSoTimeout(READ_LIMIT_MILLIS);
    socket.setTcpNoDelay(true);
    var out = socket.getOutputStream();
    var head = new StringBuilder(method + " " + path + " HTTP/1.1\r\nHost: " + server.getHost());
    head.append(':').append(server.getPort()).append("\r\n");
    fields.forEach(field -> head.append(field).append("\r\n"));
    out.write(head.append("\r\n").toString().getBytes(ISO_8859_1));
    out.flush();
    var in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 64 * 1024));
    int status = Integer.parseInt(line(in).split(" ", 3)[1]);
    var answered = new ArrayList<String>();
    int length = 0;
    for (var line = line(in); !line.isEmpty(); line = line(in)) {
      answered.add(line);
      var lower = line.toLowerCase(Locale.ROOT);
      if (lower.startsWith("content-length:")) {
        length = Integer.parseInt(lower.substring("content-length:".length()).strip());
      }
    }
    var body = new String(in.readNBytes(length), UTF_8);
    return new RawAgent(socket, in, out, status, List.copyOf(answered), body);
  }

  private static String line(DataInputStream in) throws IOException {
    var line = new StringBuilder();
    while (true) {
      int next = in.read();
      if (next < 0) {
        throw new EOFException("end in the head: " + line);
      }
      if (next == '\n') {
        return line.toString().strip();
      }
      line.append((char) next);
    }
  }

  /** Sends bytes as they are. */
  public synchronized void raw(byte... bytes) throws IOException {
    out.write(bytes);
    out.flush();
  }

  /** Sends one masked frame. */
  public void frame(int opcode, boolean fin, byte... payload) throws IOException {
    frame((fin ? 0x80 : 0) | opcode, payload);
  }

  private synchronized void frame(int first, byte[] payload) throws IOException {
    var frame = ByteBuffer.allocate(14 + payload.length).put((byte) first);
    if (payload.length < 126) {
      frame.put((byte) (0x80 | payload.length));
    } else if (payload.length < 65_536) {
      frame.put((byte) (0x80 | 126)).putShort((short) payload.length);
    } else {
      frame.put((byte) (0x80 | 127)).putLong(payload.length);
    }
    frame.put(MASK);
    for (int i = 0; i < payload.length; i++) {
      frame.put((byte) (payload[i] ^ MASK[i % 4]));
    }
    out.write(frame.array(), 0, frame.position());
    out.flush();
  }

  public void send(Message message) throws IOException {
    frame(BINARY, true, bytes(message));
  }

  public static byte[] bytes(Message message) {
    var encoded = MessageCodec.encode(message);
    byte[] bytes = new byte[encoded.remaining()];
    encoded.get(bytes);
    return bytes;
  }

  public static Message.Data data(long streamId, String text) {
    return new Message.Data(streamId, ByteBuffer.wrap(text.getBytes(US_ASCII)));
  }

  /** The next frame; an {@link EOFException} at the end of TCP. */
  public Frame read() throws IOException {
    int first = in.readUnsignedByte();
    long length = in.readUnsignedByte();
    if (length == 126) {
      length = in.readUnsignedShort();
    } else if (length == 127) {
      length = in.readLong();
    }
    var payload = ByteBuffer.wrap(in.readNBytes(Math.toIntExact(length)));
    return new Frame(first & 0x0F, (first & 0x80) != 0, payload);
  }

  /** The next message; pings are answered on the way, as any agent does. */
  public Message receive() throws IOException {
    while (true) {
      var frame = read();
      switch (frame.opcode()) {
        case BINARY -> {
          return MessageCodec.decode(frame.payload());
        }
        case PING -> frame(PONG, true);
        case PONG -> {}
        default -> throw new IOException("frame " + frame.opcode() + " code " + frame.code());
      }
    }
  }

  /** The next message, which must be of that type. */
  public <M extends Message> M expect(Class<M> type) throws IOException {
    return type.cast(receive());
  }

  /** Reads up to the close frame and the end of TCP; the close code. */
  public int readToEnd() throws IOException {
    int code = 1006;
    try {
      while (true) {
        var frame = read();
        if (frame.opcode() == CLOSE) {
          code = frame.code();
        }
      }
    } catch (EOFException | SocketException e) {
      return code;
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
