package io.drover.agent.tls;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.config.ProxyServer;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Reason;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.util.Base64;
import java.util.List;

/**
 * Asks a proxy to connect to a server. Afterwards the same socket leads to the server. The server's
 * name goes to the proxy as it is: often only the proxy can resolve it.
 */
final class ProxyHandshake {
  /** The longest answer to {@code CONNECT}, in bytes. */
  static final int MAX_ANSWER_BYTES = 16 * 1024;

  private static final int SOCKS_VERSION = 5;
  private static final int SOCKS_NO_LOGIN = 0;
  private static final int SOCKS_PASSWORD = 2;
  private static final int SOCKS_MAX_TEXT_BYTES = 255;

  /** Source: RFC 1928, section 6. */
  private static final List<String> SOCKS_REPLIES =
      List.of(
          "succeeded",
          "general SOCKS server failure",
          "connection not allowed by ruleset",
          "network unreachable",
          "host unreachable",
          "connection refused",
          "TTL expired",
          "command not supported",
          "address type not supported");

  private ProxyHandshake() {}

  /**
   * HTTP {@code CONNECT}, with Basic credentials if there are any.
   *
   * @param host as in a URL: an IPv6 address in brackets
   */
  static void connect(Socket socket, ProxyServer proxy, String host, int port) throws IOException {
    String target = host + ":" + port;
    var request = new StringBuilder();
    request.append("CONNECT ").append(target).append(" HTTP/1.1\r\n");
    request.append("Host: ").append(target).append("\r\n");
    if (!proxy.user().isEmpty()) {
      String login = proxy.user() + ":" + proxy.password().value();
      request.append("Proxy-Authorization: Basic ");
      request.append(Base64.getEncoder().encodeToString(login.getBytes(UTF_8))).append("\r\n");
    }
    request.append("\r\n");
    socket.getOutputStream().write(request.toString().getBytes(ISO_8859_1));
    socket.getOutputStream().flush();

    String answer = readHead(socket.getInputStream());
    String status = answer.lines().findFirst().orElse("");
    String[] words = status.split(" ", 3);
    if (words.length < 2 || !words[0].startsWith("HTTP/1.")) {
      throw new Failure(Reason.PROXY_WRONG_PROTOCOL, "it does not answer as an HTTP proxy");
    }
    if (words[1].equals("407")) {
      throw new Failure(
          Reason.PROXY_AUTH_REQUIRED,
          "it wants a user and a password, or others: put them in the proxy's URL");
    }
    if (!words[1].startsWith("2")) {
      throw new Failure(Reason.PROXY_REFUSED, "it answers '" + status + "' to CONNECT " + target);
    }
  }

  /** Byte by byte, since what follows the empty line is the server's. */
  private static String readHead(InputStream in) throws IOException {
    var head = new ByteArrayOutputStream();
    int ends = 0;
    while (ends < 2) {
      int next = in.read();
      if (next < 0) {
        throw new EOFException("it closed the connection");
      }
      if (head.size() == MAX_ANSWER_BYTES) {
        throw new Failure(
            Reason.PROXY_WRONG_PROTOCOL, "its answer is over " + MAX_ANSWER_BYTES + " bytes");
      }
      head.write(next);
      if (next == '\n') {
        ends++;
      } else if (next != '\r') {
        ends = 0;
      }
    }
    return head.toString(ISO_8859_1);
  }

  /**
   * SOCKS 5. Source: RFC 1928 and 1929.
   *
   * @param host name or address, without brackets
   */
  static void socks5(Socket socket, ProxyServer proxy, String host, int port) throws IOException {
    var in = socket.getInputStream();
    var out = socket.getOutputStream();
    boolean login = !proxy.user().isEmpty();
    out.write(
        login
            ? new byte[] {SOCKS_VERSION, 2, SOCKS_NO_LOGIN, SOCKS_PASSWORD}
            : new byte[] {SOCKS_VERSION, 1, SOCKS_NO_LOGIN});
    out.flush();
    byte[] method = read(in, 2);
    if (method[0] != SOCKS_VERSION) {
      throw new Failure(Reason.PROXY_WRONG_PROTOCOL, "it does not answer as a SOCKS 5 proxy");
    }
    if (method[1] == SOCKS_PASSWORD && login) {
      login(socket, proxy);
    } else if (method[1] != SOCKS_NO_LOGIN) {
      throw new Failure(
          Reason.PROXY_AUTH_REQUIRED,
          "it wants a user and a password: put them in the proxy's URL");
    }

    var request = new ByteArrayOutputStream();
    request.writeBytes(new byte[] {SOCKS_VERSION, 1, 0});
    request.writeBytes(socksAddress(host));
    request.write(port >> 8);
    request.write(port);
    out.write(request.toByteArray());
    out.flush();

    byte[] reply = read(in, 4);
    if (reply[1] != 0) {
      String text =
          reply[1] > 0 && reply[1] < SOCKS_REPLIES.size()
              ? SOCKS_REPLIES.get(reply[1])
              : "error " + (reply[1] & 0xFF);
      throw new Failure(Reason.PROXY_REFUSED, "it answers '" + text + "' for " + host + ":" + port);
    }
    int boundBytes =
        switch (reply[3]) {
          case 1 -> 4;
          case 4 -> 16;
          case 3 -> read(in, 1)[0] & 0xFF;
          default ->
              throw new Failure(
                  Reason.PROXY_WRONG_PROTOCOL, "it answers with an unknown address type");
        };
    read(in, boundBytes + 2);
  }

  private static void login(Socket socket, ProxyServer proxy) throws IOException {
    var request = new ByteArrayOutputStream();
    request.write(1);
    writeText(request, proxy.user(), "user");
    writeText(request, proxy.password().value(), "password");
    socket.getOutputStream().write(request.toByteArray());
    socket.getOutputStream().flush();
    if (read(socket.getInputStream(), 2)[1] != 0) {
      throw new Failure(
          Reason.PROXY_AUTH_REQUIRED,
          "it refuses user and password: correct them in the proxy's URL");
    }
  }

  private static byte[] socksAddress(String host) throws IOException {
    var address = new ByteArrayOutputStream();
    try {
      byte[] literal = InetAddress.ofLiteral(host).getAddress();
      address.write(literal.length == 4 ? 1 : 4);
      address.writeBytes(literal);
    } catch (IllegalArgumentException _) {
      address.write(3);
      writeText(address, host, "host name");
    }
    return address.toByteArray();
  }

  private static void writeText(ByteArrayOutputStream out, String text, String what)
      throws IOException {
    byte[] bytes = text.getBytes(UTF_8);
    if (bytes.length > SOCKS_MAX_TEXT_BYTES) {
      throw new Failure(
          Reason.CONFIGURATION_INVALID,
          "the " + what + " is over " + SOCKS_MAX_TEXT_BYTES + " bytes");
    }
    out.write(bytes.length);
    out.writeBytes(bytes);
  }

  private static byte[] read(InputStream in, int count) throws IOException {
    byte[] bytes = in.readNBytes(count);
    if (bytes.length < count) {
      throw new EOFException("it closed the connection");
    }
    return bytes;
  }
}
