package io.drover.agent.tunnel;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Failure;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.steve.http.TooManyConnectionsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks for {@code /ping} as a server does through the tunnel, from behind its session: a virtual
 * thread dials by the stream's own {@link Dialer}, and what listens there accepts and answers. So
 * it finds what neither the {@link Watchdog} nor a connected tunnel shows: that no virtual thread
 * gets on, or that what answers behind the tunnel does not. It is no stream: neither counted nor
 * audited.
 *
 * <p>The thread that asks is a platform thread, since virtual ones may be what does not get on.
 */
public final class SelfProbe implements AutoCloseable {
  /** Among the features that do not work. */
  public static final String FEATURE = "self-probe";

  /** From the end of one to the begin of the next. */
  static final Duration EVERY = Duration.ofSeconds(30);

  /** For one, which takes a millisecond. */
  static final Duration LIMIT = Duration.ofSeconds(10);

  /** So many in a row, and the agent does not count as alive: 2 min at most. */
  static final int FATAL = 3;

  /** As a server writes it: the address is not used. */
  private static final String ADDRESS = "not-used:80";

  static final String REQUEST =
      "GET /ping HTTP/1.1\r\nHost: " + ADDRESS + "\r\nConnection: close\r\n\r\n";

  private static final String OK = "HTTP/1.1 200 ";
  private static final Logger log = LoggerFactory.getLogger(SelfProbe.class);

  private final Dialer dialer;
  private final Sleeper sleeper;
  private final Duration limit;
  private final ChangeLog changes = ChangeLog.ofLoop(log, System::nanoTime);
  private final Thread thread;

  /**
   * How the last ones ended.
   *
   * @param failures in a row
   */
  private record Outcome(int failures, @Nullable Problem problem) {}

  private volatile Outcome outcome = new Outcome(0, null);

  SelfProbe(Dialer dialer, Sleeper sleeper, Duration limit) {
    this.dialer = dialer;
    this.sleeper = sleeper;
    this.limit = limit;
    this.thread = Thread.ofPlatform().daemon().name("self-probe").unstarted(this::run);
  }

  /**
   * Begins to ask, in a thread of its own.
   *
   * @param dialer of the tunnel's streams
   */
  public static SelfProbe start(Dialer dialer, Sleeper sleeper) {
    var probe = new SelfProbe(dialer, sleeper, LIMIT);
    probe.thread.start();
    return probe;
  }

  /** Why the last one failed; empty: it did not. */
  public Optional<Problem> problem() {
    return Optional.ofNullable(outcome.problem());
  }

  /** Whether so many have failed that only a new process helps. */
  public boolean isFatal() {
    return outcome.failures() >= FATAL;
  }

  private void run() {
    try {
      while (true) {
        sleeper.sleep(EVERY);
        probe();
      }
    } catch (InterruptedException _) {
      // It is over.
    }
  }

  /** One probe. */
  void probe() throws InterruptedException {
    try {
      ask();
      outcome = new Outcome(0, null);
      changes.works("self-probe is answered again");
    } catch (IOException e) {
      var problem = Problem.of(e);
      outcome = new Outcome(isBusy(e) ? 0 : outcome.failures() + 1, problem);
      changes.bad(problem.reason().code(), "self-probe failed: reason=" + problem.text());
    }
  }

  /** Who says that there is no room for more is alive, and a new process would cut all that is. */
  private static boolean isBusy(IOException failure) {
    return failure.getCause() instanceof ExecutionException behind
        && behind.getCause() instanceof TooManyConnectionsException;
  }

  private void ask() throws IOException, InterruptedException {
    var dial = new Dial();
    var answered = new CompletableFuture<String>();
    Thread.ofVirtual().name("self-probe-stream").start(() -> answer(dial, answered));
    String answer;
    try {
      answer = answered.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      var cause = e.getCause();
      throw new Failure(Reason.PING_UNANSWERED, Problem.of(cause == null ? e : cause).message(), e);
    } catch (TimeoutException e) {
      throw new Failure(Reason.PING_UNANSWERED, "no answer within " + limit.toSeconds() + " s", e);
    } finally {
      dial.cancel();
    }
    if (!answer.startsWith(OK)) {
      throw new Failure(Reason.PING_UNANSWERED, "the answer is " + WireTrace.printable(answer));
    }
  }

  /** What the answer begins with: as much as {@link #OK}, or less at its end. */
  private void answer(Dial dial, CompletableFuture<String> answered) {
    try (SocketChannel channel = dialer.dial("tcp", ADDRESS, dial)) {
      channel.write(ByteBuffer.wrap(REQUEST.getBytes(US_ASCII)));
      var start = ByteBuffer.allocate(OK.length());
      while (start.hasRemaining() && channel.read(start) >= 0) {
        // More may come.
      }
      answered.complete(US_ASCII.decode(start.flip()).toString());
    } catch (IOException e) {
      answered.completeExceptionally(e);
    }
  }

  @Override
  public void close() {
    thread.interrupt();
  }
}
