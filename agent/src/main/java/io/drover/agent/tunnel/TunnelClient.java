package io.drover.agent.tunnel;

import io.drover.agent.reason.Failure;
import io.drover.agent.reason.PastProblem;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Backoff;
import io.drover.agent.retry.Backoff.Cause;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.tls.ServerDialer;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One tunnel, for ever: connects, carries a session to its end, waits, and connects again, with
 * nothing kept from one session to the next. Logs when something changes, and once.
 *
 * <p>All of it happens in one platform thread, {@code <name>-reader}, which is also the session's
 * reader.
 */
public final class TunnelClient implements AutoCloseable {
  /** After so long we look again whether a tunnel that was not wanted is wanted now. */
  static final Duration UNWANTED_FOR = Duration.ofSeconds(30);

  /**
   * While a tunnel is down no reason is told twice within this time: a server that answers now this
   * way, now that, would fill the log. What is told last is so old at most.
   */
  static final Duration TOLD_FOR = Duration.ofMinutes(10);

  static final Problem STOPPING = new Problem(Reason.SHUTTING_DOWN, "agent is shutting down");

  private static final Problem NOT_YET = new Problem(Reason.NOT_CONNECTED_YET, "connecting");
  private static final Problem NOT_WANTED = new Problem(Reason.NOT_WANTED, "not wanted");

  /** What a close may take on top of the time that streams are given. */
  private static final Duration CLOSE_MARGIN = Duration.ofSeconds(3);

  private static final Logger log = LoggerFactory.getLogger(TunnelClient.class);

  /** Says how to open the tunnel next; asked anew for each attempt, since credentials rotate. */
  public interface Handshakes {
    /**
     * Returns the next handshake, or nothing while the tunnel is not wanted. May wait.
     *
     * @throws IOException if it cannot be said now; the message says why
     */
    Optional<Handshake> next() throws IOException, InterruptedException;

    /** The server has accepted. Called in a thread of its own. */
    default void accepted() {}
  }

  /** The parts that tests replace. */
  record Tools(Timer timer, Backoff backoff, Sleeper sleeper) {}

  private final String name;
  private final ServerDialer serverDialer;
  private final Handshakes handshakes;
  private final Dialer dialer;
  private final DialAudit audit;
  private final Duration drain;
  private final Tools tools;
  private final TunnelCounters counters = new TunnelCounters();
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();

  // Guarded by lock.
  private @Nullable TunnelSession session;
  private @Nullable Transport transport;
  private boolean stopping;
  private Instant since = Instant.now();
  private @Nullable Problem problem = NOT_YET; // null: connected
  private @Nullable PastProblem past;
  private final EnumMap<Reason, Long> toldNanos = new EnumMap<>(Reason.class);
  private @Nullable Reason lastTold;

  private TunnelClient(
      String name,
      ServerDialer serverDialer,
      Handshakes handshakes,
      Dialer dialer,
      DialAudit audit,
      Duration drain,
      Tools tools) {
    this.name = name;
    this.serverDialer = serverDialer;
    this.handshakes = handshakes;
    this.dialer = dialer;
    this.audit = audit;
    this.drain = drain;
    this.tools = tools;
    this.thread = Thread.ofPlatform().name(name + "-reader").unstarted(this::run);
  }

  /**
   * Starts to connect at once.
   *
   * @param name of the tunnel, for threads, logs and metrics
   * @param dialer opens the local ends of streams
   * @param audit is told of each of them
   * @param drain how long {@link #close} lets streams come to their end
   */
  public static TunnelClient start(
      String name,
      ServerDialer serverDialer,
      Handshakes handshakes,
      Dialer dialer,
      DialAudit audit,
      Duration drain,
      Timer timer,
      Backoff backoff) {
    return start(
        name,
        serverDialer,
        handshakes,
        dialer,
        audit,
        drain,
        new Tools(timer, backoff, Sleeper.REAL));
  }

  static TunnelClient start(
      String name,
      ServerDialer serverDialer,
      Handshakes handshakes,
      Dialer dialer,
      DialAudit audit,
      Duration drain,
      Tools tools) {
    var client = new TunnelClient(name, serverDialer, handshakes, dialer, audit, drain, tools);
    client.thread.start();
    return client;
  }

  /**
   * The tunnel at one moment.
   *
   * @param problem null while it is connected
   * @param past the last problem, which may be the one of now; null: there has been none
   */
  public record Reading(
      Instant since,
      @Nullable Problem problem,
      @Nullable PastProblem past,
      int streamsOpen,
      long queuedBytes,
      TunnelTotals totals) {
    public boolean connected() {
      return problem == null;
    }

    /** Whether there is to be no session, so that its absence is no fault. */
    public boolean unwanted() {
      return NOT_WANTED.equals(problem);
    }
  }

  /** The tunnel at this moment. */
  public Reading reading() {
    lock.lock();
    try {
      return new Reading(
          since,
          problem,
          past,
          session == null ? 0 : session.streamsOpen(),
          session == null ? 0 : session.queuedBytes(),
          counters.totals());
    } finally {
      lock.unlock();
    }
  }

  /** Ends the session, if there is one, as if the connection were lost. */
  public void disconnect(Problem why) {
    var current = currentSession();
    if (current != null) {
      current.close(TunnelSession.NORMAL_CLOSE, why);
    }
  }

  /** Drains and ends the session, and the tunnel with it. Waits for that, within limits. */
  @Override
  public void close() {
    lock.lock();
    try {
      stopping = true;
    } finally {
      lock.unlock();
    }
    var current = currentSession();
    try {
      if (current != null) {
        current.drain(drain);
      }
      abortHandshake();
      thread.interrupt();
      if (!thread.join(CLOSE_MARGIN)) {
        log.warn("tunnel does not end: tunnel={}", name);
      }
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try {
      while (!isStopping()) {
        tools.sleeper().sleep(attempt());
      }
    } catch (InterruptedException e) {
      log.debug("tunnel stopped: tunnel={}", name);
    }
  }

  /** One attempt and, if it succeeds, a session to its end. Returns how long to wait then. */
  private Duration attempt() throws InterruptedException {
    try {
      var handshake = handshakes.next();
      if (handshake.isEmpty()) {
        notWanted();
        return UNWANTED_FOR;
      }
      return carry(handshake.get());
    } catch (HandshakeRefused e) {
      down(Problem.of(e));
      return tools.backoff().next(Cause.REFUSED, e.retryAfter());
    } catch (IOException e) {
      down(Problem.of(e));
      return tools.backoff().next(Cause.PATH);
    }
  }

  private Duration carry(Handshake handshake) throws IOException, InterruptedException {
    var timer = tools.timer();
    var connection =
        serverDialer.dial(handshake.url(), handshake.trust(), ServerDialer.STANDARD_LIMIT);
    var opened = new TunnelSession(name, dialer, handshake.policy(), audit, timer, counters);
    var transport =
        new WebSocketTransport(
            handshake.url(),
            handshake.headers(),
            connection,
            opened,
            timer,
            socket -> {
              opened.start(socket);
              up(opened, handshake);
            });
    long startNanos = timer.nanoTime();
    try {
      begin(transport);
      var ending = transport.run();
      var ours = opened.ending();
      var why = ours == null ? ending.problem() : ours;
      opened.end(why);
      down(why);
      boolean byServer = ours == null && ending.byServer();
      tools.backoff().succeeded(Duration.ofNanos(timer.nanoTime() - startNanos));
      return tools.backoff().next(byServer ? Cause.SERVER_CLOSED : Cause.PATH);
    } finally {
      opened.end(STOPPING); // interrupted: otherwise it has ended before, or never begun
      forget();
    }
  }

  /** From now on {@link #close} can break off the handshake. */
  private void begin(Transport opening) throws IOException {
    lock.lock();
    try {
      transport = opening;
      if (!stopping) {
        return;
      }
    } finally {
      lock.unlock();
    }
    opening.abort();
    throw new Failure(STOPPING.reason(), STOPPING.message());
  }

  private void abortHandshake() {
    Transport opening;
    lock.lock();
    try {
      opening = transport;
    } finally {
      lock.unlock();
    }
    if (opening != null) {
      opening.abort();
    }
  }

  private void up(TunnelSession opened, Handshake handshake) {
    lock.lock();
    try {
      session = opened;
      since = Instant.now();
      problem = null;
      toldNanos.clear();
      lastTold = null;
    } finally {
      lock.unlock();
    }
    log.info("tunnel up: tunnel={} url={}", name, handshake.url());
    Thread.ofVirtual().name(name + "-accepted").start(handshakes::accepted);
    if (isStopping()) {
      opened.close(TunnelSession.GOING_AWAY, STOPPING);
    }
  }

  private void down(Problem why) {
    boolean news;
    lock.lock();
    try {
      news = isNews(why.reason());
      if (problem == null) {
        since = Instant.now();
      }
      problem = why;
      past = new PastProblem(why, Instant.now());
      if (stopping) {
        news = false;
      }
      if (news) {
        toldNanos.put(why.reason(), tools.timer().nanoTime());
        lastTold = why.reason();
      }
    } finally {
      lock.unlock();
    }
    if (news) {
      log.warn("tunnel down: tunnel={} reason={}", name, why.text());
    } else {
      log.debug("tunnel still down: tunnel={} reason={}", name, why.text());
    }
  }

  /** By the reason alone: in the message may be a time, or an address of many. Needs the lock. */
  private boolean isNews(Reason reason) {
    Long told = toldNanos.get(reason);
    return told == null
        || (reason != lastTold && tools.timer().nanoTime() - told >= TOLD_FOR.toNanos());
  }

  private void notWanted() {
    boolean news;
    lock.lock();
    try {
      news = !NOT_WANTED.equals(problem);
      problem = NOT_WANTED;
      toldNanos.clear();
      lastTold = null;
    } finally {
      lock.unlock();
    }
    if (news) {
      log.info("tunnel not wanted: tunnel={}", name);
    }
  }

  private void forget() {
    lock.lock();
    try {
      session = null;
      transport = null;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable TunnelSession currentSession() {
    lock.lock();
    try {
      return session;
    } finally {
      lock.unlock();
    }
  }

  private boolean isStopping() {
    lock.lock();
    try {
      return stopping;
    } finally {
      lock.unlock();
    }
  }
}
