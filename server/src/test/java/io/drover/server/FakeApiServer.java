package io.drover.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.drover.server.cert.ServerCertificate;
import io.drover.server.proxy.ApiConnections;
import java.io.BufferedInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** An API server as far as bytes go: HTTPS on a real port, answers by the test. */
final class FakeApiServer implements Closeable {
  /** What a request looks like from inside. */
  record Request(
      String method,
      String target,
      Map<String, List<String>> fields,
      InputStream body,
      OutputStream out) {
    String field(String name) {
      return String.join(",", fields.getOrDefault(name, List.of()));
    }

    void answer(int status, String body) throws IOException {
      byte[] bytes = body.getBytes(ISO_8859_1);
      write("HTTP/1.1 " + status + " Fine\r\nContent-Length: " + bytes.length + "\r\n\r\n");
      out.write(bytes);
      out.flush();
    }

    void write(String text) throws IOException {
      out.write(text.getBytes(ISO_8859_1));
      out.flush();
    }
  }

  /** Answers one request. */
  interface Answerer {
    void answer(Request request) throws IOException;
  }

  final String caPem;
  final int port;

  /** What the server itself is told, by path; 404 for the rest. */
  final Map<String, String> facts = new ConcurrentHashMap<>();

  /** Answers what the server itself asks; by the facts, until a test has better to do. */
  volatile Answerer own =
      request -> {
        var body = facts.get(request.target());
        request.answer(body == null ? 404 : 200, body == null ? "{}" : body);
      };

  final AtomicInteger connections = new AtomicInteger();
  final BlockingQueue<Request> requests = new LinkedBlockingQueue<>();
  private final SSLServerSocket listener;
  private final Answerer answerer;
  private final Set<SSLSocket> open = ConcurrentHashMap.newKeySet();

  private FakeApiServer(String caPem, SSLServerSocket listener, Answerer answerer) {
    this.caPem = caPem;
    this.listener = listener;
    this.port = listener.getLocalPort();
    this.answerer = answerer;
  }

  static FakeApiServer start(Path directory, Answerer answerer)
      throws IOException, GeneralSecurityException {
    var certificate = ServerCertificate.open(directory, List.of("127.0.0.1"));
    var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    keys.init(certificate.keyStore(), new char[0]);
    var context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), null, null);
    var listener =
        (SSLServerSocket)
            context
                .getServerSocketFactory()
                .createServerSocket(0, 200, InetAddress.getLoopbackAddress());
    var server = new FakeApiServer(certificate.authorityPem(), listener, answerer);
    Thread.ofVirtual().name("api-accept").start(server::accept);
    return server;
  }

  String address() {
    return "127.0.0.1:" + port;
  }

  private void accept() {
    try {
      while (true) {
        var socket = (SSLSocket) listener.accept();
        connections.incrementAndGet();
        open.add(socket);
        Thread.ofVirtual().name("api-" + connections.get()).start(() -> serve(socket));
      }
    } catch (IOException e) {
      // The test is over.
    }
  }

  private void serve(SSLSocket socket) {
    try (socket) {
      var in = new BufferedInputStream(socket.getInputStream());
      var out = socket.getOutputStream();
      while (true) {
        var start = line(in);
        if (start.isEmpty()) {
          return;
        }
        var fields = new LinkedHashMap<String, List<String>>();
        for (var line = line(in); !line.isEmpty(); line = line(in)) {
          int colon = line.indexOf(':');
          var value = line.substring(colon + 1).strip();
          fields.merge(
              line.substring(0, colon).toLowerCase(Locale.ROOT),
              List.of(value),
              (a, b) -> List.of(String.join(",", a), String.join(",", b)));
        }
        var words = start.split(" ", 3);
        var request = new Request(words[0], words[1], fields, in, out);
        if (ApiConnections.USER_AGENT.equals(request.field("user-agent"))
            && !words[1].startsWith("/readyz")) {
          own.answer(request);
          continue;
        }
        if (!words[1].startsWith("/readyz")) {
          requests.add(request);
        }
        answerer.answer(request);
      }
    } catch (IOException e) {
      // The client went away, which some tests want.
    } finally {
      open.remove(socket);
    }
  }

  static String line(InputStream in) throws IOException {
    var line = new StringBuilder();
    while (true) {
      int next = in.read();
      if (next < 0 || next == '\n') {
        return line.toString().strip();
      }
      line.append((char) next);
    }
  }

  int openConnections() {
    return open.size();
  }

  @Override
  public void close() throws IOException {
    listener.close();
    for (var socket : open) {
      socket.close();
    }
  }
}
