package io.drover.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.Closeable;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.util.List;
import javax.net.SocketFactory;

/** A request, the head of its answer, and then whatever the test says. */
public final class RawConnection implements Closeable {
  private static final int READ_LIMIT_MILLIS = 20_000;

  public final String head;
  private final Socket socket;

  public RawConnection(SocketFactory sockets, URI server, String path, List<String> fields)
      throws IOException {
    socket = sockets.createSocket(server.getHost(), server.getPort());
    socket.setSoTimeout(READ_LIMIT_MILLIS);
    write(
        "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n"
            .formatted(path, server.getAuthority(), String.join("\r\n", fields)));
    var read = new StringBuilder();
    while (!read.toString().endsWith("\r\n\r\n")) {
      read.append(read(1));
    }
    head = read.toString();
  }

  public void write(String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(ISO_8859_1));
  }

  public String read(int bytes) throws IOException {
    byte[] read = socket.getInputStream().readNBytes(bytes);
    if (read.length < bytes) {
      throw new IOException("ended after: " + new String(read, ISO_8859_1));
    }
    return new String(read, ISO_8859_1);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
