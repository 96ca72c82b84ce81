package io.drover.agent.gateway.audit;

import io.drover.agent.gateway.audit.AuditEvent.Stage;
import io.drover.agent.gateway.audit.AuditEvent.Verdict;
import io.drover.agent.gateway.policy.Decision;
import io.drover.agent.gateway.policy.RequestInfo;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One request, from its head to the end of its answer. One thread, which calls {@link #end} at
 * last, whatever happened.
 */
public final class Entry {
  /** What is reserved for an event, beside what its request's head has in it; in bytes. */
  static final long USUAL_BYTES = 1_536;

  /** Source: kube-apiserver {@code --long-running-request-regexp}'s successor, in its config. */
  private static final Set<String> LONG_VERBS = Set.of("watch", "proxy");

  private static final Set<String> LONG_SUBRESOURCES =
      Set.of("attach", "exec", "proxy", "log", "portforward");

  private static final int FAULT = 500;

  private final Figures figures;
  private final @Nullable AuditQueue queue; // null: nobody wants events
  private final InstantSource clock;
  private final LongSupplier nanoTime;
  private final Asked asked;
  private final RequestInfo info;
  private final Instant received;
  private final long startNanos;
  private final String id;
  private final long eventBytes;
  private final boolean reserved;
  private final boolean hasRoom;

  private Who who = Who.nobody();
  private Verdict verdict = new Verdict(false, Optional.empty(), "", "");
  private int status;
  private int events; // that are still reserved
  private boolean ended;

  /**
   * Waits for room, if it is to be reserved.
   *
   * @param queue null: nobody wants events
   * @param block whether room is to be reserved
   */
  Entry(
      Figures figures,
      @Nullable AuditQueue queue,
      boolean block,
      InstantSource clock,
      LongSupplier nanoTime,
      Asked asked) {
    this.figures = figures;
    this.queue = queue;
    this.clock = clock;
    this.nanoTime = nanoTime;
    this.asked = asked;
    this.id = queue == null ? "" : UUID.randomUUID().toString();
    this.received = clock.instant();
    this.startNanos = nanoTime.getAsLong();
    this.info = RequestInfo.of(asked.method(), asked.target());
    this.eventBytes = USUAL_BYTES + asked.target().length() + asked.shownUserAgent().length();
    this.events = isLong() ? 2 : 1;
    boolean found = true;
    if (queue != null) {
      queue.begun();
      found = !block || queue.reserve(events, events * eventBytes);
    }
    this.hasRoom = found;
    this.reserved = queue != null && block && found;
  }

  /** False: it must not go on, since it could not be recorded. */
  public boolean hasRoom() {
    return hasRoom;
  }

  /** By which the API server is to know it too: its {@code Audit-ID}. Empty: there is no record. */
  public String id() {
    return id;
  }

  /** Whether its answer may last. */
  private boolean isLong() {
    return info instanceof RequestInfo.Resource resource
        && (LONG_VERBS.contains(resource.verb())
            || LONG_SUBRESOURCES.contains(resource.subresource()));
  }

  /** It is known who asks. */
  public void by(Who asking) {
    who = asking;
  }

  /**
   * It may go on.
   *
   * @param decision empty: there is no policy
   */
  public void allowed(Optional<Decision> decision) {
    verdict = new Verdict(true, decision, "", "");
  }

  /** The answer is the API server's, and begins now. */
  public void started(int code) {
    status = code;
    if (isLong()) {
      record(Stage.RESPONSE_STARTED);
    }
  }

  /**
   * The answer is our own.
   *
   * @param reason as in {@code metav1.StatusReason}
   * @param decision by which it is refused; empty: by none
   */
  public void refused(int code, String reason, String message, Optional<Decision> decision) {
    figures.refused(Refusal.of(code, decision.isPresent()));
    status = code;
    verdict =
        new Verdict(verdict.allowed(), decision.or(() -> verdict.decision()), reason, message);
  }

  /** It has been answered, or there is nobody to answer. Once. */
  public void end() {
    if (ended) {
      return;
    }
    ended = true;
    if (status == 0) {
      status = FAULT; // what the front answers when a request fails by our fault
    }
    figures.count(AuditEvent.verb(asked, info), status, who);
    if (!isLong()) {
      figures.took(Duration.ofNanos(nanoTime.getAsLong() - startNanos));
    }
    record(Stage.RESPONSE_COMPLETE);
    if (queue != null) {
      if (reserved && events > 0) {
        queue.release(events, events * eventBytes);
      }
      queue.ended();
    }
  }

  private void record(Stage stage) {
    if (queue == null || !hasRoom) { // without room it is counted as lost already
      return;
    }
    var event =
        new AuditEvent(stage, id, asked, info, who, verdict, status, received, clock.instant());
    boolean kept = reserved && events > 0;
    if (kept) {
      events--;
      queue.release(1, eventBytes);
    }
    queue.put(event.line(), kept);
  }
}
