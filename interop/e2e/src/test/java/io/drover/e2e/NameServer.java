package io.drover.e2e;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;

/**
 * A name server that knows no name. What it answers is in the first label of what it is asked:
 * {@code servfail}, {@code silent}, or else that there is no such name.
 */
final class NameServer implements AutoCloseable {
  /** Port 53 and no other, since glibc asks no other. */
  static final String ADDRESS = "127.53.53.53";

  private static final int PORT = 53;
  private static final int MAX_QUESTION = 512;
  private static final int HEADER = 12;
  private static final int SERVFAIL = 2;
  private static final int NXDOMAIN = 3;

  private final DatagramSocket socket;

  private NameServer(DatagramSocket socket) {
    this.socket = socket;
  }

  /** Starts it; fails if this user may not use its port. */
  static NameServer start() throws SocketException {
    var server =
        new NameServer(
            new DatagramSocket(new InetSocketAddress(InetAddress.ofLiteral(ADDRESS), PORT)));
    Thread.ofVirtual().name("name-server").start(server::run);
    return server;
  }

  private void run() {
    var packet = new DatagramPacket(new byte[MAX_QUESTION], MAX_QUESTION);
    while (!socket.isClosed()) {
      try {
        packet.setLength(MAX_QUESTION);
        socket.receive(packet);
        answer(packet);
      } catch (IOException e) {
        // Closed, which the loop asks; or a question too many.
      }
    }
  }

  private void answer(DatagramPacket packet) throws IOException {
    byte[] data = packet.getData();
    var label = new String(data, HEADER + 1, data[HEADER], US_ASCII);
    if (label.equals("silent")) {
      return;
    }
    data[2] |= (byte) 0x80; // an answer
    data[3] = (byte) (0x80 | (label.equals("servfail") ? SERVFAIL : NXDOMAIN));
    socket.send(packet);
  }

  @Override
  public void close() {
    socket.close();
  }
}
