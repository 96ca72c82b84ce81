package io.drover.agent.control;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One HTTP/1.1 request, and its answer. The JDK's server knows no UNIX sockets. */
final class ControlExchange {
  /** Head and body together. */
  static final int MAX_REQUEST_BYTES = 8 * 1024;

  /** Of a page; the rest is left out. Some 16,000 threads. */
  static final int MAX_PAGE_BYTES = 16 * 1024 * 1024;

  private static final int CHUNK_BYTES = 16 * 1024;
  private static final String LEVEL = "/v1/loglevel";
  private static final String FIELD = "level";
  private static final String END_OF_HEAD = "\r\n\r\n";
  private static final Pattern LENGTH = Pattern.compile("[0-9]{1,9}");

  private static final Logger log = LoggerFactory.getLogger(ControlExchange.class);

  private final Supplier<String> level;
  private final Consumer<String> change;

  private final Map<String, ControlPage> pages;
  private final Map<String, ControlOrder> orders;

  ControlExchange(
      Supplier<String> level,
      Consumer<String> change,
      Map<String, ControlPage> pages,
      Map<String, ControlOrder> orders) {
    this.level = level;
    this.change = change;
    this.pages = Map.copyOf(pages);
    this.orders = Map.copyOf(orders);
  }

  /**
   * An answer.
   *
   * @param page in place of the text, if it is not null
   */
  private record Response(int status, String reason, String text, @Nullable InputStream page) {
    Response(int status, String reason, String text) {
      this(status, reason, text, null);
    }

    static Response ok(String text) {
      return new Response(200, "OK", text);
    }

    static Response badRequest(String text) {
      return new Response(400, "Bad Request", text);
    }

    static Response failed(String text) {
      return new Response(500, "Internal Server Error", text);
    }
  }

  /** Reads a request and answers it. Blocks; whoever calls bounds the time. */
  void serve(ByteChannel client) throws IOException {
    var buffer = ByteBuffer.allocate(MAX_REQUEST_BYTES);
    Response response = response(client, buffer);
    try (var page = response.page()) {
      if (page == null) {
        var body = response.text().getBytes(UTF_8);
        write(client, head(response, "Content-Length: %d\r\n".formatted(body.length)));
        write(client, body);
      } else {
        write(client, head(response, "")); // ends with the connection
        copy(page, client);
      }
    }
  }

  private static byte[] head(Response response, String length) {
    var head =
        "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n%sConnection: close%s"
            .formatted(response.status(), response.reason(), length, END_OF_HEAD);
    return head.getBytes(ISO_8859_1);
  }

  private static void copy(InputStream page, ByteChannel client) throws IOException {
    int left = MAX_PAGE_BYTES;
    while (left > 0) {
      byte[] chunk = page.readNBytes(Math.min(left, CHUNK_BYTES));
      if (chunk.length == 0) {
        return;
      }
      write(client, chunk);
      left -= chunk.length;
    }
  }

  private static void write(ByteChannel client, byte[] bytes) throws IOException {
    var buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      client.write(buffer);
    }
  }

  private Response response(ByteChannel client, ByteBuffer buffer) throws IOException {
    int end = received(buffer).indexOf(END_OF_HEAD);
    while (end < 0) {
      if (!buffer.hasRemaining()) {
        return new Response(431, "Request Header Fields Too Large", "");
      }
      read(client, buffer);
      end = received(buffer).indexOf(END_OF_HEAD);
    }
    String[] lines = received(buffer).substring(0, end).split("\r\n", -1);
    String[] request = lines[0].split(" ", -1);
    if (request.length != 3 || !request[2].startsWith("HTTP/1.")) {
      return Response.badRequest("not HTTP/1.1\n");
    }
    OptionalInt length = bodyLength(lines);
    if (length.isEmpty()) {
      return Response.badRequest("the body must have a length\n");
    }
    int bodyStart = end + END_OF_HEAD.length();
    if (length.getAsInt() > MAX_REQUEST_BYTES - bodyStart) {
      return new Response(413, "Content Too Large", "");
    }
    while (buffer.position() < bodyStart + length.getAsInt()) {
      read(client, buffer);
    }
    String body = received(buffer).substring(bodyStart, bodyStart + length.getAsInt());
    return answer(request[0], request[1], body);
  }

  private static String received(ByteBuffer buffer) {
    return ISO_8859_1.decode(buffer.duplicate().flip()).toString();
  }

  private static void read(ByteChannel client, ByteBuffer buffer) throws IOException {
    if (client.read(buffer) < 0) {
      throw new IOException("the request ends too early");
    }
  }

  /** Empty if it cannot be told. */
  private static OptionalInt bodyLength(String[] lines) {
    int length = 0;
    for (int line = 1; line < lines.length; line++) {
      int colon = lines[line].indexOf(':');
      String name = colon < 0 ? "" : lines[line].substring(0, colon).toLowerCase(Locale.ROOT);
      String value = lines[line].substring(colon + 1).strip();
      if (name.equals("transfer-encoding")) {
        return OptionalInt.empty();
      }
      if (name.equals("content-length")) {
        if (!LENGTH.matcher(value).matches()) {
          return OptionalInt.empty();
        }
        length = Integer.parseInt(value);
      }
    }
    return OptionalInt.of(length);
  }

  private Response answer(String method, String target, String body) {
    int query = target.indexOf('?');
    String path = query < 0 ? target : target.substring(0, query);
    var order = orders.get(path);
    if (order != null && method.equals("POST")) {
      return carryOut(order);
    }
    var page = pages.get(path);
    if (page != null) {
      return page(method, page);
    }
    if (!path.equals(LEVEL)) {
      return new Response(404, "Not Found", "404 page not found\n");
    }
    return switch (method) {
      case "GET" -> Response.ok(level.get() + "\n");
      case "POST" -> change(body, query < 0 ? "" : target.substring(query + 1));
      default -> new Response(405, "Method Not Allowed", "");
    };
  }

  private static Response page(String method, ControlPage page) {
    if (!method.equals("GET")) {
      return new Response(405, "Method Not Allowed", "");
    }
    try {
      return new Response(200, "OK", "", page.open());
    } catch (IOException e) {
      return Response.failed(e.getMessage() + "\n");
    }
  }

  private static Response carryOut(ControlOrder order) {
    try {
      order.carryOut();
      return Response.ok("OK\n");
    } catch (IOException e) {
      return Response.failed(e.getMessage() + "\n");
    }
  }

  private Response change(String form, String query) {
    String name;
    try {
      name = field(form).or(() -> field(query)).orElse("");
    } catch (IllegalArgumentException e) {
      return Response.failed("Failed to parse form: " + e.getMessage() + "\n");
    }
    String before = level.get();
    try {
      change.accept(name);
    } catch (IllegalArgumentException e) {
      return Response.failed("Failed to parse loglevel: " + e.getMessage() + "\n");
    }
    log.info("log level changed: from={} to={}", before, level.get());
    return Response.ok("OK\n");
  }

  /** The first field of that name. */
  private static Optional<String> field(String form) {
    for (String pair : form.split("&", -1)) {
      int equals = pair.indexOf('=');
      if (equals >= 0 && URLDecoder.decode(pair.substring(0, equals), UTF_8).equals(FIELD)) {
        return Optional.of(URLDecoder.decode(pair.substring(equals + 1), UTF_8));
      }
    }
    return Optional.empty();
  }
}
