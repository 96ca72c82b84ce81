package io.drover.agent.tunnel;

import io.drover.agent.log.ChangeLog;
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
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One tunnel, for ever: connects, carries a session to its end, waits, and connects again, with
 * nothing kept from one session to the next. Logs when something changes, and once; a server that
 * comes and goes does not fill the log ({@link ChangeLog}).
 *
 * <p>An attempt begins with credentials that are read anew, the proxy that is asked for anew, names
 * that are looked up anew, and a new socket, and each session has a session stack of its own. What
 * may go on are TLS sessions, with the server and with a proxy; each {@link #AFRESH_EVERY} failures
 * they are thrown away. A fault of ours that ends a session ends that one only. A new process, the
 * last step, is up to whoever starts this.
 *
 * <p>All of it happens in one platform thread, {@code <name>-reader}, which is also the session's
 * reader. A move to another server starts a second one: it takes over when its session is open, and
 * the first ends with its own.
 */
public final class TunnelClient implements AutoCloseable {
  /** After so long we look again whether a tunnel that was not wanted is wanted now. */
  static final Duration UNWANTED_FOR = Duration.ofSeconds(30);

  /**
   * A session that has taken something new to the server counts as proof when it lasts so long: a
   * server that takes it and thinks better of it does so at once.
   */
  static final Duration PROOF = Duration.ofMillis(500);

  /** After so many failures in a row nothing is kept that could be: some minutes. */
  static final int AFRESH_EVERY = 5;

  /** Streams of the server that was left may go on for so long. */
  static final Duration LEAVE_LIMIT = Duration.ofMinutes(5);

  /** Sessions of servers that were left; one more, and the oldest has to end. */
  static final int MAX_LEAVING = 2;

  static final Problem STOPPING = new Problem(Reason.SHUTTING_DOWN, "agent is shutting down");
  static final Problem MOVED =
      new Problem(Reason.NOT_WANTED, "the tunnel is at another server now");

  private static final Problem NOT_YET = new Problem(Reason.NOT_CONNECTED_YET, "connecting");
  private static final Problem NOT_WANTED = new Problem(Reason.NOT_WANTED, "not wanted");

  /** What a close may take on top of the time that streams are given. */
  private static final Duration CLOSE_MARGIN = Duration.ofSeconds(3);

  /** What a move may take until its session is open: both have limits of their own. */
  private static final Duration MOVE_LIMIT =
      ServerDialer.STANDARD_LIMIT.plus(WebSocketTransport.HANDSHAKE_LIMIT).plus(CLOSE_MARGIN);

  private static final Logger log = LoggerFactory.getLogger(TunnelClient.class);

  /** Says how to open the tunnel next; asked anew for each attempt, since credentials rotate. */
  public interface Handshakes {
    /**
     * Returns the next handshake, or nothing while the tunnel is not wanted. May wait.
     *
     * @throws IOException if it cannot be said now; the message says why
     */
    Optional<Handshake> next() throws IOException, InterruptedException;

    /**
     * Tries what is new before the server hears of it, as far as that can be done without the
     * server. May wait.
     *
     * @param before what it has heard
     * @throws IOException if the server could do nothing with it, so that it is not to be told
     */
    default void prove(Handshake before, Handshake news) throws IOException {}

    /** The server has accepted this. May wait. */
    default void accepted(Handshake handshake) {}

    /** Attempts fail: what is kept from one to the next is to be thrown away. */
    default void startAfresh() {}
  }

  /** The parts that tests replace. */
  record Tools(Timer timer, Watchdog watchdog, Backoff backoff, Sleeper sleeper, int maxSockets) {}

  private final String name;
  private final ServerDialer serverDialer;
  private final Handshakes handshakes;
  private final Dialer dialer;
  private final DialAudit audit;
  private final Duration drain;
  private final Tools tools;
  private final ChangeLog changes;
  private final LocalSockets sockets;
  private final TunnelCounters counters = new TunnelCounters();
  private final ReentrantLock lock = new ReentrantLock();

  /** A second reader, until its session is open. */
  private record Move(Thread reader, CompletableFuture<Void> arrived) {}

  // Guarded by lock.
  private Thread reader; // that makes the sessions; any other only carries its own to the end
  private @Nullable Move move;
  private @Nullable TunnelSession session;
  private @Nullable Handshake told; // what its server has heard last; null: no session
  private final Deque<TunnelSession> leaving = new ArrayDeque<>(); // oldest first
  private final Set<Transport> transports = new HashSet<>();
  private final Set<Thread> readers = new HashSet<>();
  private boolean stopping;
  private int failures; // since the last session opened
  private int silences; // those of them of which the server took the request, and did not answer
  private Instant since = Instant.now();
  private @Nullable Problem problem = NOT_YET; // null: connected
  private final PastProblems past = new PastProblems();

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
    var timer = tools.timer();
    this.changes = new ChangeLog(log, ChangeLog.Limit.TUNNEL, timer::nanoTime, timer::after);
    this.sockets =
        LocalSockets.start(name, tools.watchdog().work(this::abortTransports), tools.maxSockets());
    this.reader = Thread.ofPlatform().name(name + "-reader").unstarted(this::run);
    this.readers.add(reader);
  }

  /**
   * Starts to connect at once.
   *
   * @param name of the tunnel, for threads, logs and metrics
   * @param dialer opens the local ends of streams
   * @param audit is told of each of them
   * @param drain how long {@link #close} lets streams come to their end
   * @param watchdog looks after the threads that read
   */
  public static TunnelClient start(
      String name,
      ServerDialer serverDialer,
      Handshakes handshakes,
      Dialer dialer,
      DialAudit audit,
      Duration drain,
      Timer timer,
      Watchdog watchdog,
      Backoff backoff) {
    return start(
        name,
        serverDialer,
        handshakes,
        dialer,
        audit,
        drain,
        new Tools(timer, watchdog, backoff, Sleeper.REAL, LocalSockets.maxSockets()));
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
    client.reader.start();
    return client;
  }

  /**
   * The tunnel at one moment.
   *
   * @param problem null while it is connected
   * @param past the last problems, the newest last, which may be the one of now
   */
  public record Reading(
      Instant since,
      @Nullable Problem problem,
      List<PastProblem> past,
      int streamsOpen,
      long queuedBytes,
      TunnelTotals totals) {
    public Reading {
      past = List.copyOf(past);
    }

    /** The last problem, which may be the one of now; null: there has been none. */
    public @Nullable PastProblem last() {
      return past.isEmpty() ? null : past.getLast();
    }

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
      var sessions = sessions();
      return new Reading(
          since,
          problem,
          past.all(),
          sessions.stream().mapToInt(TunnelSession::streamsOpen).sum(),
          sessions.stream().mapToLong(TunnelSession::queuedBytes).sum(),
          counters.totals());
    } finally {
      lock.unlock();
    }
  }

  /** Ends the session, if there is one, as if the connection were lost. */
  public void disconnect(Problem why) {
    for (TunnelSession current : currentSessions()) {
      current.close(TunnelSession.NORMAL_CLOSE, why);
    }
  }

  /**
   * Takes to the server what has changed since it was told: by a short second session, since it
   * reads credentials when a session opens and at no other time, but dials by its oldest. Another
   * server gets a session of its own, and the one that was left ends when its streams have. What is
   * not {@link Handshakes#prove proven} is not told. Does nothing if nothing has changed, or there
   * is no session: the next one will carry it. Blocks.
   *
   * @throws IOException if it cannot be done; then all is as it was, and worth another attempt
   */
  public void renew() throws IOException, InterruptedException {
    var before = told();
    if (before == null) {
      return;
    }
    var next = handshakes.next();
    if (next.isEmpty() || next.get().carriesSame(before)) {
      return;
    }
    handshakes.prove(before, next.get());
    if (next.get().server().equals(before.server())) {
      tell(next.get());
    } else {
      move(next.get());
    }
  }

  private void tell(Handshake news) throws IOException, InterruptedException {
    try (var second =
        TunnelProbe.open(
            name + "-second", serverDialer, news, dialer, audit, tools.timer(), sockets)) {
      second.hold(PROOF);
    }
    lock.lock();
    try {
      if (told != null && told.server().equals(news.server())) {
        told = news;
      }
    } finally {
      lock.unlock();
    }
    log.info("server told what is new: tunnel={} url={}", name, news.url());
    handshakes.accepted(news);
  }

  private void move(Handshake there) throws IOException, InterruptedException {
    var arrived = new CompletableFuture<Void>();
    var second = Thread.ofPlatform().name(name + "-reader").unstarted(() -> runAt(there, arrived));
    lock.lock();
    try {
      if (stopping) {
        return;
      }
      move = new Move(second, arrived);
      readers.add(second);
    } finally {
      lock.unlock();
    }
    second.start();
    try {
      arrived.get(MOVE_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof IOException failure ? failure : new IOException(e.getCause());
    } catch (TimeoutException e) {
      throw new Failure(Reason.SERVER_SILENT, "the websocket handshake does not end", e);
    } finally {
      forgetMove(second);
    }
  }

  /** Whoever arrives later than this is sent away. */
  private void forgetMove(Thread second) {
    lock.lock();
    try {
      if (move != null && move.reader() == second) {
        move = null;
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets the streams of a server that was left come to their end, in a thread of its own. */
  private void leave(TunnelSession left) {
    Thread.ofVirtual()
        .name(name + "-leave")
        .start(
            () -> {
              try {
                left.awaitNoStreams(LEAVE_LIMIT);
                left.drain(drain, MOVED);
              } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
              }
            });
  }

  private Thread drained(TunnelSession ending, Problem why) {
    return Thread.ofVirtual()
        .name(name + "-drain")
        .start(
            () -> {
              try {
                ending.drain(drain, why);
              } catch (InterruptedException _) {
                Thread.currentThread().interrupt();
              }
            });
  }

  /** Drains and ends the sessions, and the tunnel with them. Waits for that, within limits. */
  @Override
  public void close() {
    List<TunnelSession> open;
    List<Thread> all;
    lock.lock();
    try {
      stopping = true;
      open = sessions();
      all = List.copyOf(readers);
    } finally {
      lock.unlock();
    }
    var drains = open.stream().map(session -> drained(session, STOPPING)).toList();
    try {
      for (Thread one : drains) {
        one.join();
      }
      abortTransports();
      all.forEach(Thread::interrupt);
      for (Thread one : all) {
        if (!one.join(CLOSE_MARGIN)) {
          log.warn("tunnel does not end: tunnel={}", name);
        }
      }
    } catch (InterruptedException e) {
      drains.forEach(Thread::interrupt);
      all.forEach(Thread::interrupt);
      Thread.currentThread().interrupt();
    } finally {
      sockets.close();
    }
  }

  private void run() {
    try {
      keepUp(attempt());
    } catch (InterruptedException e) {
      log.debug("tunnel stopped: tunnel={}", name);
    } finally {
      forgetReader();
    }
  }

  /** As {@link #run}, but the first attempt is at another server, and counts for nothing. */
  private void runAt(Handshake there, CompletableFuture<Void> arrived) {
    try {
      keepUp(carry(there));
    } catch (IOException e) {
      arrived.completeExceptionally(e);
    } catch (RuntimeException e) {
      arrived.completeExceptionally(e); // unless it has arrived, and has to be kept up
      keepUpAfter(e);
    } catch (InterruptedException e) {
      arrived.completeExceptionally(new Failure(STOPPING.reason(), STOPPING.message(), e));
    } finally {
      forgetReader();
    }
  }

  private void keepUpAfter(RuntimeException e) {
    try {
      keepUp(bug(e));
    } catch (InterruptedException _) {
      log.debug("tunnel stopped: tunnel={}", name);
    }
  }

  private void keepUp(Duration first) throws InterruptedException {
    for (var pause = first; isWanted(); pause = attempt()) {
      tools.sleeper().sleep(pause);
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
    } catch (IOException e) {
      return down(Problem.of(e)) ? tools.backoff().next(e) : Duration.ZERO;
    } catch (RuntimeException e) {
      return bug(e);
    }
  }

  /** A fault of ours costs a session, or an attempt, and never the tunnel. */
  private Duration bug(RuntimeException e) {
    log.error("attempt failed, this is a bug: tunnel={}", name, e);
    return down(Problem.of(e)) ? tools.backoff().next(Cause.PATH) : Duration.ZERO;
  }

  private Duration carry(Handshake handshake) throws IOException, InterruptedException {
    var timer = tools.timer();
    var connection =
        serverDialer.dial(handshake.url(), handshake.trust(), ServerDialer.STANDARD_LIMIT);
    var opened =
        new TunnelSession(
            name, dialer, handshake.policy(), audit, timer, tools.watchdog(), sockets, counters);
    var transport =
        new WebSocketTransport(
            handshake.url(),
            handshake.headers(),
            connection,
            opened,
            timer,
            tools.watchdog(),
            silences(),
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
      if (!down(why)) {
        log.info("former session ends: tunnel={} url={}", name, handshake.url());
        return Duration.ZERO;
      }
      boolean byServer = ours == null && ending.byServer();
      tools.backoff().succeeded(Duration.ofNanos(timer.nanoTime() - startNanos));
      return tools.backoff().next(byServer ? Cause.SERVER_CLOSED : Cause.PATH);
    } finally {
      opened.end(STOPPING); // interrupted: otherwise it has ended before, or never begun
      forget(opened, transport);
    }
  }

  private int silences() {
    lock.lock();
    try {
      return silences;
    } finally {
      lock.unlock();
    }
  }

  /** From now on {@link #close} can break off the handshake. */
  private void begin(Transport opening) throws IOException {
    lock.lock();
    try {
      transports.add(opening);
      if (!stopping) {
        return;
      }
    } finally {
      lock.unlock();
    }
    opening.abort();
    throw new Failure(STOPPING.reason(), STOPPING.message());
  }

  private void abortTransports() {
    List<Transport> all;
    lock.lock();
    try {
      all = List.copyOf(transports);
    } finally {
      lock.unlock();
    }
    all.forEach(Transport::abort);
  }

  private void up(TunnelSession opened, Handshake handshake) {
    boolean mine;
    Move arriving;
    TunnelSession left = null;
    TunnelSession tooMany = null;
    lock.lock();
    try {
      arriving = move != null && move.reader() == Thread.currentThread() ? move : null;
      if (arriving != null) {
        left = session;
        tooMany = takeOver(arriving.reader());
      }
      mine = reader == Thread.currentThread();
      if (mine) {
        session = opened;
        told = handshake;
        since = Instant.now();
        problem = null;
        failures = 0;
        silences = 0;
      }
    } finally {
      lock.unlock();
    }
    if (!mine) {
      opened.close(TunnelSession.GOING_AWAY, MOVED); // one of us was too late
      return;
    }
    changes.good("up", "tunnel up: tunnel=%s url=%s".formatted(name, handshake.url()));
    if (arriving != null) {
      arriving.arrived().complete(null);
    }
    if (left != null) {
      leave(left);
    }
    if (tooMany != null) {
      var _ = drained(tooMany, MOVED);
    }
    Thread.ofVirtual().name(name + "-accepted").start(() -> handshakes.accepted(handshake));
    if (isStopping()) {
      opened.close(TunnelSession.GOING_AWAY, STOPPING);
    }
  }

  /** Returns a session that has to end for it. Needs the lock. */
  private @Nullable TunnelSession takeOver(Thread second) {
    var first = reader;
    reader = second;
    move = null;
    if (session == null) {
      first.interrupt(); // it has lost its session meanwhile, and waits
      return null;
    }
    leaving.add(session);
    return leaving.size() > MAX_LEAVING ? leaving.getFirst() : null;
  }

  /** False: the caller is not the reader any more, and what befalls it says nothing. */
  private boolean down(Problem why) {
    boolean isNews;
    boolean afresh;
    lock.lock();
    try {
      if (reader != Thread.currentThread()) {
        return false;
      }
      if (problem == null) {
        since = Instant.now();
      }
      problem = why;
      past.add(new PastProblem(why, Instant.now()));
      isNews = !stopping;
      failures++;
      if (why.reason() == Reason.SERVER_SILENT) {
        silences++;
      }
      afresh = failures % AFRESH_EVERY == 0;
    } finally {
      lock.unlock();
    }
    if (afresh) {
      handshakes.startAfresh();
    }
    if (isNews) {
      // By the reason alone: in the message may be a time, or an address of many.
      changes.bad(
          why.reason().code(), "tunnel down: tunnel=%s reason=%s".formatted(name, why.text()));
    }
    return true;
  }

  private void notWanted() {
    lock.lock();
    try {
      if (reader != Thread.currentThread()) {
        return;
      }
      problem = NOT_WANTED;
    } finally {
      lock.unlock();
    }
    changes.good(NOT_WANTED.reason().code(), "tunnel not wanted: tunnel=" + name);
  }

  private void forget(TunnelSession ended, Transport closed) {
    lock.lock();
    try {
      if (session == ended) {
        session = null;
        told = null;
      }
      leaving.remove(ended);
      transports.remove(closed);
    } finally {
      lock.unlock();
    }
  }

  private void forgetReader() {
    lock.lock();
    try {
      readers.remove(Thread.currentThread());
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Handshake told() {
    lock.lock();
    try {
      return told;
    } finally {
      lock.unlock();
    }
  }

  private List<TunnelSession> currentSessions() {
    lock.lock();
    try {
      return sessions();
    } finally {
      lock.unlock();
    }
  }

  /** Needs the lock. */
  private List<TunnelSession> sessions() {
    var all = new ArrayList<>(leaving);
    if (session != null) {
      all.add(session);
    }
    return all;
  }

  /** Whether the calling thread is to make more sessions. */
  private boolean isWanted() {
    lock.lock();
    try {
      return !stopping && reader == Thread.currentThread();
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
