package io.drover.server.proxy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.proto.handshake.ConnectParams;
import io.drover.server.cert.ServerCertificate;
import io.drover.server.tunnel.Session;
import io.drover.server.tunnel.SessionKey;
import io.drover.server.tunnel.SessionKey.Tunnel;
import io.drover.server.tunnel.Sessions;
import io.drover.server.tunnel.TunnelStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiConnectionsTest {
  @TempDir private Path directory;
  private final AtomicLong nanos = new AtomicLong(-5);

  /** One whose agent dials nothing. */
  private static final class NoDials implements Session {
    private final SessionKey key;
    private boolean ended;

    NoDials(String clusterId) {
      this.key = new SessionKey(Tunnel.CLUSTER, clusterId);
    }

    @Override
    public SessionKey key() {
      return key;
    }

    @Override
    public Optional<ConnectParams> params() {
      return Optional.empty();
    }

    @Override
    public boolean isEnded() {
      return ended;
    }

    @Override
    public TunnelStream open(String network, String address) throws IOException {
      throw new IOException("not dialled");
    }
  }

  @Test
  void caOfAnApiServerIsKeptNoLongerThanItsSession() throws Exception {
    var ca = ServerCertificate.open(directory, List.of("api.test")).pem();
    var params = new ConnectParams("api.test:6443", "token", ca);
    try (var sessions = new Sessions()) {
      var connections = new ApiConnections(sessions, nanos::get);
      var one = new NoDials("c-one");
      var other = new NoDials("c-other");
      for (var session : List.of(one, other, one)) {
        assertThatThrownBy(() -> connections.open(session, params)).hasMessage("not dialled");
      }
      assertThat(connections.trustCount()).isEqualTo(2);

      one.ended = true;
      nanos.addAndGet(ApiConnections.SWEEP_EVERY.toNanos() - 1);
      assertThat(connections.idle(other)).isEmpty();
      assertThat(connections.trustCount()).isEqualTo(2);
      nanos.addAndGet(1);
      assertThat(connections.idle(other)).isEmpty();

      assertThat(connections.trustCount()).isEqualTo(1);
    }
  }
}
