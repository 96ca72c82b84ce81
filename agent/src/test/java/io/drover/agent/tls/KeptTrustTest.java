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

      trust.forget();
      connect(relay.port(), trust);
      assertThat(relay.bytes()).isGreaterThan(resumed);

      Files.writeString(pem, TestCa.root("others").pem());
      assertThatThrownBy(() -> connect(relay.port(), trust))
          .hasMessageContaining("which is not trusted here");
    }
  }
}
