package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * Small requests to the server: each on a connection of its own, opened as the tunnels' are.
 * Redirects are not followed. Any thread.
 */
public final class ServerHttp {
  /** The longest body that is read, in bytes. */
  public static final int MAX_BODY_BYTES = 1024 * 1024;

  /** Status line and headers together, and any line of a chunked body, in bytes. */
  static final int MAX_HEAD_BYTES = 64 * 1024;

  /**
   * What the server said.
   *
   * @param location of a redirect; otherwise empty
   * @param retryAfter as the server wrote it; otherwise empty
   * @param date by the server's clock, as it wrote it; otherwise empty
   */
  public record Answer(int status, String location, String retryAfter, String date, String body) {
    /** What its clock said, in whole seconds; empty if that was nothing, or not to be read. */
    public Optional<Instant> time() {
      try {
        return Optional.of(Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(date)));
      } catch (DateTimeException _) {
        return Optional.empty();
      }
    }
  }

  private final ServerDialer dialer;

  public ServerHttp(ServerDialer dialer) {
    this.dialer = dialer;
  }

  /**
   * Blocks until the whole answer is there, for at most {@code limit}.
   *
   * @throws IOException if there is no answer, or it is too long or not HTTP
   */
  public Answer get(URI url, SSLContext trust, Duration limit) throws IOException {
    return ask(url, trust, limit, request("GET", url, Map.of()), new byte[0]);
  }

  /**
   * Sends a body; otherwise as {@link #get}.
   *
   * @param method such as {@code PUT}
   * @param headers of the request, such as {@code Content-Type} and {@code Authorization}
   */
  public Answer send(
      String method,
      URI url,
      SSLContext trust,
      Duration limit,
      Map<String, String> headers,
      byte[] body)
      throws IOException {
    var all = new LinkedHashMap<>(headers);
    all.put("Content-Length", Integer.toString(body.length));
    return ask(url, trust, limit, request(method, url, all), body);
  }

  private Answer ask(URI url, SSLContext trust, Duration limit, String head, byte[] body)
      throws IOException {
    try (var clock = TimeLimit.start(limit)) {
      ServerConnection connection = dialer.dial(url, trust, clock.remaining());
      try {
        clock.guard(connection.raw());
        Answer answer = exchange(connection, head, body);
        clock.finish();
        return answer;
      } catch (IOException e) {
        throw new Failure(
            clock.isOver() ? Reason.SERVER_SILENT : Problem.reason(e, Reason.NOT_RANCHER),
            clock.reason(e),
            e);
      } finally {
        // Not the TLS socket: its close may wait for the peer.
        TimeLimit.closeQuietly(connection.raw());
      }
    }
  }

  private static String request(String method, URI url, Map<String, String> headers) {
    String path = url.getRawPath().isEmpty() ? "/" : url.getRawPath();
    String query = url.getRawQuery() == null ? "" : "?" + url.getRawQuery();
    var more = new StringBuilder();
    headers.forEach((name, value) -> more.append(name).append(": ").append(value).append("\r\n"));
    return """
        %s %s HTTP/1.1\r
        Host: %s\r
        User-Agent: drover-agent\r
        Accept: application/json, */*\r
        %sConnection: close\r
        \r
        """
        .formatted(method, path + query, url.getRawAuthority(), more);
  }

  private static Answer exchange(ServerConnection connection, String head, byte[] body)
      throws IOException {
    var out = connection.socket().getOutputStream();
    out.write(head.getBytes(ISO_8859_1));
    out.write(body);
    out.flush();
    return read(new BufferedInputStream(connection.socket().getInputStream()));
  }

  private static Answer read(InputStream in) throws IOException {
    int status = status(line(in));
    Map<String, String> headers = headers(in);
    byte[] body;
    if (status == 204 || status == 304) {
      body = new byte[0];
    } else if (headers.getOrDefault("transfer-encoding", "").equalsIgnoreCase("chunked")) {
      body = chunked(in);
    } else if (headers.containsKey("content-length")) {
      body = exactly(in, length(headers.get("content-length"), 10));
    } else {
      body = in.readNBytes(MAX_BODY_BYTES + 1);
      if (body.length > MAX_BODY_BYTES) {
        throw tooLong();
      }
    }
    return new Answer(
        status,
        headers.getOrDefault("location", ""),
        headers.getOrDefault("retry-after", ""),
        headers.getOrDefault("date", ""),
        new String(body, UTF_8));
  }

  private static int status(String line) throws IOException {
    String[] words = line.split(" ", 3);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.") || !words[1].matches("[1-9]\\d\\d")) {
      throw new IOException("the answer is not HTTP/1.1");
    }
    return Integer.parseInt(words[1]);
  }

  private static Map<String, String> headers(InputStream in) throws IOException {
    var headers = new HashMap<String, String>();
    int bytes = 0;
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      bytes += line.length();
      if (bytes > MAX_HEAD_BYTES) {
        throw new IOException("the answer's headers are over " + MAX_HEAD_BYTES + " bytes");
      }
      int colon = line.indexOf(':');
      if (colon > 0) {
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
      }
    }
    return headers;
  }

  private static byte[] chunked(InputStream in) throws IOException {
    var body = new ByteArrayOutputStream();
    while (true) {
      String size = line(in).split(";", 2)[0].strip();
      int bytes = length(size, 16);
      if (bytes == 0) {
        return body.toByteArray();
      }
      if (body.size() + bytes > MAX_BODY_BYTES) {
        throw tooLong();
      }
      body.writeBytes(exactly(in, bytes));
      line(in);
    }
  }

  /** A length that is not over {@link #MAX_BODY_BYTES}. */
  private static int length(String text, int radix) throws IOException {
    try {
      long length = Long.parseUnsignedLong(text, radix);
      if (length < 0 || length > MAX_BODY_BYTES) {
        throw tooLong();
      }
      return (int) length;
    } catch (NumberFormatException e) {
      throw new IOException("the answer has a bad length", e);
    }
  }

  private static byte[] exactly(InputStream in, int bytes) throws IOException {
    byte[] body = in.readNBytes(bytes);
    if (body.length < bytes) {
      throw new EOFException("the answer was cut short");
    }
    return body;
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("the answer was cut short");
      }
      if (line.size() == MAX_HEAD_BYTES) {
        throw new IOException("a line of the answer is over " + MAX_HEAD_BYTES + " bytes");
      }
      line.write(next);
    }
    return line.toString(ISO_8859_1).stripTrailing();
  }

  private static IOException tooLong() {
    return new IOException("the answer is over " + MAX_BODY_BYTES + " bytes");
  }
}
