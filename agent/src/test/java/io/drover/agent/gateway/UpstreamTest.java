package io.drover.agent.gateway;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.steve.http.Fields;
import io.drover.steve.http.UpstreamConnection;
import io.vertx.core.http.HttpVersion;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class UpstreamTest {
  private static final int PIECE_BYTES = 1 << 20;

  /** More than two sockets hold. */
  private static final int PIECES = 64;

  private final AtomicLong nanoTime = new AtomicLong();
  private ScriptedUpstream api;
  private Upstream upstream;

  @BeforeEach
  void start() throws IOException {
    api = new ScriptedUpstream();
    upstream = new Upstream(api, nanoTime::get);
  }

  @AfterEach
  void stop() throws IOException {
    upstream.close();
    api.close();
  }

  @Test
  void keepsAFreeConnectionForAWhile() throws Exception {
    var first = upstream.take();
    assertThat(first.used()).isFalse();
    upstream.giveBack(first.connection());
    nanoTime.addAndGet(Upstream.IDLE.toNanos() - 1);

    var again = upstream.take();
    assertThat(again.used()).isTrue();
    assertThat(again.connection()).isSameAs(first.connection());

    upstream.giveBack(again.connection());
    nanoTime.addAndGet(Upstream.IDLE.toNanos());
    assertThat(upstream.take().used()).isFalse();
    assertThat(isOpen(first.connection())).isFalse();
  }

  @Test
  void keepsSoManyAndNoMore() throws Exception {
    var taken = new ArrayList<UpstreamConnection>();
    for (int i = 0; i <= Upstream.MAX_IDLE; i++) {
      taken.add(upstream.take().connection());
    }
    taken.forEach(upstream::giveBack);

    assertThat(isOpen(taken.getLast())).isFalse();
    for (int i = 0; i < Upstream.MAX_IDLE; i++) {
      assertThat(upstream.take().used()).isTrue();
    }
    assertThat(upstream.take().used()).isFalse();
  }

  @Test
  void opensNoneOnceItIsClosed() throws Exception {
    var late = upstream.take().connection();
    var free = upstream.take().connection();
    upstream.giveBack(free);
    upstream.close();
    upstream.giveBack(late);

    assertThat(isOpen(free)).isFalse();
    assertThat(isOpen(late)).isFalse();
    assertThatThrownBy(upstream::take).hasMessage("the agent stops");
  }

  /**
   * Who sends a body may wait for an API server that is cut off; who closes does not wait for him.
   */
  @Test
  void endsAWriteThatGoesNowhere() throws Exception {
    try (var secure = new Http2Api(1, HttpVersion.HTTP_1_1);
        var ways = new Upstream(secure, nanoTime::get)) {
      var connection = ways.take().connection();
      var to = connection.ask("POST", "/", new Fields(), (long) PIECES * PIECE_BYTES);
      to.flush();
      secure.asked.take().pause();
      var sending =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      for (int i = 0; i < PIECES; i++) {
                        to.write(new byte[PIECE_BYTES]);
                      }
                    } catch (IOException _) {
                      // It is over.
                    }
                  });
      while (sending.getState() != Thread.State.WAITING) {
        assertThat(sending.isAlive()).isTrue();
        Thread.onSpinWait(); // until the kernel takes no more
      }

      var closing = Thread.ofVirtual().start(() -> Upstream.closeQuietly(connection));
      assertThat(closing.join(Duration.ofSeconds(20))).isTrue();
      assertThat(sending.join(Duration.ofSeconds(20))).isTrue();
    }
  }

  private static boolean isOpen(UpstreamConnection connection) {
    try {
      connection.ask("GET", "/", new Fields(), 0).close();
      return connection.answer("GET").status() == 200;
    } catch (IOException _) {
      return false;
    }
  }
}
