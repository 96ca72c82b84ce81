package io.drover.agent.tunnel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.ClosedPort;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.StandardSocketOptions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class TcpDialerTest {
  /** A port whose queue is full: further connection attempts are not answered. */
  private static final class BlackHole implements AutoCloseable {
    private final ServerSocket listener;
    private final List<Socket> waiting = new ArrayList<>();

    BlackHole() throws IOException {
      listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
      try {
        while (true) {
          var socket = new Socket();
          socket.connect(
              new InetSocketAddress(listener.getInetAddress(), listener.getLocalPort()), 300);
          waiting.add(socket);
        }
      } catch (SocketTimeoutException e) {
        // Full.
      }
    }

    String address() {
      return "127.0.0.1:" + listener.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      for (var socket : waiting) {
        socket.close();
      }
      listener.close();
    }
  }

  @Test
  void connects() throws Exception {
    try (var backend = Backend.start();
        var channel = new TcpDialer().dial("tcp", backend.address(), new Dial())) {
      assertThat(channel.isConnected()).isTrue();
      assertThat(channel.isBlocking()).isTrue();
      assertThat(channel.getOption(StandardSocketOptions.TCP_NODELAY)).isTrue();
      backend.accept().close();
    }
  }

  @Test
  void saysLikeGoThatAPortIsRefused() throws Exception {
    try (var closed = new ClosedPort()) {
      assertThatThrownBy(() -> new TcpDialer().dial("tcp", closed.address(), new Dial()))
          .hasMessage("dial tcp " + closed.address() + ": connect: connection refused");
    }
  }

  @Test
  void saysLikeGoThatAPeerDoesNotAnswer() throws Exception {
    try (var hole = new BlackHole()) {
      var dialer = new TcpDialer(Duration.ofMillis(200), InetAddress::getAllByName);

      assertThatThrownBy(() -> dialer.dial("tcp", hole.address(), new Dial()))
          .hasMessage("dial tcp " + hole.address() + ": i/o timeout");
    }
  }

  @Test
  void anAddressThatDoesNotAnswerLeavesTimeForTheNext() throws Exception {
    var other = InetAddress.ofLiteral("127.0.0.2");
    try (var hole = new BlackHole();
        var backend = new ServerSocket(hole.listener.getLocalPort(), 1, other)) {
      var dialer =
          new TcpDialer(
              Duration.ofSeconds(1),
              _ -> new InetAddress[] {hole.listener.getInetAddress(), other});

      try (var channel = dialer.dial("tcp", "two.test:" + backend.getLocalPort(), new Dial())) {
        assertThat(channel.getRemoteAddress())
            .isEqualTo(new InetSocketAddress(other, backend.getLocalPort()));
      }
    }
  }

  @Test
  void saysLikeGoThatANameIsUnknown() {
    assertThatThrownBy(() -> new TcpDialer().dial("tcp", "no-such-host.invalid:443", new Dial()))
        .hasMessage("dial tcp: lookup no-such-host.invalid: no such host");
  }

  @Test
  void saysLikeGoThatAnAddressIsNone() {
    assertThatThrownBy(() -> new TcpDialer().dial("tcp", "no-port", new Dial()))
        .hasMessage("dial tcp: address no-port: missing port in address");
  }

  @Test
  void canBeCalledOffInTheMiddle() throws Exception {
    try (var hole = new BlackHole()) {
      var dial = new Dial();
      var outcome = new ArrayBlockingQueue<String>(1);
      var connecting = Thread.ofVirtual().unstarted(() -> outcome.add(dial(hole.address(), dial)));
      connecting.start();

      dial.cancel(); // before or in the middle of it: both must end the dial at once

      assertThat(outcome.poll(10, TimeUnit.SECONDS)).isNotNull().startsWith("dial tcp");
    }
  }

  @Test
  void doesNotBeginOnceCalledOff() throws Exception {
    try (var backend = Backend.start()) {
      var dial = new Dial();
      dial.cancel();

      assertThat(dial(backend.address(), dial))
          .isEqualTo("dial tcp " + backend.address() + ": dial cancelled");
      assertThat(backend.hasConnection()).isFalse();
    }
  }

  private static String dial(String address, Dial dial) {
    try {
      new TcpDialer().dial("tcp", address, dial).close();
      return "connected";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
