package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.steve.kube.ApiAccess;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;

/** An API server whose every byte a test chooses. Without TLS. */
final class ScriptedUpstream implements ApiAccess, AutoCloseable {
  /** A connection, seen from the server. */
  record Peer(InputStream in, OutputStream out) {
    void say(String text) throws IOException {
      out.write(text.getBytes(ISO_8859_1));
      out.flush();
    }

    /** Line and fields, until the empty line. */
    List<String> head() throws IOException {
      var lines = new ArrayList<String>();
      for (String line = line(); !line.isEmpty(); line = line()) {
        lines.add(line);
      }
      return lines;
    }

    /** Empty at the end too. */
    String line() throws IOException {
      var text = new StringBuilder();
      for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
        text.append((char) b);
      }
      return text.toString().strip();
    }
  }

  /** Answers one request, whose head has been read. */
  @FunctionalInterface
  interface Script {
    void answer(Peer peer, List<String> head) throws IOException;
  }

  final LinkedBlockingQueue<List<String>> heads = new LinkedBlockingQueue<>();
  final AtomicInteger connections = new AtomicInteger();
  volatile String token = "real-1";
  volatile Script script = (peer, _) -> peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final ServerSocket listener;

  ScriptedUpstream() throws IOException {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(this::accept);
  }

  private void accept() {
    try {
      while (true) {
        var socket = listener.accept();
        open.add(socket);
        connections.incrementAndGet();
        Thread.ofVirtual().start(() -> serve(socket));
      }
    } catch (IOException _) {
      // It is over.
    }
  }

  private void serve(Socket socket) {
    try (socket) {
      var peer =
          new Peer(new BufferedInputStream(socket.getInputStream()), socket.getOutputStream());
      for (var head = peer.head(); !head.isEmpty(); head = peer.head()) {
        heads.add(head);
        script.answer(peer, head);
      }
    } catch (IOException _) {
      // The gateway is gone.
    }
  }

  /** Of a head. */
  static String field(List<String> head, String name) {
    return head.stream()
        .filter(
            line -> line.toLowerCase(Locale.ROOT).startsWith(name.toLowerCase(Locale.ROOT) + ":"))
        .map(line -> line.substring(name.length() + 1).strip())
        .findFirst()
        .orElse("");
  }

  /** Ends every connection, as a restart does. */
  void hangUp() throws IOException {
    for (var socket : open) {
      socket.close();
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
    request.header("Authorization", "Bearer " + token);
  }

  @Override
  public void close() throws IOException {
    listener.close();
    hangUp();
  }
}
