package io.drover.agent.tls;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;

/** Passes on connections to a server, one after the other, and counts what crosses each of them. */
public final class CountingRelay implements AutoCloseable {
  private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  private final InetSocketAddress server;
  private final BlockingQueue<Long> bytes = new LinkedBlockingQueue<>();

  public CountingRelay(InetSocketAddress server) throws IOException {
    this.server = server;
    Thread.ofVirtual().name("relay").start(this::accept);
  }

  public int port() {
    return listening.getLocalPort();
  }

  /** Of the next connection that is over, both directions together. Blocks. */
  public long bytes() throws InterruptedException {
    return bytes.take();
  }

  private void accept() {
    while (!listening.isClosed()) {
      try (var client = listening.accept();
          var peer = new Socket(server.getAddress(), server.getPort())) {
        var up = new CompletableFuture<Long>();
        Thread.ofVirtual().name("relay-up").start(() -> up.complete(pass(client, peer)));
        long down = pass(peer, client);
        client.shutdownInput(); // so that the other thread ends, whatever the client does
        bytes.add(down + up.join());
      } catch (IOException _) {
        // Closed.
      }
    }
  }

  /** Until either side ends it. */
  private static long pass(Socket from, Socket to) {
    long sum = 0;
    try {
      InputStream in = from.getInputStream();
      OutputStream out = to.getOutputStream();
      var buffer = new byte[64 * 1024];
      for (int read = in.read(buffer); read > 0; read = in.read(buffer)) {
        sum += read;
        out.write(buffer, 0, read);
      }
      to.shutdownOutput();
    } catch (IOException _) {
      // As good as an end.
    }
    return sum;
  }

  @Override
  public void close() throws IOException {
    listening.close();
  }
}
