package io.drover.agent.gateway.audit;

import io.drover.agent.config.AuditConfig;
import io.drover.agent.config.AuditConfig.Target;
import io.drover.agent.gateway.recording.Recordings;
import io.drover.agent.reason.Problem;
import io.drover.agent.tls.KeptTrust;
import io.drover.agent.tls.ServerHttp;
import java.io.IOException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Records requests: counts each, and writes events of them where the owner wants them. Any thread.
 */
public final class Recorder implements AutoCloseable {
  /** For what is in the queue when the agent ends. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(3);

  private final Figures figures;
  private final @Nullable AuditQueue queue; // null: nobody wants events
  private final @Nullable AuditTrail trail; // null: as above
  private final @Nullable Recordings recordings; // null: no session is recorded
  private final AuditRules rules;
  private final BodyBudget budget = new BodyBudget();
  private final boolean block;
  private final InstantSource clock;
  private final LongSupplier nanoTime;

  private Recorder(
      @Nullable AuditQueue queue,
      @Nullable AuditTrail trail,
      @Nullable Recordings recordings,
      AuditRules rules,
      boolean block,
      InstantSource clock,
      LongSupplier nanoTime) {
    this.figures = new Figures(clock);
    this.queue = queue;
    this.trail = trail;
    this.recordings = recordings;
    this.rules = rules;
    this.block = block;
    this.clock = clock;
    this.nanoTime = nanoTime;
  }

  /**
   * Begins.
   *
   * @param http the way to an endpoint
   * @param trust by what an endpoint is known
   * @param rules how much is recorded; closed with this
   */
  public static Recorder start(
      AuditConfig config, ServerHttp http, KeptTrust trust, AuditRules rules, InstantSource clock) {
    return switch (config.target()) {
      case Target.Off() -> counting(clock);
      case Target.StandardOutput() -> to(new LineSink(), config, rules, clock);
      case Target.File(var path) -> to(new FileSink(path), config, rules, clock);
      case Target.Https(var url, var tokenFile) ->
          to(
              new HttpsSink(url, http, trust::context, tokenFile.map(TokenFile::new)),
              config,
              rules,
              clock);
    };
  }

  /**
   * What came of trying a target.
   *
   * @param isSure whether it is certain that it takes events
   */
  public record Trial(String said, boolean isSure) {}

  /**
   * Tries where events, and sessions, are to go, and writes none. Blocks, for {@link
   * HttpsSink#LIMIT} at most.
   *
   * @throws IOException if they cannot be written there; with the reason
   */
  public static Trial tryOut(AuditConfig config, ServerHttp http, KeptTrust trust)
      throws IOException {
    if (config.recordings().isPresent()) {
      Recordings.requireWritable(config.recordings().get());
    }
    String sessions = config.recordings().map(directory -> "; sessions in " + directory).orElse("");
    return switch (config.target()) {
      case Target.Off() -> new Trial("requests are not recorded", true);
      case Target.StandardOutput() -> new Trial("among the lines of the log" + sessions, true);
      case Target.File(var path) -> {
        FileSink.requireWritable(path);
        yield new Trial(path + " can be written" + sessions, true);
      }
      case Target.Https(var url, var tokenFile) -> {
        try (var sink = new HttpsSink(url, http, trust::context, tokenFile.map(TokenFile::new))) {
          sink.write(List.of());
          yield new Trial(url + " takes a list without events" + sessions, true);
        } catch (Sink.NotTakenException e) {
          yield new Trial(
              "whether events are taken is not known, a list without any is not: "
                  + e.getMessage()
                  + sessions,
              false);
        }
      }
    };
  }

  /** Counts, and writes nothing. */
  public static Recorder counting(InstantSource clock) {
    return new Recorder(null, null, null, AuditRules.none(), false, clock, System::nanoTime);
  }

  private static Recorder to(Sink sink, AuditConfig config, AuditRules rules, InstantSource clock) {
    var queue = new AuditQueue();
    var trail = AuditTrail.start(queue, sink, new SecureRandom());
    var recordings =
        config.recordings().map(directory -> new Recordings(directory, clock)).orElse(null);
    return new Recorder(queue, trail, recordings, rules, config.block(), clock, System::nanoTime);
  }

  /**
   * A request has come. Waits for room for its events, if nothing is to go on without them; see
   * {@link Entry#hasRoom}.
   */
  public Entry begin(Asked asked) {
    return new Entry(figures, queue, rules, budget, block, clock, nanoTime, asked);
  }

  /**
   * A request is about to go on: if it is a session that is to be recorded, a recording begins.
   *
   * @param upgrade to what protocol it wants to change; empty: to none
   * @throws IOException if it must not go on, since it cannot be recorded
   */
  public void openRecording(Entry entry, String upgrade) throws IOException {
    if (recordings != null) {
      entry.openRecording(recordings, upgrade);
    }
  }

  /** Why not everything is recorded as it is to be; empty: it is. */
  public Optional<Problem> problem() {
    return Stream.of(
            rules.problem(),
            Optional.ofNullable(trail).flatMap(AuditTrail::problem),
            Optional.ofNullable(recordings).flatMap(Recordings::problem))
        .flatMap(Optional::stream)
        .reduce((one, other) -> one.and(other));
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
    rules.close();
    if (recordings != null) {
      recordings.close();
    }
    if (trail != null) {
      trail.close();
    }
  }
}
