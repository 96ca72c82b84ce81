package io.drover.agent.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.TestClock;
import io.drover.agent.config.ConfigException;
import io.drover.agent.config.NodeConfig;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import io.drover.agent.tls.TestCa;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class NodeAgentTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private Path directory;
  private Path mounted;
  private Path others;
  private NodeAgent agent;

  @BeforeEach
  void start() throws Exception {
    mounted = TestNodes.identity(directory.resolve("mounted"));
    others =
        TestNodes.identity(directory.resolve("others"), TestCa.root("others"), NodeIdentity.NAME);
    agent = new NodeAgent(config(), probes(), new Random(1));
  }

  @AfterEach
  void close() {
    agent.close();
  }

  /** Of a node from which nothing is reached. */
  private NodeConfig config() throws ConfigException {
    return NodeConfig.from(
        Map.of(
            "CATTLE_NODE_NAME", "node-1",
            "CATTLE_SERVER", "https://127.0.0.1:1",
            "DROVER_NODE_ADDRESS", "127.0.0.1:0",
            "DROVER_NODE_IDENTITY_DIR", mounted.toString(),
            "KUBERNETES_SERVICE_HOST", "127.0.0.1",
            "KUBERNETES_SERVICE_PORT", "1"));
  }

  private NodeProbes probes() throws ConfigException {
    var config = config();
    var dialer = ServerDialer.direct();
    return new NodeProbes(
        config,
        "1.0",
        dialer,
        new ServerTrust(config.server(), config.paths(), dialer),
        new HostFacts(directory),
        new TestClock());
  }

  /** As the cluster agent asks, with the files of this directory. */
  private ServerHttp.Answer ask(Path identity) throws IOException {
    var address = agent.address();
    var url =
        URI.create("https://" + NodeIdentity.NAME + ":" + address.getPort() + NodeServer.PATH);
    var token = NodeIdentity.token(identity);
    return new ServerHttp(ServerDialer.to(address.getAddress()))
        .send(
            "GET",
            url,
            ServerTrust.ofFile(identity.resolve(NodeIdentity.CA)),
            LIMIT,
            Map.of("Authorization", NodeIdentity.authorization(token)),
            new byte[0]);
  }

  @Test
  void tellsWhatItHasFound() throws Exception {
    assertThat(ask(mounted).status()).isEqualTo(503);

    agent.look();

    var snapshot = ReportJson.readNode(ask(mounted).body());
    assertThat(snapshot.node()).isEqualTo("node-1");
    assertThat(snapshot.checks())
        .filteredOn(check -> check.name().equals("server"))
        .singleElement()
        .matches(check -> check.reason().equals("ConnectRefused"));
  }

  @Test
  void takesWhatIsMountedAnewAtTheNextLook() throws Exception {
    for (String name : new String[] {"tls.crt", "tls.key", "ca.crt"}) {
      Files.copy(others.resolve(name), mounted.resolve(name + ".new"));
      Files.move(
          mounted.resolve(name + ".new"),
          mounted.resolve(name),
          StandardCopyOption.REPLACE_EXISTING);
    }
    TestNodes.write(mounted, "token", "another");
    TestNodes.write(others, "token", "another");

    agent.look();

    assertThat(ask(others).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({"tls.crt, no certificate", "tls.key, no key", "token, ''"})
  void whatIsOfNoUseLeavesAllAsItWas(String name, String text) throws Exception {
    var before = Files.createDirectories(directory.resolve("before"));
    for (String copied : new String[] {"ca.crt", "token"}) {
      Files.copy(mounted.resolve(copied), before.resolve(copied));
    }
    TestNodes.write(mounted, name, text);

    agent.look();

    assertThat(ask(before).status()).isEqualTo(200);
    assertThatThrownBy(() -> ask(others)).isInstanceOf(IOException.class);
  }
}
