package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A page's websocket, whose fields are what a recorded request says. */
final class TranscriptSocket implements AutoCloseable {
  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int TEXT = 1;
  private static final int CLOSE = 8;
  private static final int PONG = 10;
  private static final int TWO_BYTES = 126;
  private static final int EIGHT_BYTES = 127;

  private final Socket socket;
  private final DataInputStream in;
  private final int status;
  private final BlockingQueue<JsonNode> heard = new LinkedBlockingQueue<>();

  private TranscriptSocket(Socket socket, JsonNode request) throws IOException {
    this.socket = socket;
    this.in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    var head =
        new StringBuilder("GET " + request.path("path").asText() + " HTTP/1.1\r\n")
            .append("Host: demo.example\r\nX-API-URL-Prefix: /k8s/clusters/c-vectors\r\n")
            .append("X-Forwarded-Proto: https\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
            .append("Sec-WebSocket-Version: 13\r\n")
            .append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    if (!request.path("user").isNull()) {
      head.append("Impersonate-User: ").append(request.path("user").asText()).append("\r\n");
      request
          .path("groups")
          .forEach(
              group -> head.append("Impersonate-Group: ").append(group.asText()).append("\r\n"));
    }
    request.path("extraHeaders").forEach(field -> head.append(field.asText()).append("\r\n"));
    socket.getOutputStream().write(head.append("\r\n").toString().getBytes(UTF_8));
    status = Integer.parseInt(line().split(" ", -1)[1]);
    while (!line().isEmpty()) {
      // fields
    }
    if (status == SWITCHING_PROTOCOLS) {
      Thread.ofVirtual().name("transcript").start(this::hearAll);
    }
  }

  static TranscriptSocket open(InetSocketAddress to, JsonNode request) throws IOException {
    var socket = new Socket();
    socket.connect(to);
    return new TranscriptSocket(socket, request);
  }

  /** A page of somebody's, who says at once what he wants to be told. */
  static TranscriptSocket listen(InetSocketAddress to, String user, String wanted)
      throws IOException {
    var request = VectorCase.JSON.createObjectNode().put("path", "/v1/subscribe").put("user", user);
    var page = open(to, request);
    if (page.status() != SWITCHING_PROTOCOLS) {
      page.close();
      throw new IOException("no websocket: status " + page.status());
    }
    page.send(TEXT, wanted.getBytes(UTF_8));
    return page;
  }

  /** Of the answer to the request. */
  int status() {
    return status;
  }

  private String line() throws IOException {
    var line = new ByteArrayOutputStream();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new EOFException("the connection ends within an answer");
      }
      line.write(b);
    }
    return line.toString(ISO_8859_1).strip();
  }

  /** The next message, or a control frame as {@code {"frame": ...}}. */
  Optional<JsonNode> hear(Duration limit) throws InterruptedException {
    return Optional.ofNullable(heard.poll(limit.toMillis(), TimeUnit.MILLISECONDS));
  }

  private void hearAll() {
    try {
      while (true) {
        int opcode = in.readUnsignedByte() & 0x0f;
        long length = in.readUnsignedByte();
        if (length == TWO_BYTES) {
          length = in.readUnsignedShort();
        } else if (length == EIGHT_BYTES) {
          length = in.readLong();
        }
        byte[] payload = in.readNBytes((int) length);
        var frame = VectorCase.JSON.createObjectNode();
        switch (opcode) {
          case CLOSE ->
              heard.add(
                  frame.put("frame", "close").put("payload", ByteBuffer.wrap(payload).getShort()));
          case PONG ->
              heard.add(frame.put("frame", "pong").put("payload", new String(payload, UTF_8)));
          default -> heard.add(VectorCase.JSON.readTree(payload));
        }
      }
    } catch (IOException _) {
      // It is over.
    }
  }

  /** Sends a frame: 1 text, 8 close, 9 ping. */
  void send(int opcode, byte[] payload) throws IOException {
    var frame = ByteBuffer.allocate(payload.length + 8);
    frame.put((byte) (0x80 | opcode));
    if (payload.length < TWO_BYTES) {
      frame.put((byte) (0x80 | payload.length));
    } else {
      frame.put((byte) (0x80 | TWO_BYTES)).putShort((short) payload.length);
    }
    frame.putInt(0).put(payload).flip();
    socket.getOutputStream().write(frame.array(), 0, frame.limit());
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
