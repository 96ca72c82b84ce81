package io.drover.e2e;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The gateway's authority gets a successor, which takes over after a week, while two servers ask
 * two agents of one cluster all the time, and no request fails. The clock is real: what would take
 * a year is in the dates of certificates.
 */
@Tag("interop")
@ExtendWith(WithControlPlane.class)
final class GatewayRenewalIT {
  private static final String CA = "ca.crt";
  private static final String PREVIOUS_CA = "previous-ca.crt";
  private static final Map<String, String> QUIET =
      Map.of("DROVER_GATEWAY", "on", "DROVER_REPORTS", "off", "DROVER_DUTIES", "none");
  private static final ObjectMapper JSON = new ObjectMapper();

  /** As {@code docs/gateway.md} has it: so long a successor is known before it signs. */
  private static final Duration OVERLAP = Duration.ofDays(7);

  /** So much earlier than it was made an authority begins. */
  private static final Duration CLOCK_SKEW = Duration.ofHours(1);

  /** What of those seven days really passes. */
  private static final Duration TURN_AFTER = Duration.ofSeconds(8);

  /**
   * Of an authority that nobody has renewed in time; half of it is for the server to hear of it.
   */
  private static final Duration NEARLY_OVER = Duration.ofSeconds(20);

  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration PAUSE = Duration.ofMillis(50);
  private static final Duration BETWEEN_COMMANDS = Duration.ofMillis(300);
  private static final int USERS = 2;

  private final List<Installation> installations = new ArrayList<>();
  private final List<Load> loads = new ArrayList<>();
  private Kubectl admin;
  private int looks;

  /** Handshakes that there should have been so far, at both servers. */
  private int handshakes;

  @BeforeEach
  void install(ControlPlane plane) throws Exception {
    admin = plane.admin();
    installations.addAll(
        Installation.startAll(plane, "gateway-renewal", QUIET, Installation.NO_CHECKS));
    for (var installation : installations) {
      loads.add(new Load(installation, token()));
    }
    handshakes = handshakes();
  }

  @AfterEach
  void close() throws Exception {
    loads.forEach(Load::close);
    installations.forEach(Installation::close);
    admin.run(
        "-n", Import.NAMESPACE, "delete", "secret", AgentGateway.SECRET, "--ignore-not-found");
  }

  @Test
  void noRequestFailsWhileOneAuthorityTakesOverFromAnother() throws Exception {
    var token = token();
    var first = authority();
    everyServerKnows(first.pem());
    goOn();

    // Eleven months later.
    var now = Instant.now();
    var old = first.moved(now.minus(Duration.ofDays(336)), now.plus(Duration.ofDays(29)));
    put(old);
    look();
    var next = successorOf(old);
    everyServerIsTold(old.pem() + next.pem());
    goOn();
    for (var load : loads) {
      assertThat(load.presented(next.pem() + old.pem())).matches(old::hasSigned);
      load.comeAnew(first.pem());
    }
    assertThat(token()).isEqualTo(token);

    // A week later, all but a moment.
    var turn = Instant.now().plus(TURN_AFTER).truncatedTo(ChronoUnit.SECONDS);
    var grown = next.moved(turn.minus(OVERLAP).minus(CLOCK_SKEW), next.end());
    put(grown);
    look();
    everyServerIsTold(old.pem() + grown.pem());
    everybodyIsMetBy(grown);
    assertThat(Instant.now()).isAfterOrEqualTo(turn);
    goOn();
    for (var load : loads) {
      load.comeAnew(grown.pem());
      assertThatThrownBy(() -> load.comeAnew(old.pem())).isInstanceOf(SSLHandshakeException.class);
    }
    assertThat(handshakes()).as("the turn tells the server nothing").isEqualTo(handshakes);

    // Another year later, in which there was no agent for the last month.
    now = Instant.now();
    var late = grown.moved(now.minus(Duration.ofDays(365)), now.plus(NEARLY_OVER));
    put(late);
    look();
    var last = successorOf(late);
    everyServerIsTold(late.pem() + last.pem());
    everybodyIsMetBy(last);
    assertThat(Instant.now()).as("both are good at the turn").isBefore(late.end());
    goOn();

    assertThat(token()).isEqualTo(token);
    for (var load : loads) {
      load.showNews();
      System.out.println("gateway renewal: " + load);
    }
  }

  private void goOn() throws InterruptedException {
    for (var load : loads) {
      load.awaitMore();
    }
  }

  /** Until those who come anew are, at each agent. */
  private void everybodyIsMetBy(Authority authority) throws InterruptedException {
    for (var load : loads) {
      Await.that(
          "new connections have a certificate of the successor",
          LIMIT,
          () -> authority.hasSigned(load.presented(load.told())));
    }
  }

  /** Once by each agent. */
  private void everyServerIsTold(String authorities) throws Exception {
    handshakes += installations.size();
    everyServerKnows(authorities);
    Await.that("each server is told once", LIMIT, () -> handshakes() == handshakes);
  }

  private void everyServerKnows(String authorities) throws Exception {
    var sha256 = Payload.sha256(token().getBytes(UTF_8));
    for (var load : loads) {
      Await.that(
          "the server is told the authorities that are in the Secret: " + load,
          LIMIT,
          () -> load.told().equals(authorities));
      assertThat(load.peer.cluster().path("tokenSha256").asText()).isEqualTo(sha256);
    }
  }

  private int handshakes() throws IOException, InterruptedException {
    int count = 0;
    for (var load : loads) {
      count += load.peer.handshakes().size();
    }
    return count;
  }

  /** Brings forward what each agent does within 50 s anyway: a new file may be a new credential. */
  private void look() throws IOException {
    looks++;
    for (var installation : installations) {
      Files.createFile(installation.imported().credentials().resolve("looked-" + looks));
    }
  }

  private String token() throws IOException, InterruptedException {
    return kept().getOrDefault("token", "");
  }

  private Authority authority() throws Exception {
    var kept = kept();
    return Authority.of(kept.getOrDefault(CA, ""), kept.getOrDefault("ca.key", ""));
  }

  /** Which one of the agents has made, and put into the Secret beside this one. */
  private Authority successorOf(Authority authority) throws InterruptedException {
    return Await.until(
        "the Secret holds a successor",
        LIMIT,
        () ->
            kept().getOrDefault(PREVIOUS_CA, "").equals(authority.pem())
                ? Optional.of(authority())
                : Optional.empty());
  }

  private Map<String, String> kept() throws IOException, InterruptedException {
    var data =
        admin
            .json("-n", Import.NAMESPACE, "get", "secret", AgentGateway.SECRET, "-o", "json")
            .path("data");
    var kept = new HashMap<String, String>();
    for (var entry : data.properties()) {
      kept.put(entry.getKey(), decoded(entry.getValue().asText()));
    }
    return kept;
  }

  private static String decoded(String base64) {
    return new String(Base64.getDecoder().decode(base64), ISO_8859_1);
  }

  /** In place of that with the same key. */
  private void put(Authority authority) throws Exception {
    var patch = JSON.createObjectNode();
    patch.putObject("stringData").put(CA, authority.pem());
    admin.run(
        "-n", Import.NAMESPACE, "patch", "secret", AgentGateway.SECRET, "-p", patch.toString());
  }

  /** What a server's users and the server itself ask all the time, and what they keep open. */
  private static final class Load implements AutoCloseable {
    private final Peer peer;
    private final InetSocketAddress through;
    private final String request;
    private final Kubectl admin;
    private final String namespace;
    private final Path log;
    private final SSLSocket kept;
    private final InputStream answers;
    private final RunningProcess watching;
    private final RunningProcess following;
    private final Users users;
    private final List<Loop> loops;

    Load(Installation installation, String token) throws Exception {
      peer = installation.peer();
      admin = installation.plane().admin();
      through = peer.forward(Peer.CLUSTER, AgentGateway.ADDRESS);
      request =
          "GET /api/v1/namespaces/default HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n"
              .formatted(token);
      namespace = "renewal-" + peer.remotedialer().replace('.', '-');
      admin.run("create", "namespace", namespace);
      var pod = installation.plane().pod();
      log = installation.plane().podDirectory(pod).resolve("app.log");
      ClusterUse.append(log, "before " + namespace); // without a log of its own it has another

      var kubectl = peer.kubectl();
      watching = kubectl.start("watch", "-n", namespace, "get", "quota", "--watch", "-o", "name");
      following = kubectl.start("logs-f", "logs", "-f", pod);
      kept = Https.connect(through, AgentGateway.HOST, trust(told()));
      answers = new BufferedInputStream(kept.getInputStream());
      showNews(); // they have begun then
      users = new Users(peer, USERS, PAUSE);
      loops =
          List.of(
              new Loop("on a kept connection", PAUSE, () -> ask(kept, answers)),
              new Loop("on a new connection", PAUSE, () -> comeAnew(told())),
              new Loop(
                  "kubectl",
                  BETWEEN_COMMANDS,
                  () -> kubectl.run("get", "namespace", "default", "-o", "name")));
    }

    /** The authorities, as PEM, that the server was told last. */
    String told() throws IOException, InterruptedException {
      return decoded(peer.cluster().path("caCert").asText());
    }

    /** As a server that knows these authorities. */
    void comeAnew(String authorities) throws IOException {
      try (var socket = Https.connect(through, AgentGateway.HOST, trust(authorities))) {
        ask(socket, new BufferedInputStream(socket.getInputStream()));
      }
    }

    /** What whoever knows these authorities is met with. */
    X509Certificate presented(String authorities) throws IOException {
      try (var socket = Https.connect(through, AgentGateway.HOST, trust(authorities))) {
        socket.startHandshake();
        return (X509Certificate) socket.getSession().getPeerCertificates()[0];
      }
    }

    private static SSLContext trust(String authorities) throws IOException {
      return Https.trust(new ByteArrayInputStream(authorities.getBytes(ISO_8859_1)));
    }

    private void ask(SSLSocket socket, InputStream in) throws IOException {
      socket.getOutputStream().write(request.getBytes(ISO_8859_1));
      var reply = RawHttp.read(in);
      assertThat(reply.status()).as(reply.body()).isEqualTo(200);
    }

    /** Whoever watches, and whoever follows the log, is shown something new. */
    void showNews() throws IOException, InterruptedException {
      var name = "news-" + System.nanoTime();
      admin.run("-n", namespace, "create", "quota", name);
      watching.awaitLine("the new quota", LIMIT, ("resourcequota/" + name)::equals);
      ClusterUse.append(log, name);
      following.awaitLine("the new line", LIMIT, name::equals);
    }

    /** Waits for more answers of each kind; nothing has failed until then. */
    void awaitMore() throws InterruptedException {
      for (var loop : loops) {
        loop.awaitMore();
      }
      users.awaitAnswers(2 * USERS);
      assertThat(users.failures()).isEmpty();
      assertThat(List.of(watching, following)).allMatch(RunningProcess::isAlive);
    }

    @Override
    public String toString() {
      return "remotedialer %s, users=%d %s".formatted(peer.remotedialer(), users.answered(), loops);
    }

    @Override
    public void close() {
      loops.forEach(Loop::close);
      users.close();
      watching.close();
      following.close();
      try {
        kept.close();
      } catch (IOException _) {
        // It was to end anyway.
      }
    }
  }

  private interface Request {
    void run() throws Exception;
  }

  /** One request after the other, until it is closed or one has failed. */
  private static final class Loop implements AutoCloseable {
    private final String name;
    private final Duration pause;
    private final Request request;
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicInteger answered = new AtomicInteger();
    private final Queue<String> failures = new ConcurrentLinkedQueue<>();
    private final Thread thread;

    Loop(String name, Duration pause, Request request) {
      this.name = name;
      this.pause = pause;
      this.request = request;
      this.thread = Thread.ofVirtual().name(name).start(this::work);
    }

    private void work() {
      try {
        while (!over.get()) {
          request.run();
          answered.incrementAndGet();
          Thread.sleep(pause);
        }
      } catch (InterruptedException _) {
        // Closed.
      } catch (Exception | AssertionError e) {
        failures.add(Instant.now() + " " + e);
      }
    }

    /** The first of two may have been on its way already. */
    void awaitMore() throws InterruptedException {
      int until = answered.get() + 2;
      Await.that(
          "more answers " + name, LIMIT, () -> answered.get() >= until || !failures.isEmpty());
      assertThat(failures).as(name).isEmpty();
    }

    @Override
    public String toString() {
      return name + "=" + answered;
    }

    @Override
    public void close() {
      over.set(true);
      try {
        thread.join(LIMIT);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
