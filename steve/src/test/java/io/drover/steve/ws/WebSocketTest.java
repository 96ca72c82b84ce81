package io.drover.steve.ws;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class WebSocketTest {
  private static final byte[] MASK = {1, 2, 3, 4};
  private static final int FIN = 0x80;

  private final ByteArrayOutputStream in = new ByteArrayOutputStream();
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private WebSocket socket() {
    return new WebSocket(new ByteArrayInputStream(in.toByteArray()), out);
  }

  private WebSocketTest frame(int first, byte[] payload) {
    in.write(first);
    if (payload.length < 126) {
      in.write(0x80 | payload.length);
    } else if (payload.length < 65536) {
      in.write(0x80 | 126);
      in.writeBytes(ByteBuffer.allocate(2).putShort((short) payload.length).array());
    } else {
      in.write(0x80 | 127);
      in.writeBytes(ByteBuffer.allocate(8).putLong(payload.length).array());
    }
    in.writeBytes(MASK);
    for (int i = 0; i < payload.length; i++) {
      in.write(payload[i] ^ MASK[i % 4]);
    }
    return this;
  }

  private WebSocketTest frame(int first, String payload) {
    return frame(first, payload.getBytes(UTF_8));
  }

  private static String text(WebSocket socket) throws IOException {
    return new String(socket.read().orElseThrow(), UTF_8);
  }

  private String sent() {
    return HexFormat.of().formatHex(out.toByteArray());
  }

  /** From RFC 6455, 5.7. */
  @Test
  void readsWhatTheStandardShows() throws IOException {
    in.writeBytes(HexFormat.of().parseHex("818537fa213d7f9f4d5158"));
    assertThat(text(socket())).isEqualTo("Hello");
  }

  @Test
  void partsAreOneMessageWithPingsBetween() throws IOException {
    frame(1, "a").frame(FIN | 9, "there?").frame(0, "b").frame(FIN, "c").frame(FIN | 1, "next");
    var socket = socket();
    assertThat(text(socket)).isEqualTo("abc");
    assertThat(text(socket)).isEqualTo("next");
    assertThat(sent()).isEqualTo("8a06" + HexFormat.of().formatHex("there?".getBytes(UTF_8)));
  }

  @Test
  void bytesAreAMessageToo() throws IOException {
    frame(FIN | 2, new byte[] {(byte) 0xff});
    assertThat(socket().read().orElseThrow()).containsExactly(0xff);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 125, 126, 65535, 65536})
  void messagesOfEveryLengthGoOut(int length) throws IOException {
    socket().send(new byte[length]);
    byte[] all = out.toByteArray();
    assertThat(all[0] & 0xff).isEqualTo(0x81);
    int head = length < 126 ? 2 : length < 65536 ? 4 : 10;
    assertThat(all).hasSize(head + length);
    assertThat(all[1]).isEqualTo((byte) (length < 126 ? length : length < 65536 ? 126 : 127));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 126, 65536 - 1, WebSocket.MAX_MESSAGE_BYTES})
  void messagesUpToTheLimitComeIn(int length) throws IOException {
    frame(FIN | 2, new byte[length]);
    assertThat(socket().read().orElseThrow()).hasSize(length);
  }

  @Test
  void closeIsAnsweredOnceAndNothingGoesOutBehindIt() throws IOException {
    frame(FIN | 8, new byte[] {0x03, (byte) 0xe9});
    var socket = socket();
    assertThat(socket.read()).isEmpty();
    socket.send("late".getBytes(UTF_8));
    socket.close(WebSocket.NORMAL);
    assertThat(sent()).isEqualTo("880203e9");
  }

  @Test
  void closeWithoutCodeIsNormal() throws IOException {
    frame(FIN | 8, new byte[0]);
    assertThat(socket().read()).isEmpty();
    assertThat(sent()).isEqualTo("880203e8");
  }

  @ParameterizedTest
  @CsvSource({
    "810548656c6c6f, 1002", // not masked
    "c18001020304, 1002", // an extension's bit
    "838001020304, 1002", // no such opcode
    "8b8001020304, 1002",
    "808001020304, 1002", // a part of nothing
    "098001020304, 1002", // a ping in parts
    "89fe007e01020304, 1002", // a long ping
    "818001020304, none",
    "81fe000501020304, 1002", // a length in too many bytes
    "81ff000000000000ffff01020304, 1002",
    "81ffffffffffffffffff01020304, 1002", // less than nothing
    "81ff000000000001000101020304, 1009", // too long
    "888100000000ff, 1002", // half a code
    "88820000000003ed, 1002", // 1005 is never sent
    "888200000000ffff, 1002",
    "818100000000ff, 1007", // no UTF-8
    "88830000000003e8ff, 1007",
  })
  void whatIsNotInOrderEndsTheConnection(String bytes, String code) throws IOException {
    in.writeBytes(HexFormat.of().parseHex(bytes));
    if (code.equals("none")) {
      assertThat(socket().read()).isPresent();
      return;
    }
    assertThatThrownBy(() -> socket().read()).hasMessageContaining("websocket");
    assertThat(sent()).isEqualTo("8802%04x".formatted(Integer.parseInt(code)));
  }

  @Test
  void aMessageWithinAnotherIsAViolation() {
    frame(1, "a").frame(FIN | 1, "b");
    assertThatThrownBy(() -> socket().read()).hasMessageContaining("within another");
  }

  @Test
  void partsTogetherKeepToTheLimit() {
    frame(2, new byte[WebSocket.MAX_MESSAGE_BYTES]).frame(FIN, new byte[1]);
    assertThatThrownBy(() -> socket().read()).hasMessageContaining("65536");
    assertThat(sent()).isEqualTo("880203f1");
  }

  @Test
  void partsAreCounted() {
    frame(1, "");
    for (int i = 0; i < WebSocket.MAX_PARTS; i++) {
      frame(0, "");
    }
    assertThatThrownBy(() -> socket().read()).hasMessageContaining("parts");
    assertThat(sent()).isEqualTo("880203f1");
  }

  @Test
  void pingsAreNot() throws IOException {
    for (int i = 0; i < 2 * WebSocket.MAX_PARTS; i++) {
      frame(FIN | 9, "");
    }
    frame(FIN | 1, "a");
    assertThat(text(socket())).isEqualTo("a");
  }

  @Test
  void endWithinAFrameIsAnError() {
    in.writeBytes(HexFormat.of().parseHex("8185010203"));
    assertThatThrownBy(() -> socket().read()).isInstanceOf(EOFException.class);
  }

  private static Fields asking() {
    return new Fields()
        .add("Host", "demo.example")
        .add("Upgrade", "WebSocket")
        .add("Connection", "keep-alive, Upgrade")
        .add("Sec-WebSocket-Version", "13")
        .add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
  }

  /** From RFC 6455, 1.3. */
  @Test
  void handshakeIsTheStandards() {
    assertThat(Handshake.isAsked(asking())).isTrue();
    assertThat(Handshake.answer(asking()).first("Sec-WebSocket-Accept"))
        .isEqualTo("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  }

  @ParameterizedTest
  @ValueSource(strings = {"Upgrade", "Connection", "Sec-WebSocket-Version", "Sec-WebSocket-Key"})
  void handshakeNeedsEveryField(String missing) {
    var fields = new Fields();
    asking().all().stream()
        .filter(field -> !field.name().equals(missing))
        .forEach(field -> fields.add(field.name(), field.value()));
    assertThat(Handshake.isAsked(fields)).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "https://demo.example, true",
    "https://DEMO.example, true",
    "https://evil.example, false",
    "https://demo.example.evil, false",
    "https://demo.example:8443, false",
    "null, false",
    "a b, false",
  })
  void pagesOfOthersAreNotOurOwn(String origin, boolean own) {
    assertThat(Handshake.isOwnPage(asking().add("Origin", origin))).isEqualTo(own);
  }
}
