package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.steve.kube.ApiAccess;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/**
 * An API server that takes requests in one way only, that of RFC 9112 without what it merely
 * tolerates, and keeps each. Answers 200 to what is whole. Without TLS.
 */
final class StrictUpstream implements ApiAccess, AutoCloseable {
  private static final int MAX_LINE = 64 * 1024;
  private static final Pattern LINE = Pattern.compile("[A-Z]{1,20} (?<target>/[!-~]*) HTTP/1\\.1");
  private static final Pattern FIELD =
      Pattern.compile("(?<name>[!#$%&'*+.^_`|~0-9A-Za-z-]+): (?<value>[\\t -~\\x80-\\xff]*)");
  private static final Pattern SIZE = Pattern.compile("[0-9a-fA-F]{1,8}");

  /**
   * What came.
   *
   * @param fields a line each, as {@code name: value}
   * @param whole its end has come
   */
  record Asked(String target, List<String> fields, String body, boolean whole) {}

  /** It does not obey the RFC. */
  private static final class NotStrict extends IOException {
    private static final long serialVersionUID = 1;

    NotStrict(String what) {
      super(what);
    }
  }

  final BlockingQueue<Asked> asked = new LinkedBlockingQueue<>();

  /** What came and was no request. */
  final BlockingQueue<String> violations = new LinkedBlockingQueue<>();

  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final ServerSocket listener;

  StrictUpstream() throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  private void accept() {
    try {
      while (true) {
        var socket = listener.accept();
        open.add(socket);
        Thread.ofVirtual().start(() -> serve(socket));
      }
    } catch (IOException _) {
      // It is over.
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      var in = new BufferedInputStream(socket.getInputStream());
      while (serveOne(in)) {
        socket
            .getOutputStream()
            .write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".getBytes(ISO_8859_1));
      }
    } catch (NotStrict e) {
      violations.add(e.getMessage());
    } catch (IOException _) {
      // The gateway is gone.
    }
  }

  /** False: its end has come. */
  private boolean serveOne(InputStream in) throws IOException {
    in.mark(1);
    if (in.read() < 0) {
      return false;
    }
    in.reset();
    var first = line(in);
    var request = LINE.matcher(first);
    if (!request.matches()) {
      throw new NotStrict("no request line: " + first);
    }
    var fields = new ArrayList<String>();
    for (var field = line(in); !field.isEmpty(); field = line(in)) {
      if (!FIELD.matcher(field).matches()) {
        throw new NotStrict("no field: " + field);
      }
      fields.add(field);
    }
    var body = new StringBuilder();
    boolean whole = false;
    try {
      body(in, fields, body);
      whole = true;
    } finally {
      asked.add(new Asked(request.group("target"), fields, body.toString(), whole));
    }
    return true;
  }

  private static void body(InputStream in, List<String> fields, StringBuilder body)
      throws IOException {
    var lengths = values(fields, "content-length");
    var codings = values(fields, "transfer-encoding");
    if (lengths.size() + codings.size() > 1) {
      throw new NotStrict("two lengths: " + lengths + codings);
    }
    if (!lengths.isEmpty()) {
      if (!lengths.getFirst().matches("[0-9]{1,18}")) {
        throw new NotStrict("no length: " + lengths);
      }
      read(in, Integer.parseInt(lengths.getFirst()), body);
    } else if (!codings.isEmpty()) {
      if (!codings.getFirst().equals("chunked")) {
        throw new NotStrict("no coding: " + codings);
      }
      chunks(in, body);
    }
  }

  private static void chunks(InputStream in, StringBuilder body) throws IOException {
    while (true) {
      var size = line(in);
      if (!SIZE.matcher(size).matches()) {
        throw new NotStrict("no size: " + size);
      }
      int bytes = Integer.parseInt(size, 16);
      read(in, bytes, body);
      if (!line(in).isEmpty()) {
        throw new NotStrict("more than " + bytes + " bytes in a chunk, or a trailer");
      }
      if (bytes == 0) {
        return;
      }
    }
  }

  private static void read(InputStream in, int bytes, StringBuilder body) throws IOException {
    byte[] read = in.readNBytes(bytes);
    body.append(new String(read, ISO_8859_1));
    if (read.length < bytes) {
      throw new EOFException();
    }
  }

  /** Of a field, by its name in lower case. */
  static List<String> values(List<String> fields, String name) {
    return fields.stream()
        .filter(field -> field.regionMatches(true, 0, name + ":", 0, name.length() + 1))
        .map(field -> field.substring(name.length() + 2))
        .toList();
  }

  /** Without its end, which has to be CR and LF. */
  private static String line(InputStream in) throws IOException {
    var text = new StringBuilder();
    while (true) {
      int b = in.read();
      if (b < 0) {
        throw new EOFException();
      }
      if (b == '\n') {
        if (text.isEmpty() || text.charAt(text.length() - 1) != '\r') {
          throw new NotStrict("a bare LF behind: " + text);
        }
        return text.substring(0, text.length() - 1);
      }
      if (text.length() == MAX_LINE) {
        throw new NotStrict("a line without end");
      }
      text.append((char) b);
    }
  }

  @Override
  public URI url() {
    return URI.create("http://127.0.0.1:" + listener.getLocalPort());
  }

  @Override
  public SSLContext tls() throws IOException {
    try {
      return SSLContext.getDefault();
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IOException(e);
    }
  }

  @Override
  public void authorize(HttpRequest.Builder request) {
    request.header("Authorization", "Bearer real");
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (var socket : open) {
      socket.close();
    }
  }
}
