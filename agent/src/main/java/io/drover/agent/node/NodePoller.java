package io.drover.agent.node;

import io.drover.agent.config.NodeAgents;
import io.drover.agent.config.Secret;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerDialer;
import io.drover.agent.tls.ServerHttp;
import io.drover.agent.tls.ServerTrust;
import io.drover.proto.report.NodeSnapshot;
import io.drover.proto.report.ReportJson;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks all node agents in turn, spread evenly over {@link #ROUND}, and keeps their last answers.
 * Threads of its own; only while this replica leads.
 */
public final class NodePoller implements AutoCloseable {
  /** In which each is asked once. */
  public static final Duration ROUND = Duration.ofMinutes(5);

  /** Between two at the start, so that the first round is soon over. */
  static final Duration FIRST_ROUND_STEP = Duration.ofMillis(100);

  /** For one answer, everything together. */
  static final Duration LIMIT = Duration.ofSeconds(5);

  /** After so long without an answer a node is silent: it was asked twice in vain. */
  public static final Duration FORGET_AFTER = ROUND.multipliedBy(2).plus(LIMIT);

  /** For all together, when they are asked once. */
  static final Duration ONCE_LIMIT = Duration.ofSeconds(30);

  /** More nodes than Kubernetes supports; no more answers are kept. */
  static final int MAX_NODES = 5_000;

  /** As many are asked at the same time, as long as some do not answer. */
  static final int MAX_ASKED = 16;

  /** Where nobody answers to a name, or there is no identity, it is tried again. */
  static final Duration RETRY_AFTER = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(NodePoller.class);

  /** An answer, and when it came by a clock that nobody sets. */
  private record Heard(NodeSnapshot snapshot, long atNanos) {}

  private final NodeAgents agents;
  private final BooleanSupplier leads;
  private final Runnable changed;
  private final Supplier<String> serverCa;
  private final LongSupplier nanoTime;
  private final Sleeper sleeper;
  private final Map<String, Heard> heard = new ConcurrentHashMap<>();
  private final Map<String, Problem> failures = new ConcurrentHashMap<>(); // by address

  /** By address: all have one name, and a TLS session goes on for that name and its context. */
  private final Map<String, KeptTrust> trusts = new ConcurrentHashMap<>();

  private final Path authorities;
  private final Semaphore asked = new Semaphore(MAX_ASKED);
  private final ServerDialer names = ServerDialer.direct();
  private final Thread thread;
  private volatile Optional<Problem> problem = Optional.empty();
  private volatile boolean complete;
  private Set<String> told = Set.of(); // of the thread

  private NodePoller(
      NodeAgents agents,
      BooleanSupplier leads,
      Runnable changed,
      Supplier<String> serverCa,
      LongSupplier nanoTime,
      Sleeper sleeper) {
    this.agents = agents;
    this.authorities = agents.identity().resolve(NodeIdentity.CA);
    this.leads = leads;
    this.changed = changed;
    this.serverCa = serverCa;
    this.nanoTime = nanoTime;
    this.sleeper = sleeper;
    this.thread = Thread.ofVirtual().name("nodes").unstarted(this::run);
  }

  /**
   * Starts to ask.
   *
   * @param leads whether this replica is to
   * @param changed told when an answer differs from the one before; any thread, must not block
   * @param serverCa which CA the server has, for those who are asked: {@link
   *     ServerTrust#bundleDigest}; any thread, must not block
   */
  public static NodePoller start(
      NodeAgents agents,
      BooleanSupplier leads,
      Runnable changed,
      Supplier<String> serverCa,
      LongSupplier nanoTime,
      Sleeper sleeper) {
    var poller = new NodePoller(agents, leads, changed, serverCa, nanoTime, sleeper);
    poller.thread.start();
    return poller;
  }

  /**
   * The last answers of those that have answered lately; empty until all have been asked once. Any
   * thread; never blocks.
   */
  public Optional<List<NodeSnapshot>> snapshots() {
    if (!complete) {
      return Optional.empty();
    }
    long now = nanoTime.getAsLong();
    heard.values().removeIf(answer -> now - answer.atNanos() > FORGET_AFTER.toNanos());
    return Optional.of(
        heard.values().stream()
            .map(Heard::snapshot)
            .sorted(Comparator.comparing(NodeSnapshot::node))
            .toList());
  }

  /** Why none can be asked, if so. Any thread; never blocks. */
  public Optional<Problem> problem() {
    return problem;
  }

  private void run() {
    try {
      while (true) {
        if (leads.getAsBoolean()) {
          round();
        } else {
          complete = false;
          heard.clear();
          sleeper.sleep(RETRY_AFTER);
        }
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  private void round() throws InterruptedException {
    List<InetSocketAddress> addresses;
    Secret token;
    try {
      addresses = addresses(agents, names);
      token = NodeIdentity.token(agents.identity());
      problem = Optional.empty();
    } catch (IOException e) {
      var now = Problem.of(e);
      if (problem.isEmpty() || problem.get().reason() != now.reason()) {
        log.warn("node agents cannot be asked: reason={}", now.text());
      }
      problem = Optional.of(now);
      sleeper.sleep(RETRY_AFTER);
      return;
    }
    var keys = addresses.stream().map(NodePoller::key).toList();
    failures.keySet().retainAll(keys);
    tellOfSilent(addresses.size());
    trusts.keySet().retainAll(keys);
    var step = complete ? ROUND.dividedBy(addresses.size()) : FIRST_ROUND_STEP;
    for (var address : addresses) {
      asked.acquire();
      Thread.ofVirtual().name("ask-node").start(() -> ask(address, token));
      sleeper.sleep(step);
    }
    if (!complete) {
      asked.acquire(MAX_ASKED); // all are back
      asked.release(MAX_ASKED);
      complete = true;
      tellOfSilent(addresses.size());
      changed.run();
    }
  }

  /** One line when it is other addresses than before. */
  private void tellOfSilent(int all) {
    var silent = new TreeMap<>(failures);
    if (!silent.keySet().equals(told)) {
      told = Set.copyOf(silent.keySet());
      if (silent.isEmpty()) {
        log.info("all node agents answer: count={}", all);
      } else {
        log.warn(
            "node agents do not answer: count={} of={} first={} reason={}",
            silent.size(),
            all,
            silent.firstKey(),
            silent.firstEntry().getValue().text());
      }
    }
  }

  /**
   * The answers of all that answer now. Blocks until each has been asked once, for {@link
   * #ONCE_LIMIT} at most.
   *
   * @throws IOException if none can be asked
   */
  public static List<NodeSnapshot> once(NodeAgents agents)
      throws IOException, InterruptedException {
    var trust = ServerTrust.ofFile(agents.identity().resolve(NodeIdentity.CA));
    var token = NodeIdentity.token(agents.identity());
    var questions =
        addresses(agents, ServerDialer.direct()).stream()
            .<Callable<NodeSnapshot>>map(address -> () -> snapshot(address, trust, token, ""))
            .toList();
    var answers = new ArrayList<NodeSnapshot>();
    try (var threads =
        Executors.newFixedThreadPool(
            MAX_ASKED, Thread.ofVirtual().name("ask-node-", 0).factory())) {
      for (var question :
          threads.invokeAll(questions, ONCE_LIMIT.toMillis(), TimeUnit.MILLISECONDS)) {
        if (question.state() == Future.State.SUCCESS) {
          answers.add(question.resultNow());
        }
      }
    }
    answers.sort(Comparator.comparing(NodeSnapshot::node));
    return answers;
  }

  private static List<InetSocketAddress> addresses(NodeAgents agents, ServerDialer names)
      throws IOException {
    var found = new ArrayList<InetSocketAddress>();
    for (var agent : agents.addresses()) {
      names.addresses(agent.host(), LIMIT).stream()
          .map(address -> new InetSocketAddress(address, agent.port()))
          .forEach(found::add);
    }
    // A name server says them in another order each time; each is to be asked in its turn.
    found.sort(Comparator.comparing(NodePoller::key));
    return found.subList(0, Math.min(found.size(), MAX_NODES));
  }

  private void ask(InetSocketAddress address, Secret token) {
    try {
      var trust = trusts.computeIfAbsent(key(address), _ -> KeptTrust.ofFile(authorities));
      var snapshot = snapshot(address, trust.context(), token, serverCa.get());
      failures.remove(key(address));
      var before = heard.put(snapshot.node(), new Heard(snapshot, nanoTime.getAsLong()));
      if (before == null || !reasons(before.snapshot()).equals(reasons(snapshot))) {
        changed.run();
      }
    } catch (IOException e) {
      failures.put(key(address), Problem.of(e));
    } finally {
      asked.release();
    }
  }

  private static String key(InetSocketAddress address) {
    return address.getAddress().getHostAddress() + ":" + address.getPort();
  }

  private static List<String> reasons(NodeSnapshot snapshot) {
    return snapshot.checks().stream().map(NodeSnapshot.Check::reason).toList();
  }

  private static NodeSnapshot snapshot(
      InetSocketAddress address, SSLContext trust, Secret token, String serverCa)
      throws IOException {
    var url =
        URI.create("https://" + NodeIdentity.NAME + ":" + address.getPort() + NodeServer.PATH);
    var headers = new HashMap<String, String>();
    headers.put("Authorization", NodeIdentity.authorization(token));
    if (!serverCa.isEmpty()) {
      headers.put(NodeServer.SERVER_CA, serverCa);
    }
    var answer =
        new ServerHttp(ServerDialer.to(address.getAddress()))
            .send("GET", url, trust, LIMIT, headers, new byte[0]);
    if (answer.status() != 200) {
      throw new Failure(Reason.NODE_AGENT_SILENT, "it answers " + answer.status());
    }
    try {
      return ReportJson.readNode(answer.body());
    } catch (IllegalArgumentException e) {
      throw new Failure(Reason.NODE_AGENT_SILENT, String.valueOf(e.getMessage()), e);
    }
  }

  /** Asks nobody any more. */
  @Override
  public void close() {
    thread.interrupt();
  }
}
