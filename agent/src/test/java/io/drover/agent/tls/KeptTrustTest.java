package io.drover.agent.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.ProxyConfig;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashSet;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class KeptTrustTest {
  @TempDir private Path directory;

  private static void connect(int port, KeptTrust trust) throws IOException {
    var context = trust.context();
    var connection =
        new ServerDialer(ProxyConfig.NONE, context)
            .dial(URI.create("https://127.0.0.1:" + port), context, ServerDialer.STANDARD_LIMIT);
    try {
      ServerDialerTest.assertEcho(connection.socket());
    } finally {
      connection.raw().close();
    }
  }

  @Test
  void sessionGoesOnForAsLongAsTheSameAreTrustedAndNoLonger() throws Exception {
    var ours = TestCa.root("ours");
    var pem = Files.writeString(directory.resolve("ca.crt"), ours.pem());
    var trust = KeptTrust.ofFile(pem);
    try (var server = Listener.startTls(ours.issue("127.0.0.1").server(), ServerDialerTest::echo);
        var relay =
            new CountingRelay(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), server.port()))) {
      connect(relay.port(), trust);
      long withCertificate = relay.bytes();
      connect(relay.port(), trust);
      long resumed = relay.bytes();
      assertThat(resumed).isLessThan(withCertificate);

      var context = trust.context();
      trust.forget();
      connect(relay.port(), trust);
      assertThat(relay.bytes()).isGreaterThan(resumed);
      assertThat(trust.context()).isSameAs(context); // or a tunnel would take it for news

      Files.writeString(pem, TestCa.root("others").pem());
      assertThatThrownBy(() -> connect(relay.port(), trust))
          .hasMessageContaining("which is not trusted here");
    }
  }

  @Test
  void whoBeginTogetherTrustByOneContext() throws Exception {
    var ours =
        ServerTrust.authorities(
            Files.writeString(directory.resolve("ca.crt"), TestCa.root("ours").pem()));
    int tunnels = 8;
    var read = new CyclicBarrier(tunnels);
    var trust = new KeptTrust(() -> together(read, ours));
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var contexts = new HashSet<SSLContext>();
      for (var one :
          threads.invokeAll(Collections.nCopies(tunnels, (Callable<SSLContext>) trust::context))) {
        contexts.add(one.get());
      }
      assertThat(contexts).hasSize(1);
    }
  }

  private static CertificateAuthorities together(CyclicBarrier read, CertificateAuthorities found)
      throws IOException {
    try {
      read.await();
      return found;
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IOException(e);
    }
  }
}
