package io.drover.agent.gateway.audit;

import io.drover.agent.config.AuditConfig;
import io.drover.agent.config.AuditConfig.Target;
import io.drover.agent.reason.Problem;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerHttp;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Records requests: counts each, and writes events of them where the owner wants them. Any thread.
 */
public final class Recorder implements AutoCloseable {
  /** For what is in the queue when the agent ends. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private final Figures figures = new Figures();
  private final @Nullable AuditQueue queue; // null: nobody wants events
  private final @Nullable AuditTrail trail; // null: as above
  private final boolean block;
  private final InstantSource clock;
  private final LongSupplier nanoTime;

  private Recorder(
      @Nullable AuditQueue queue,
      @Nullable AuditTrail trail,
      boolean block,
      InstantSource clock,
      LongSupplier nanoTime) {
    this.queue = queue;
    this.trail = trail;
    this.block = block;
    this.clock = clock;
    this.nanoTime = nanoTime;
  }

  /**
   * Begins.
   *
   * @param http the way to an endpoint
   * @param trust by what an endpoint is known
   */
  public static Recorder start(
      AuditConfig config, ServerHttp http, KeptTrust trust, InstantSource clock) {
    return switch (config.target()) {
      case Target.Off() -> counting(clock);
      case Target.StandardOutput() -> to(new LineSink(), config.block(), clock);
      case Target.File(var path) -> to(new FileSink(path), config.block(), clock);
      case Target.Https(var url) ->
          to(new HttpsSink(url, http, trust::context), config.block(), clock);
    };
  }

  /** Counts, and writes nothing. */
  public static Recorder counting(InstantSource clock) {
    return new Recorder(null, null, false, clock, System::nanoTime);
  }

  static Recorder to(Sink sink, boolean block, InstantSource clock) {
    return to(new AuditQueue(), sink, block, clock);
  }

  static Recorder to(AuditQueue queue, Sink sink, boolean block, InstantSource clock) {
    var trail = AuditTrail.start(queue, sink, new SecureRandom());
    return new Recorder(queue, trail, block, clock, System::nanoTime);
  }

  /**
   * A request has come. Waits for room for its events, if nothing is to go on without them; see
   * {@link Entry#hasRoom}.
   */
  public Entry begin(Asked asked) {
    return new Entry(figures, queue, block, clock, nanoTime, asked);
  }

  /** Why events are not written; empty: they are, or are not wanted. */
  public Optional<Problem> problem() {
    return Optional.ofNullable(trail).flatMap(AuditTrail::problem);
  }

  /** What has been counted. Does not block. */
  public Reading reading() {
    return figures.reading(
        trail == null ? "off" : trail.to(),
        block,
        trail == null ? 0 : trail.written(),
        queue == null ? 0 : queue.lost());
  }

  /** Writes what there is, for a limited time. */
  @Override
  public void close() {
    if (trail != null) {
      trail.close();
    }
  }
}
