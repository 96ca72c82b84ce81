package io.drover.steve.kube;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.steve.http.Fields;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.time.Duration;
import javax.net.ssl.SSLSocket;

/**
 * A connection of its own to the API server, on which HTTP has been left: what is on it is between
 * the two whom it joins. One thread may read while another writes; closing ends both.
 */
public final class ApiStream implements AutoCloseable {
  /** Of the head of an answer. */
  static final int MAX_HEAD_BYTES = 64 * 1024;

  /** Of what is said in place of leaving HTTP. */
  private static final int MAX_REFUSAL_BYTES = 64 * 1024;

  private static final int SWITCHING_PROTOCOLS = 101;
  private static final int HTTPS_PORT = 443;
  private static final int HTTP_PORT = 80;

  private final Socket socket;
  private final InputStream in;
  private final Fields agreed;

  private ApiStream(Socket socket, InputStream in, Fields agreed) {
    this.socket = socket;
    this.in = in;
    this.agreed = agreed;
  }

  /**
   * Asks to leave HTTP, and waits for the answer.
   *
   * @param target path and query
   * @param asked the fields that say so; credentials and Host are added
   * @param limit of each wait until then
   * @throws Refusal if the API server says no
   */
  static ApiStream open(ApiAccess access, String target, Fields asked, Duration limit)
      throws IOException {
    var url = access.url();
    var socket = connect(url, access, limit);
    boolean left = false;
    try {
      socket.getOutputStream().write(request(url, access, target, asked).getBytes(ISO_8859_1));
      var in = new BufferedInputStream(socket.getInputStream());
      int status = status(line(in, MAX_HEAD_BYTES));
      var fields = fields(in);
      if (status != SWITCHING_PROTOCOLS) {
        throw refusal(status, fields, in);
      }
      socket.setSoTimeout(0); // it lasts as long as those whom it joins want
      left = true;
      return new ApiStream(socket, in, fields);
    } finally {
      if (!left) {
        socket.close();
      }
    }
  }

  private static Socket connect(URI url, ApiAccess access, Duration limit) throws IOException {
    boolean secure = "https".equals(url.getScheme());
    int port = url.getPort() < 0 ? (secure ? HTTPS_PORT : HTTP_PORT) : url.getPort();
    String host = url.getHost().replaceAll("[\\[\\]]", "");
    var plain = new Socket(Proxy.NO_PROXY); // as in ApiServer
    boolean connected = false;
    try {
      plain.connect(new InetSocketAddress(host, port), (int) ApiServer.CONNECT_LIMIT.toMillis());
      plain.setTcpNoDelay(true);
      plain.setSoTimeout((int) limit.toMillis());
      if (!secure) {
        connected = true;
        return plain;
      }
      var socket =
          (SSLSocket) access.tls().getSocketFactory().createSocket(plain, host, port, true);
      var parameters = socket.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      socket.setSSLParameters(parameters);
      socket.startHandshake();
      connected = true;
      return socket;
    } finally {
      if (!connected) {
        plain.close();
      }
    }
  }

  private static String request(URI url, ApiAccess access, String target, Fields asked)
      throws IOException {
    var text = new StringBuilder("GET " + target + " HTTP/1.1\r\nHost: " + url.getAuthority());
    // Only to get our credentials, which are made for such a request.
    var credentials = HttpRequest.newBuilder(url);
    access.authorize(credentials);
    credentials
        .build()
        .headers()
        .map()
        .forEach((name, values) -> values.forEach(value -> add(text, name, value)));
    asked.all().forEach(field -> add(text, field.name(), field.value()));
    return text.append("\r\n\r\n").toString();
  }

  /** A value that held a line's end could add fields of its own. */
  private static void add(StringBuilder text, String name, String value) {
    text.append("\r\n").append(name).append(": ").append(value.replaceAll("[\r\n]", " "));
  }

  private static int status(String line) throws IOException {
    if (!line.matches("HTTP/1\\.[01] [1-9]\\d\\d( .*)?")) {
      throw new IOException("the API server's answer is no HTTP/1.1");
    }
    return Integer.parseInt(line.substring(9, 12));
  }

  private static Fields fields(InputStream in) throws IOException {
    var fields = new Fields();
    int left = MAX_HEAD_BYTES;
    for (String line = line(in, left); !line.isEmpty(); line = line(in, left)) {
      left -= line.length();
      int colon = line.indexOf(':');
      if (colon > 0) {
        fields.add(line.substring(0, colon).strip(), line.substring(colon + 1).strip());
      }
    }
    return fields;
  }

  private static String line(InputStream in, int most) throws IOException {
    var line = new ByteArrayOutputStream();
    for (int b = in.read(); b != '\n'; b = in.read()) {
      if (b < 0) {
        throw new EOFException("the API server ends the connection");
      }
      if (line.size() >= most) {
        throw new IOException("the head of the API server's answer is too long");
      }
      line.write(b);
    }
    return line.toString(ISO_8859_1).stripTrailing();
  }

  private static Refusal refusal(int status, Fields fields, InputStream in) throws IOException {
    String length = fields.first("Content-Length");
    int bytes = length.matches("\\d{1,5}") ? Integer.parseInt(length) : 0;
    byte[] body = in.readNBytes(Math.min(MAX_REFUSAL_BYTES, bytes));
    int told =
        status < HttpURLConnection.HTTP_BAD_REQUEST ? HttpURLConnection.HTTP_BAD_GATEWAY : status;
    try {
      return Refusal.of(told, Json.MAPPER.readTree(body));
    } catch (IOException _) {
      return Refusal.of(told, Json.MAPPER.createObjectNode());
    }
  }

  /** The fields with which the API server agreed. */
  public Fields agreed() {
    return agreed;
  }

  /** What comes from there. */
  public InputStream in() {
    return in;
  }

  /** What goes there; not buffered. */
  public OutputStream out() throws IOException {
    return socket.getOutputStream();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
