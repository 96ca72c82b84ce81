package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import io.drover.agent.Logged;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.SynchronousQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

@Timeout(60)
class SelfProbeTest {
  private static final Duration SHORT = Duration.ofSeconds(2);
  private static final String PONG = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong";

  @RegisterExtension private final Logged log = new Logged(SelfProbe.class);

  private ServerSocketChannel server;

  @BeforeEach
  void listen() throws IOException {
    server = ServerSocketChannel.open();
    server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
  }

  @AfterEach
  void stop() throws IOException {
    server.close();
  }

  private SocketChannel dial(Dial dial) throws IOException {
    var channel = SocketChannel.open();
    dial.opening(channel);
    channel.connect(server.getLocalAddress());
    return channel;
  }

  private SelfProbe probe(Duration limit) {
    return new SelfProbe((_, _, dial) -> dial(dial), Sleeper.REAL, limit);
  }

  /** Answers one connection. */
  private Thread answering(String answer) {
    return Thread.ofPlatform()
        .start(
            () -> {
              try (var peer = server.accept()) {
                var in = peer.socket().getInputStream();
                var request = new String(in.readNBytes(SelfProbe.REQUEST.length()), US_ASCII);
                assertThat(request).startsWith("GET /ping HTTP/1.1\r\n").endsWith("\r\n\r\n");
                peer.socket().getOutputStream().write(answer.getBytes(US_ASCII));
              } catch (IOException e) {
                throw new IllegalStateException(e);
              }
            });
  }

  @Test
  void anAnswerIsNoProblem() throws Exception {
    var probe = probe(SelfProbe.LIMIT);
    var answering = answering(PONG);

    probe.probe();

    answering.join();
    assertThat(probe.problem()).isEmpty();
    assertThat(log.count()).isZero();
  }

  /** It listens, and nobody accepts. */
  @Test
  void threeWithoutAnAnswerAreFatalUntilThereIsOne() throws Exception {
    var probe = probe(SHORT);
    for (int failure = 1; failure <= SelfProbe.FATAL; failure++) {
      assertThat(probe.isFatal()).isFalse();
      probe.probe();
      assertThat(probe.problem()).map(Problem::reason).hasValue(Reason.PING_UNANSWERED);
    }
    assertThat(probe.isFatal()).isTrue();
    assertThat(log.at(Level.WARN))
        .singleElement()
        .asString()
        .startsWith("self-probe failed: reason=PingUnanswered: ");

    for (int left = 0; left < SelfProbe.FATAL; left++) {
      server.accept().close(); // they are still in the queue
    }
    var answering = answering(PONG);
    probe.probe();
    answering.join();
    assertThat(probe.isFatal()).isFalse();
  }

  @Test
  void thatThereIsNoRoomIsSaidAndNotFatal() throws Exception {
    var limits = FrontLimits.STANDARD;
    try (var front = HttpFront.start("test", limits, (_, _) -> {})) {
      var others = new ArrayList<SocketChannel>();
      for (int i = 0; i < limits.connections() + limits.spare(); i++) {
        others.add(front.connect(_ -> {}));
      }
      var probe =
          new SelfProbe(
              (_, _, dial) -> front.connect(dial::opening), Sleeper.REAL, SelfProbe.LIMIT);
      for (int i = 0; i < SelfProbe.FATAL; i++) {
        probe.probe();
      }

      assertThat(probe.isFatal()).isFalse();
      assertThat(probe.problem().orElseThrow().message()).contains("too many connections");
      for (var other : others) {
        other.close();
      }
    }
  }

  @Test
  void anotherAnswerIsSaid() throws Exception {
    var probe = probe(SelfProbe.LIMIT);
    var answering = answering("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    probe.probe();
    answering.join();
    assertThat(probe.problem()).map(Problem::message).hasValue("the answer is HTTP/1.1 503 ");

    answering = answering("");
    probe.probe();
    answering.join();
    assertThat(probe.problem()).map(Problem::message).hasValue("the answer is ");

    answering = answering(PONG);
    probe.probe();
    answering.join();
    assertThat(probe.problem()).isEmpty();
    assertThat(log.at(Level.INFO))
        .singleElement()
        .asString()
        .startsWith("self-probe is answered again");
  }

  @Test
  void asksEvery30Seconds() throws Exception {
    var naps = new LinkedBlockingQueue<Duration>();
    var over = new SynchronousQueue<Boolean>();
    var dials = new LinkedBlockingQueue<String>();
    Sleeper sleeper =
        duration -> {
          naps.add(duration);
          over.take();
        };
    Dialer dialer =
        (_, address, _) -> {
          dials.add(address);
          throw new IOException("no");
        };
    try (var probe = SelfProbe.start(dialer, sleeper)) {
      assertThat(naps.take()).isEqualTo(Duration.ofSeconds(30));
      over.put(true);
      assertThat(dials.take()).isEqualTo("not-used:80");
      assertThat(naps.take()).isEqualTo(Duration.ofSeconds(30));
      assertThat(probe.problem()).map(Problem::message).hasValue("no");
    }
  }
}
