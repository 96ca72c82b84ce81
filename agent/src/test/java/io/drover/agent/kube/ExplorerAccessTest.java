package io.drover.agent.kube;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.KubeConfig;
import io.drover.agent.tls.Listener;
import io.drover.agent.tls.TestCa;
import io.drover.steve.http.Fields;
import io.drover.steve.kube.ApiRequest;
import io.drover.steve.kube.ApiServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The Explorer's own client, on what the agent's gives it. */
@Timeout(60)
class ExplorerAccessTest {
  private static final String OK =
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
  private static final String UNAUTHORIZED =
      "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
  private static final String SWITCHED =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\n";

  @TempDir private Path directory;

  /** What each request was authorized with. */
  private final BlockingQueue<String> seen = new LinkedBlockingQueue<>();

  /** Any other is refused; empty: none is. */
  private final AtomicReference<String> valid = new AtomicReference<>("");

  private final AtomicReference<SSLContext> identity = new AtomicReference<>();
  private TestCa old;

  @BeforeEach
  void makeCluster() throws Exception {
    old = TestCa.root("Cluster");
    identity.set(old.issue("127.0.0.1").server());
    Files.writeString(directory.resolve("token"), "one\n");
    Files.writeString(directory.resolve("ca.crt"), old.pem());
  }

  @Test
  void tokenThatIsMountedNowIsUsedForEachRequest() throws Exception {
    try (var server = apiServer();
        var kube = inCluster(server);
        var api = explorer(kube, server)) {
      ask(api);
      assertThat(nextSeen()).isEqualTo("Bearer one");

      Files.writeString(directory.resolve("token"), "two\n");
      ask(api);
      assertThat(nextSeen()).isEqualTo("Bearer two");

      Files.writeString(directory.resolve("token"), "three\n");
      upgrade(api);
      assertThat(nextSeen()).isEqualTo("Bearer three");

      Files.delete(directory.resolve("token"));
      assertThatThrownBy(() -> ask(api))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("no token for the API server: ")
          .hasMessageContaining("token cannot be read");
      assertThatThrownBy(() -> upgrade(api))
          .isInstanceOf(IOException.class)
          .hasMessageStartingWith("no token for the API server: ");

      Files.writeString(directory.resolve("token"), "four\n");
      ask(api);
      assertThat(nextSeen()).isEqualTo("Bearer four");
      assertThat(seen).isEmpty();
    }
  }

  @Test
  void nextConnectionTrustsTheCaThatIsMountedNow() throws Exception {
    var next = TestCa.root("Later cluster");
    try (var server = apiServer();
        var kube = inCluster(server);
        var api = explorer(kube, server)) {
      ask(api);

      identity.set(next.issue("127.0.0.1").server());
      assertThatThrownBy(() -> ask(api)).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> upgrade(api)).isInstanceOf(IOException.class);

      Files.writeString(directory.resolve("ca.crt"), old.pem() + next.pem());
      ask(api);
      upgrade(api);

      Files.delete(directory.resolve("ca.crt"));
      identity.set(next.issue("127.0.0.1").server()); // which knows no session of before
      assertThatThrownBy(() -> ask(api)).hasMessageContaining("ca.crt cannot be read");
      assertThatThrownBy(() -> upgrade(api)).hasMessageContaining("ca.crt cannot be read");
    }
  }

  @Test
  void noProxyIsAskedFor() throws Exception {
    var before = ProxySelector.getDefault();
    try (var server = apiServer();
        var kube = inCluster(server);
        var api = explorer(kube, server)) {
      ProxySelector.setDefault(new DeadProxies(freePort()));
      ask(api);
      upgrade(api);
    } finally {
      ProxySelector.setDefault(before);
    }
    assertThat(seen).containsExactly("Bearer one", "Bearer one");
  }

  /** What the JVM could be told, by {@code -Dhttps.proxyHost} and {@code -DsocksProxyHost}. */
  private static final class DeadProxies extends ProxySelector {
    private final SocketAddress nobody;

    DeadProxies(int port) {
      this.nobody = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    @Override
    public List<Proxy> select(URI uri) {
      boolean raw = uri.getScheme().equals("socket");
      return List.of(new Proxy(raw ? Proxy.Type.SOCKS : Proxy.Type.HTTP, nobody));
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException failure) {
      // It could not be otherwise.
    }
  }

  private static int freePort() throws IOException {
    try (var socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  @Test
  void tokenOfAKubeconfigIsSentAndTakenAnewWithTheAgentsOwn() throws Exception {
    try (var server = apiServer()) {
      Path file = writeKubeconfig(server, "one");
      var config = new KubeConfig.Kubeconfig(file, "");
      try (var kube = Fabric8ClusterApi.open(config);
          var api = new ApiServer(kube.access(config))) {
        ask(api);
        assertThat(nextSeen()).isEqualTo("Bearer one");

        writeKubeconfig(server, "two");
        valid.set("Bearer two");
        assertThat(kube.apiServerReady()).isTrue();
        seen.clear();
        ask(api);
        assertThat(nextSeen()).isEqualTo("Bearer two");
      }
    }
  }

  private Path writeKubeconfig(Listener server, String token) throws IOException {
    return Files.writeString(
        directory.resolve("kubeconfig"),
        """
        apiVersion: v1
        kind: Config
        current-context: here
        contexts: [{name: here, context: {cluster: here, user: me}}]
        clusters: [{name: here, cluster: {server: "%s", certificate-authority: "%s"}}]
        users: [{name: me, user: {token: %s}}]
        """
            .formatted(server.url("https"), directory.resolve("ca.crt"), token));
  }

  private KubeConfig pod(Listener server) {
    return new KubeConfig.InCluster(server.url("https").getAuthority(), directory);
  }

  private Fabric8ClusterApi inCluster(Listener server) throws IOException {
    return Fabric8ClusterApi.open(pod(server));
  }

  private ApiServer explorer(Fabric8ClusterApi kube, Listener server) {
    return new ApiServer(kube.access(pod(server)));
  }

  private static void ask(ApiServer api) throws IOException {
    try (var answer = api.send(ApiRequest.get("/version", ApiRequest.JSON))) {
      assertThat(answer.status()).isEqualTo(200);
    }
  }

  private static void upgrade(ApiServer api) throws IOException {
    var asked = new Fields().add("Connection", "Upgrade").add("Upgrade", "SPDY/3.1");
    try (var stream = api.upgrade("/exec", asked)) {
      assertThat(stream.agreed().first("Upgrade")).isEqualTo("SPDY/3.1");
    }
  }

  private @Nullable String nextSeen() throws InterruptedException {
    return seen.poll(10, TimeUnit.SECONDS);
  }

  private Listener apiServer() throws IOException {
    return Listener.start(this::answer);
  }

  /** One request on each connection. */
  private void answer(Socket socket) throws IOException {
    try (var secured =
        (SSLSocket) identity.get().getSocketFactory().createSocket(socket, null, 0, true)) {
      secured.setUseClientMode(false);
      var in = new BufferedReader(new InputStreamReader(secured.getInputStream(), UTF_8));
      String authorization = "";
      boolean upgrades = false;
      for (var line = in.readLine(); !"".equals(line); line = in.readLine()) {
        if (line == null) {
          return; // it ends before its request
        }
        var field = line.split(": ", 2);
        if (field[0].equalsIgnoreCase("Authorization")) {
          authorization = field[1];
        }
        upgrades |= field[0].equalsIgnoreCase("Upgrade") && field[1].startsWith("SPDY");
      }
      seen.add(authorization);
      boolean known = valid.get().isEmpty() || valid.get().equals(authorization);
      String reply = known ? (upgrades ? SWITCHED : OK) : UNAUTHORIZED;
      secured.getOutputStream().write(reply.getBytes(UTF_8));
    }
  }
}
