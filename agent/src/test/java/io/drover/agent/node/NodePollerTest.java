package io.drover.agent.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.config.NodeAgents;
import io.drover.agent.config.NodeConfig.Listen;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.tls.CountingRelay;
import io.drover.agent.tls.TestCa;
import io.drover.proto.report.NodeJson;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.NodeSnapshot.Check;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class NodePollerTest {
  private static final Check OK = new Check("server", "u", 1L, "", "");
  private static final Check BAD = new Check("server", "u", null, "ConnectRefused", "no");

  /** With the long answer of {@link TestNodes#full}. */
  private static final long MAX_BYTES = 2_900;

  @TempDir private Path directory;
  private final AtomicLong nowNanos = new AtomicLong();
  private final List<AutoCloseable> open = new ArrayList<>();
  private final Semaphore changes = new Semaphore(0);

  /** Each wait of the poller, which goes on when the test says so. */
  private final LinkedBlockingQueue<Duration> waits = new LinkedBlockingQueue<>();

  private final Semaphore goOn = new Semaphore(0);
  private volatile boolean leads = true;
  private volatile String serverCa = "0123456789abcdef".repeat(4);

  /** What node agents have heard of the server's CA. */
  private final LinkedBlockingQueue<String> told = new LinkedBlockingQueue<>();

  @BeforeEach
  void mount() throws Exception {
    TestNodes.identity(directory);
  }

  @AfterEach
  void close() throws Exception {
    for (var one : open.reversed()) {
      one.close();
    }
  }

  private NodeServer node(NodeSnapshot snapshot) throws IOException {
    return node(directory, snapshot);
  }

  private NodeServer node(Path identity, NodeSnapshot snapshot) throws IOException {
    var server =
        NodeServer.start(
            new Listen("127.0.0.1", 0),
            NodeIdentity.read(identity),
            () -> NodeJson.write(snapshot),
            told::add);
    open.add(server);
    return server;
  }

  private NodePoller poll(NodeServer... nodes) {
    var ports = new ArrayList<Integer>();
    for (var node : nodes) {
      ports.add(node.address().getPort());
    }
    return poll(ports.toArray(Integer[]::new));
  }

  private NodePoller poll(Integer... ports) {
    var addresses = new ArrayList<NodeAgents.Address>();
    for (int port : ports) {
      addresses.add(new NodeAgents.Address("127.0.0.1", port));
    }
    var poller =
        NodePoller.start(
            new NodeAgents(addresses, directory),
            () -> leads,
            changes::release,
            () -> serverCa,
            nowNanos::get,
            duration -> {
              waits.add(duration);
              goOn.acquire();
            });
    open.add(poller);
    return poller;
  }

  @Test
  void allAreKnownAfterTheFirstRoundAndNotBefore() throws Exception {
    var a = TestNodes.snapshot("a", OK);
    var b = TestNodes.snapshot("b", BAD);
    var poller = poll(node(b), node(a));

    assertThat(waits.take()).isEqualTo(NodePoller.FIRST_ROUND_STEP);
    assertThat(poller.snapshots()).isEmpty();
    goOn.release();
    assertThat(waits.take()).isEqualTo(NodePoller.FIRST_ROUND_STEP);
    goOn.release();

    // The second round is slow.
    assertThat(waits.take()).isEqualTo(NodePoller.ROUND.dividedBy(2));
    assertThat(poller.snapshots()).hasValue(List.of(a, b));
    assertThat(poller.problem()).isEmpty();
    changes.acquire(3); // of each, and of the round
  }

  @Test
  void eachIsAskedInItsTurnInWhateverOrderTheirNamesAreFound() throws Exception {
    var asked = new LinkedBlockingQueue<Integer>();
    var ports = new ArrayList<Integer>();
    for (int i = 0; i < 3; i++) {
      var port = new AtomicInteger();
      var server =
          NodeServer.start(
              new Listen("127.0.0.1", 0),
              NodeIdentity.read(directory),
              () -> {
                asked.add(port.get());
                return NodeJson.write(TestNodes.snapshot("node-" + port.get(), OK));
              },
              told::add);
      open.add(server);
      port.set(server.address().getPort());
      ports.add(port.get());
    }
    var turns = ports.stream().sorted(Comparator.comparing(String::valueOf)).toList();

    poll(turns.reversed().toArray(Integer[]::new));

    for (int port : turns) {
      waits.take();
      assertThat(asked.take()).isEqualTo(port);
      goOn.release();
    }
  }

  @Test
  void whoeverDoesNotAnswerForTwoRoundsIsForgotten() throws Exception {
    var node = node(TestNodes.snapshot("a", OK));
    var poller = poll(node);
    waits.take();
    goOn.release();
    waits.take();
    assertThat(poller.snapshots().orElseThrow()).hasSize(1);

    node.close();
    nowNanos.addAndGet(NodePoller.FORGET_AFTER.toNanos());
    assertThat(poller.snapshots().orElseThrow()).hasSize(1);
    nowNanos.incrementAndGet();
    assertThat(poller.snapshots().orElseThrow()).isEmpty();
  }

  @Test
  void nobodyIsAskedByAReplicaThatDoesNotLead() throws Exception {
    leads = false;
    var poller = poll(node(TestNodes.snapshot("a", OK)));

    assertThat(waits.take()).isEqualTo(NodePoller.RETRY_AFTER);
    assertThat(poller.snapshots()).isEmpty();

    leads = true;
    goOn.release();
    assertThat(waits.take()).isEqualTo(NodePoller.FIRST_ROUND_STEP);
    goOn.release();
    waits.take();
    assertThat(poller.snapshots().orElseThrow()).hasSize(1);
  }

  @Test
  void withoutAnIdentityItSaysSoAndTriesAgain() throws Exception {
    Files.delete(directory.resolve("token"));
    var other = TestNodes.identity(directory.resolve("other"));
    var poller = poll(node(other, TestNodes.snapshot("a", OK)));

    assertThat(waits.take()).isEqualTo(NodePoller.RETRY_AFTER);
    assertThat(poller.problem().map(Problem::reason)).hasValue(Reason.NODE_IDENTITY_MISSING);

    for (String name : List.of("token", "ca.crt")) {
      TestNodes.write(directory, name, Files.readString(other.resolve(name)));
    }
    goOn.release();
    waits.take();
    goOn.release();
    waits.take();
    assertThat(poller.problem()).isEmpty();
    assertThat(poller.snapshots().orElseThrow()).hasSize(1);
  }

  /** Neither another CA's certificate nor one for another name gets the token. */
  @Test
  void strangersAreNotBelieved() throws Exception {
    var stranger = TestNodes.identity(directory.resolve("stranger"));
    var ca = TestCa.root("nodes");
    var named = TestNodes.identity(directory.resolve("named"), ca, "somebody-else");
    TestNodes.write(
        directory,
        "ca.crt",
        Files.readString(directory.resolve("ca.crt")) + Files.readString(named.resolve("ca.crt")));
    var poller =
        poll(
            node(stranger, TestNodes.snapshot("stranger", OK)),
            node(named, TestNodes.snapshot("named", OK)),
            node(TestNodes.snapshot("a", OK)));
    for (int i = 0; i < 3; i++) {
      waits.take();
      goOn.release();
    }
    waits.take();

    assertThat(poller.snapshots().orElseThrow())
        .extracting(NodeSnapshot::node)
        .containsExactly("a");
  }

  @Test
  void whoeverAsksOnceGetsTheAnswersOfAllThatAnswer() throws Exception {
    var a = TestNodes.snapshot("a", OK);
    var b = TestNodes.snapshot("b", BAD);
    var gone = node(TestNodes.snapshot("c", OK));
    var addresses =
        Stream.of(node(b), gone, node(a))
            .map(node -> new NodeAgents.Address("127.0.0.1", node.address().getPort()))
            .toList();
    gone.close();

    assertThat(NodePoller.once(new NodeAgents(addresses, directory))).containsExactly(a, b);
    assertThatThrownBy(
            () -> NodePoller.once(new NodeAgents(addresses, directory.resolve("elsewhere"))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("ca.crt cannot be read");
  }

  @Test
  void whoeverIsAskedHearsWhichCaTheServerHas() throws Exception {
    poll(node(TestNodes.snapshot("a", OK)));
    waits.take();
    assertThat(told.take()).isEqualTo(serverCa);

    serverCa = ""; // not known yet
    goOn.release();
    waits.take();
    serverCa = "f".repeat(64);
    goOn.release();

    assertThat(told.take()).isEqualTo(serverCa);
  }

  /** What crosses the wire for an answer of usual length, from the second round on. */
  @Test
  void anAnswerTakesFewBytes() throws Exception {
    var node = node(TestNodes.full("a"));
    try (var relay = new CountingRelay(node.address())) {
      poll(relay.port());
      waits.take();
      long first = relay.bytes();
      goOn.release();
      waits.take();
      long second = relay.bytes();
      goOn.release();
      waits.take();
      long third = relay.bytes();

      assertThat(second).isLessThan(first);
      assertThat(third).isLessThanOrEqualTo(MAX_BYTES);
    }
  }
}
