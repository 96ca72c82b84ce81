package io.drover.agent.view;

import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.retry.Sleeper;
import io.drover.proto.report.Cause;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The cluster, kept up to date: a {@link Mirror} for each kind that is watched, and one thread that
 * reads the rest again, the less often the more seldom it changes.
 */
public final class LiveView implements ClusterView, AutoCloseable {
  /** Whether the API server is ready. */
  static final Duration PROBE_EVERY = Duration.ofMinutes(1);

  /** Usage, and lists that are not watched. */
  static final Duration READ_EVERY = Duration.ofMinutes(5);

  /** Facts, and lists, that change when somebody changes the cluster. */
  static final Duration FACTS_EVERY = Duration.ofMinutes(30);

  /** How long the threads may take to stop. */
  static final Duration STOP_LIMIT = Duration.ofSeconds(2);

  /** An attempt that leaves a trace in the audit log. */
  static final Duration NODE_PORTS_EVERY = Duration.ofDays(1);

  private static final Logger log = LoggerFactory.getLogger(LiveView.class);

  private final ApiReader api;
  private final FactReader reader;
  private final Runnable changed;
  private final Sleeper sleeper;
  private final Map<Kind<?>, Mirror<?>> mirrors = new HashMap<>();
  private final Mirror<?> nodes;
  private final CountDownLatch discovered = new CountDownLatch(1);
  private final CountDownLatch first = new CountDownLatch(1);
  private final Map<Kind<?>, Answer<? extends Collection<?>>> lists = new ConcurrentHashMap<>();
  private final List<Thread> threads = new ArrayList<>();

  // Of the thread that reads the facts.
  private Duration sinceRead = Duration.ZERO;
  private Duration sinceFacts = Duration.ZERO;
  private Duration sinceNodePorts = Duration.ZERO;

  private volatile Answer<Discovery> discovery;
  private volatile Facts facts;
  private volatile boolean apisChanged;

  private LiveView(
      ApiReader api,
      SurveyConfig config,
      Clock clock,
      Sleeper sleeper,
      RandomGenerator random,
      Runnable changed) {
    this.api = api;
    this.reader = new FactReader(api, config, clock);
    this.changed = changed;
    this.sleeper = sleeper;
    Answer.Missing<Object> notYet = new Answer.Missing<>(Cause.TIMEOUT, "not read yet");
    this.discovery = notYet.of();
    this.facts =
        new Facts(
            clock.instant(),
            notYet.of(),
            notYet.of(),
            new Facts.Probe(notYet.of(), Duration.ZERO),
            new Facts.Probe(notYet.of(), Duration.ZERO),
            Map.of(),
            Map.of(),
            notYet.of(),
            notYet.of(),
            notYet.of(),
            notYet.of(),
            notYet.of(),
            notYet.of(),
            notYet.of(),
            List.of());
    for (Kind<?> kind : Kinds.WATCHED) {
      mirrors.put(kind, mirror(kind, random));
    }
    this.nodes = Objects.requireNonNull(mirrors.get(Kinds.NODES));
    Kinds.READ.forEach(kind -> lists.put(kind, notYet.of()));
    Kinds.SELDOM.forEach(kind -> lists.put(kind, notYet.of()));
  }

  private <T> Mirror<T> mirror(Kind<T> kind, RandomGenerator random) {
    boolean servesApis = kind.equals(Kinds.CUSTOM_RESOURCES) || kind.equals(Kinds.API_SERVICES);
    return new Mirror<>(
        api,
        kind,
        () -> discovery,
        () -> {
          if (servesApis) {
            apisChanged = true;
          }
          changed.run();
        },
        sleeper,
        random,
        System::nanoTime);
  }

  /**
   * Starts to read.
   *
   * @param changed is called from several threads when something is different; must not block
   */
  public static LiveView start(
      ApiReader api,
      SurveyConfig config,
      Clock clock,
      Sleeper sleeper,
      RandomGenerator random,
      Runnable changed) {
    var view = new LiveView(api, config, clock, sleeper, random, changed);
    view.start();
    return view;
  }

  private void start() {
    threads.add(Thread.ofVirtual().name("view-facts").start(this::readFacts));
    for (Map.Entry<Kind<?>, Mirror<?>> entry : mirrors.entrySet()) {
      threads.add(
          Thread.ofVirtual()
              .name("view-" + entry.getKey().plural())
              .start(() -> mirror(entry.getValue())));
    }
  }

  private void mirror(Mirror<?> mirror) {
    try {
      discovered.await();
      mirror.run();
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  /** Whether all has been read once, or has failed; waits for it, until the limit at most. */
  public boolean awaitFirst(Duration limit) throws InterruptedException {
    long deadline = System.nanoTime() + limit.toNanos();
    for (Mirror<?> mirror : mirrors.values()) {
      if (!mirror.tried().await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        return false;
      }
    }
    return first.await(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
  }

  private void readFacts() {
    try {
      unlessBroken(this::firstPass);
      // Whatever came of it: nobody is to wait for what is broken.
      discovered.countDown();
      first.countDown();
      changed.run();
      while (true) {
        sleeper.sleep(PROBE_EVERY);
        unlessBroken(this::nextPass);
        changed.run();
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  private interface Pass {
    void run() throws InterruptedException;
  }

  /** A bug of ours spoils a pass, not all that come after it. */
  private static void unlessBroken(Pass pass) throws InterruptedException {
    try {
      pass.run();
    } catch (RuntimeException e) {
      log.error("reading the cluster failed, which is a bug", e);
    }
  }

  private void firstPass() throws InterruptedException {
    discovery = reader.discovery();
    discovered.countDown();
    // What nodes there are is asked for below.
    nodes.tried().await();
    readAll(reader.nodePorts());
    for (Mirror<?> mirror : mirrors.values()) {
      mirror.tried().await();
    }
    apisChanged = false; // those that there were from the start are no change
  }

  private void nextPass() throws InterruptedException {
    sinceRead = sinceRead.plus(PROBE_EVERY);
    sinceFacts = sinceFacts.plus(PROBE_EVERY);
    sinceNodePorts = sinceNodePorts.plus(PROBE_EVERY);
    if (apisChanged || sinceFacts.compareTo(FACTS_EVERY) >= 0 || hasFailed()) {
      sinceFacts = Duration.ZERO;
      sinceRead = Duration.ZERO;
      apisChanged = false;
      discovery = reader.discovery();
      var nodePorts = facts.nodePorts();
      if (sinceNodePorts.compareTo(NODE_PORTS_EVERY) >= 0 || wasNotTried(nodePorts)) {
        sinceNodePorts = Duration.ZERO;
        nodePorts = reader.nodePorts();
      }
      readAll(nodePorts);
    } else if (sinceRead.compareTo(READ_EVERY) >= 0) {
      sinceRead = Duration.ZERO;
      facts = reader.withUsage(facts, all(Kinds.NODES));
      read(Kinds.READ);
    } else if (reader.wantsUsage()) {
      facts = reader.withUsage(facts, all(Kinds.NODES));
    } else {
      facts = reader.withReadyz(facts);
    }
  }

  /** Whether the last reading was spoilt as a whole. */
  private boolean hasFailed() {
    return facts.discovery() instanceof Answer.Missing<Discovery>(var cause, _)
        && cause != Cause.FORBIDDEN
        && cause != Cause.UNAUTHORIZED;
  }

  /** An attempt that came to nothing for a while, or for a right that may be given meanwhile. */
  private static boolean wasNotTried(Answer<Facts.NodePortRange> nodePorts) {
    return nodePorts instanceof Answer.Missing<Facts.NodePortRange>(var cause, _)
        && switch (cause) {
          case UNAUTHORIZED, FORBIDDEN, TIMEOUT, UNAVAILABLE -> true;
          case NOT_SERVED, UNREADABLE, NO_EVIDENCE, SWITCHED_OFF, OTHER -> false;
        };
  }

  private void readAll(Answer<Facts.NodePortRange> nodePorts) throws InterruptedException {
    read(Kinds.READ);
    read(Kinds.SELDOM);
    facts = reader.read(discovery, nodePorts, all(Kinds.NODES));
  }

  private void read(List<Kind<?>> kinds) throws InterruptedException {
    for (Kind<?> kind : kinds) {
      lists.put(kind, Survey.list(api, kind, discovery));
    }
  }

  @Override
  @SuppressWarnings("unchecked") // what was put in under a kind is of that kind
  public <T> Answer<Collection<T>> all(Kind<T> kind) {
    var mirror = mirrors.get(kind);
    if (mirror != null) {
      return ((Mirror<T>) mirror).all();
    }
    var list = lists.get(kind);
    if (list == null) {
      throw new IllegalArgumentException("a view does not read " + kind);
    }
    return list.map(records -> (Collection<T>) records);
  }

  @Override
  public Facts facts() {
    return facts;
  }

  /** For tests. */
  List<Thread> threads() {
    return List.copyOf(threads);
  }

  /** Ends all reading. */
  @Override
  public void close() {
    threads.forEach(Thread::interrupt);
    long deadline = System.nanoTime() + STOP_LIMIT.toNanos();
    try {
      for (Thread thread : threads) {
        if (!thread.join(Duration.ofNanos(deadline - System.nanoTime()))) {
          log.debug("does not stop: thread={}", thread.getName());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
