package io.drover.steve;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.kube.Guard;
import io.drover.steve.kube.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;

/** An Explorer before a fake API server, and who asks it: jane, a connection a request. */
public final class Browser implements AutoCloseable {
  private final Explorer explorer;
  private final HttpFront front;

  /** An answer, whole. */
  public record Reply(int status, String body) {
    public JsonNode json() throws IOException {
      return Json.MAPPER.readTree(body);
    }
  }

  public Browser(FakeApiServer api, Explorer.Options options) throws IOException {
    this(api, Guard.NONE, options);
  }

  public Browser(FakeApiServer api, Guard guard, Explorer.Options options) throws IOException {
    explorer = new Explorer(api, guard, options);
    front = HttpFront.start("test", FrontLimits.STANDARD, explorer);
  }

  public JsonNode get(String path) throws IOException {
    return send("GET", path, "").json();
  }

  public Reply send(String method, String path, String body) throws IOException {
    return send("jane", method, path, body);
  }

  /** The same in another's name. */
  public Reply send(String user, String method, String path, String body) throws IOException {
    var request =
        "%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nImpersonate-User: %s\r\n"
                .formatted(method, path, user)
            + "Content-Length: %d\r\n\r\n%s".formatted(body.length(), body);
    try (var channel = front.connect(_ -> {})) {
      channel.write(ByteBuffer.wrap(request.getBytes(UTF_8)));
      var text = new String(Channels.newInputStream(channel).readAllBytes(), ISO_8859_1);
      int end = text.indexOf("\r\n\r\n");
      boolean chunked = text.substring(0, end).contains("chunked");
      var rest = text.substring(end + 4);
      return new Reply(Integer.parseInt(text.substring(9, 12)), chunked ? whole(rest) : rest);
    }
  }

  private static String whole(String chunks) {
    var all = new StringBuilder();
    for (int at = 0; ; ) {
      int end = chunks.indexOf("\r\n", at);
      int length = Integer.parseInt(chunks.substring(at, end), 16);
      if (length == 0) {
        return all.toString();
      }
      all.append(chunks, end + 2, end + 2 + length);
      at = end + 2 + length + 2;
    }
  }

  @Override
  public void close() {
    front.close();
    explorer.close();
  }
}
