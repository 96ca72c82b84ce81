package io.drover.steve.api;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.Json;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;

/** A page's end of a socket; pings of the agent are left out of what it hears. */
final class Page implements AutoCloseable {
  private final SocketChannel channel;
  private final DataInputStream in;

  private Page(SocketChannel channel) {
    this.channel = channel;
    this.in = new DataInputStream(Channels.newInputStream(channel));
  }

  static Page open(HttpFront front, String user) throws IOException {
    var page = new Page(front.connect(_ -> {}));
    String request =
        """
        GET /v1/subscribe HTTP/1.1
        Host: h
        Upgrade: websocket
        Connection: Upgrade
        Sec-WebSocket-Version: 13
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
        Impersonate-User: %s

        """
            .formatted(user)
            .replace("\n", "\r\n");
    page.channel.write(ByteBuffer.wrap(request.getBytes(UTF_8)));
    assertThat(page.line()).startsWith("HTTP/1.1 101");
    while (!page.line().isEmpty()) {
      // fields
    }
    return page;
  }

  private String line() throws IOException {
    var line = new StringBuilder();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      line.append(new String(new byte[] {(byte) b}, ISO_8859_1));
    }
    return line.toString().strip();
  }

  /** Says something; ' stands for ". */
  void say(String message) throws IOException {
    byte[] text = message.replace('\'', '"').getBytes(UTF_8);
    var frame = ByteBuffer.allocate(text.length + 8);
    frame.put((byte) 0x81).put((byte) (0x80 | 126)).putShort((short) text.length).putInt(0);
    if (text.length < 126) {
      frame.clear();
      frame.put((byte) 0x81).put((byte) (0x80 | text.length)).putInt(0);
    }
    frame.put(text).flip();
    while (frame.hasRemaining()) {
      channel.write(frame);
    }
  }

  /** The next message that is no ping; missing: the socket is closed. */
  JsonNode hear() throws IOException {
    while (true) {
      var message = hearAny();
      if (!message.path("name").asText("").equals("ping")) {
        return message;
      }
    }
  }

  /** The next message. */
  JsonNode hearAny() throws IOException {
    int opcode = in.readUnsignedByte() & 0x0f;
    long length = in.readUnsignedByte();
    if (length == 126) {
      length = in.readUnsignedShort();
    } else if (length == 127) {
      length = in.readLong();
    }
    byte[] payload = in.readNBytes((int) length);
    return opcode == 8 ? Json.MAPPER.missingNode() : Json.MAPPER.readTree(payload);
  }

  /** The names of the next messages, each with the id of its object if it has one. */
  List<String> hear(int count) throws IOException {
    var names = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      var message = hear();
      String id = message.at("/data/id").asText("");
      names.add(message.path("name").asText("") + (id.isEmpty() ? "" : " " + id));
    }
    return names;
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
