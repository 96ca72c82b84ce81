package io.drover.agent.node;

import io.drover.agent.config.NodeAgents;
import io.drover.agent.config.NodeConfig;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.NodeSnapshot.Check;
import io.drover.proto.report.NodeSnapshot.Facts;
import io.drover.proto.report.NodeSnapshot.Room;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;

/** Looks once at everything, all at the same time. One pass after the other. */
final class NodeProbes {
  /** For one question, everything together. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** For the TCP connection to another node's agent. */
  static final Duration PEER_LIMIT = Duration.ofSeconds(3);

  /** A clock that is off by more will sooner or later fail certificates and tokens. */
  static final Duration CLOCK_LIMIT = Duration.ofSeconds(60);

  /** Kubelets begin to evict pods at about as much by default (15 % and 5 % free). */
  static final double FULL_PERCENT = 90;

  /**
   * A Service's name is not there before one of its pods is ready, and the first of them may be
   * ours: so often it is looked up before the first pass, a second apart.
   */
  static final int NAME_TRIES = 10;

  static final Duration NAME_AGAIN_AFTER = Duration.ofSeconds(1);

  /** Longer messages are cut, in characters. */
  static final int MAX_MESSAGE = 512;

  private final NodeConfig config;
  private final String version;
  private final ServerDialer dialer;
  private final HostFacts host;
  private final Clock clock;
  private final ServerHttp http;
  private final ServerHttp direct;
  private final ServerTrust serverTrust;
  private final KeptTrust apiTrust;
  private final KeptTrust registryTrust;

  NodeProbes(
      NodeConfig config,
      String version,
      ServerDialer dialer,
      ServerTrust trust,
      HostFacts host,
      Clock clock) {
    this.config = config;
    this.version = version;
    this.dialer = dialer;
    this.host = host;
    this.clock = clock;
    this.http = new ServerHttp(dialer);
    this.direct = new ServerHttp(ServerDialer.direct());
    this.serverTrust = trust;
    this.apiTrust = KeptTrust.ofFile(config.paths().serviceAccount().resolve("ca.crt"));
    this.registryTrust = KeptTrust.systemStore(config.paths());
  }

  /** What one question came to. */
  private record Asked(
      List<Check> checks, @Nullable Long clockOffsetSeconds, @Nullable Integer mtu) {
    static Asked of(List<Check> checks) {
      return new Asked(checks, null, null);
    }
  }

  /** Blocks until the names of the node agents are there, within limits. */
  void awaitNames(Sleeper sleeper) throws InterruptedException {
    for (int tries = 1; tries < NAME_TRIES && isAnyNameUnknown(); tries++) {
      sleeper.sleep(NAME_AGAIN_AFTER);
    }
  }

  /** A name server may also fail for a moment when a name is new. */
  private boolean isAnyNameUnknown() {
    for (var agents : config.agents().addresses()) {
      try {
        dialer.addresses(agents.host(), LIMIT);
      } catch (IOException _) {
        return true;
      }
    }
    return false;
  }

  /**
   * Asks all at the same time, and takes as long as the longest: each of its steps (a name, the
   * proxy, the answer; or one name after the other) has {@link #LIMIT}. Ends when interrupted.
   */
  NodeSnapshot run() throws InterruptedException {
    var questions =
        List.<Callable<Asked>>of(
            this::server, this::dns, this::apiServer, this::registry, this::peers);
    var checks = new ArrayList<Check>();
    @Nullable Long offset = null;
    @Nullable Integer mtu = null;
    try (var threads =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("probe-", 0).factory())) {
      for (var question : threads.invokeAll(questions)) {
        var asked = question.get();
        checks.addAll(asked.checks());
        offset = asked.clockOffsetSeconds() == null ? offset : asked.clockOffsetSeconds();
        mtu = asked.mtu() == null ? mtu : asked.mtu();
      }
    } catch (ExecutionException e) {
      throw new IllegalStateException("a probe failed in a way that it does not tell of", e);
    }
    var disk = host.disk();
    var inodes = host.inodes();
    disk.ifPresent(room -> checks.add(room("disk", room, "bytes")));
    inodes.ifPresent(room -> checks.add(room("inodes", room, "files")));
    var facts =
        new Facts(
            offset,
            host.kernel().orElse(null),
            host.resolvConf("nameserver").orElse(null),
            host.resolvConf("search").orElse(null),
            mtu,
            host.pressure().orElse(null),
            disk.orElse(null),
            inodes.orElse(null));
    return new NodeSnapshot(config.node(), version, clock.instant(), checks, facts);
  }

  private static Check ok(String name, String target, long startNanos) {
    return new Check(
        name, target, Duration.ofNanos(System.nanoTime() - startNanos).toMillis(), "", "");
  }

  private static Check failed(String name, String target, Exception e) {
    var problem = Problem.of(e);
    return failed(name, target, problem.reason(), problem.message());
  }

  private static Check failed(String name, String target, Reason reason, String message) {
    return new Check(
        name,
        target,
        null,
        reason.code(),
        message.length() > MAX_MESSAGE ? message.substring(0, MAX_MESSAGE) : message);
  }

  private static Check room(String name, Room room, String unit) {
    return room.usedPercent() > FULL_PERCENT
        ? failed(
            name,
            "/",
            Reason.DISK_ALMOST_FULL,
            "%.0f %% used, %d %s free".formatted(room.usedPercent(), room.free(), unit))
        : new Check(name, "/", null, "", "");
  }

  /** The proxy on the way, if there is one, the server's {@code /ping}, and its clock. */
  private Asked server() {
    var checks = new ArrayList<Check>();
    String url = config.server().server() + "/ping";
    @Nullable Integer mtu = null;
    try {
      var way = dialer.way(config.server().server());
      var address = dialer.addresses(way.host(), LIMIT).getFirst();
      var found = HostFacts.mtu(address, way.port());
      mtu = found.isPresent() ? found.getAsInt() : null;
      if (way.proxy().isPresent()) {
        checks.add(tcp("proxy", way.host(), new InetSocketAddress(address, way.port()), LIMIT));
      }
      long startNanos = System.nanoTime();
      var asked = clock.instant();
      var answer = http.get(URI.create(url), serverTrust.context(), LIMIT);
      var answered = clock.instant();
      checks.add(verdict("server", url, answer, startNanos));
      var now = asked.plus(Duration.between(asked, answered).dividedBy(2));
      // It has whole seconds: on average it is half a second old.
      var offset =
          answer
              .time()
              .map(time -> Duration.between(now, time.plusMillis(500)).toMillis())
              .map(millis -> Math.round(millis / 1000.0));
      offset.ifPresent(seconds -> checks.add(clock(url, seconds)));
      return new Asked(checks, offset.orElse(null), mtu);
    } catch (IOException e) {
      checks.add(failed("server", url, e));
      return new Asked(checks, null, mtu);
    }
  }

  private static Check verdict(String name, String url, ServerHttp.Answer answer, long startNanos) {
    String said = "the answer is " + answer.status();
    if (answer.status() >= 500) {
      return failed(name, url, Reason.SERVER_UNAVAILABLE, said);
    }
    if (answer.status() >= 400) {
      return failed(name, url, Reason.NOT_RANCHER, said);
    }
    return answer.status() >= 300
        ? failed(name, url, Reason.REDIRECTED, said + " to " + answer.location())
        : ok(name, url, startNanos);
  }

  private static Check clock(String url, long offsetSeconds) {
    return Math.abs(offsetSeconds) > CLOCK_LIMIT.toSeconds()
        ? failed(
            "clock",
            url,
            Reason.CLOCK_OFF,
            "the server's clock is %d s %s"
                .formatted(Math.abs(offsetSeconds), offsetSeconds < 0 ? "behind" : "ahead"))
        : new Check("clock", url, null, "", "");
  }

  /** All names that this agent has to do with. */
  private Asked dns() {
    var checks = new ArrayList<Check>();
    for (String name : names()) {
      long startNanos = System.nanoTime();
      try {
        dialer.addresses(name, LIMIT);
        checks.add(ok("dns", name, startNanos));
      } catch (IOException e) {
        checks.add(failed("dns", name, e));
      }
    }
    return Asked.of(checks);
  }

  private Set<String> names() {
    var names = new LinkedHashSet<String>();
    try {
      names.add(dialer.way(config.server().server()).host());
    } catch (IOException _) {
      // The check of the server says so.
    }
    config.agents().addresses().stream().map(NodeAgents.Address::host).forEach(names::add);
    config.registry().map(URI::getHost).ifPresent(names::add);
    names.removeIf(NodeProbes::isAddress);
    return names;
  }

  private static boolean isAddress(String name) {
    try {
      InetAddress.ofLiteral(name);
      return true;
    } catch (IllegalArgumentException _) {
      return false;
    }
  }

  /** Without a token: whatever it answers, it is there; but it may say that it is not well. */
  private Asked apiServer() {
    String url = "https://" + config.apiServer() + "/readyz";
    long startNanos = System.nanoTime();
    try {
      var answer = direct.get(URI.create(url), apiTrust.context(), LIMIT);
      return Asked.of(
          List.of(
              answer.status() >= 500
                  ? failed(
                      "api-server",
                      url,
                      Reason.API_SERVER_ERROR,
                      "the answer is " + answer.status())
                  : ok("api-server", url, startNanos)));
    } catch (IOException e) {
      return Asked.of(List.of(failed("api-server", url, e)));
    }
  }

  /** Whether it lets anybody pull is no matter. */
  private Asked registry() {
    if (config.registry().isEmpty()) {
      return Asked.of(List.of());
    }
    URI url = config.registry().get();
    long startNanos = System.nanoTime();
    try {
      var answer = http.get(url, registryTrust.context(), LIMIT);
      return Asked.of(
          List.of(
              answer.status() == 401
                  ? ok("registry", url.toString(), startNanos)
                  : verdict("registry", url.toString(), answer, startNanos)));
    } catch (IOException e) {
      return Asked.of(List.of(failed("registry", url.toString(), e)));
    }
  }

  private Asked peers() {
    var others = new ArrayList<InetSocketAddress>();
    for (var agents : config.agents().addresses()) {
      try {
        dialer.addresses(agents.host(), LIMIT).stream()
            .map(address -> new InetSocketAddress(address, agents.port()))
            .filter(address -> !isOwn(address))
            .forEach(others::add);
      } catch (IOException _) {
        // The check of DNS says so.
      }
    }
    var checks = new ArrayList<Check>();
    for (var peer : Peers.of(config.node(), others)) {
      checks.add(tcp("peer", peer.getAddress().getHostAddress(), peer, PEER_LIMIT));
    }
    return Asked.of(checks);
  }

  private boolean isOwn(InetSocketAddress address) {
    try {
      return address.getAddress().getHostAddress().equals(config.listen().host())
          || NetworkInterface.getByInetAddress(address.getAddress()) != null;
    } catch (IOException _) {
      return false;
    }
  }

  private static Check tcp(String name, String host, InetSocketAddress address, Duration limit) {
    String target = host + ":" + address.getPort();
    long startNanos = System.nanoTime();
    try {
      ServerDialer.tryAddress(address.getAddress(), address.getPort(), limit);
      return ok(name, target, startNanos);
    } catch (IOException e) {
      return failed(name, target, e);
    }
  }
}
