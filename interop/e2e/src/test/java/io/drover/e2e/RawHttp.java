package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;

/**
 * HTTP/1.1 as a test wants it on the wire, which no client sends: any Host, any path, any field.
 */
final class RawHttp {
  private static final int LIMIT_MILLIS = 60_000;

  /** An answer; names of fields in any case, every value of each. */
  record Reply(int status, Map<String, List<String>> fields, String body) {
    String first(String name) {
      return fields.getOrDefault(name, List.of("")).getFirst();
    }
  }

  private RawHttp() {}

  /** Sends one request over a connection of its own. */
  static Reply send(
      InetSocketAddress to,
      String method,
      String target,
      List<Map.Entry<String, String>> fields,
      byte[] body)
      throws IOException {
    try (var socket = new Socket()) {
      socket.setSoTimeout(LIMIT_MILLIS);
      socket.connect(to);
      var head = new StringBuilder(method + " " + target + " HTTP/1.1\r\n");
      for (var field : fields) {
        head.append(field.getKey()).append(": ").append(field.getValue()).append("\r\n");
      }
      if (body.length > 0) {
        head.append("Content-Length: ").append(body.length).append("\r\n");
      }
      head.append("Connection: close\r\n\r\n");
      var request = new ByteArrayOutputStream();
      request.write(head.toString().getBytes(UTF_8));
      request.write(body);
      socket.getOutputStream().write(request.toByteArray());
      return read(new BufferedInputStream(socket.getInputStream()));
    }
  }

  static Reply read(InputStream in) throws IOException {
    int status = Integer.parseInt(line(in).split(" ", -1)[1]);
    var fields = new TreeMap<String, List<String>>(String.CASE_INSENSITIVE_ORDER);
    for (String line = line(in); !line.isEmpty(); line = line(in)) {
      int colon = line.indexOf(':');
      fields
          .computeIfAbsent(line.substring(0, colon), _ -> new ArrayList<>())
          .add(line.substring(colon + 1).strip());
    }
    var reply = new Reply(status, fields, "");
    byte[] body;
    if (reply.first("Transfer-Encoding").equals("chunked")) {
      body = chunks(in);
    } else if (fields.containsKey("Content-Length")) {
      body = in.readNBytes(Integer.parseInt(reply.first("Content-Length")));
    } else {
      body = in.readAllBytes();
    }
    if (reply.first("Content-Encoding").equals("gzip")) {
      body = new GZIPInputStream(new ByteArrayInputStream(body)).readAllBytes();
    }
    return new Reply(status, fields, new String(body, UTF_8));
  }

  private static byte[] chunks(InputStream in) throws IOException {
    var body = new ByteArrayOutputStream();
    for (int length = Integer.parseInt(line(in), 16);
        length > 0;
        length = Integer.parseInt(line(in), 16)) {
      body.write(in.readNBytes(length));
      line(in);
    }
    return body.toByteArray();
  }

  private static String line(InputStream in) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new EOFException("the connection ends within an answer");
      }
      line.write(b);
    }
    return line.toString(ISO_8859_1).stripTrailing();
  }
}
