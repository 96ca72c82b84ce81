package io.drover.agent.gateway.audit;

import io.drover.agent.gateway.audit.AuditEvent.Bodies;
import io.drover.agent.gateway.audit.AuditEvent.Stage;
import io.drover.agent.gateway.audit.AuditEvent.Taped;
import io.drover.agent.gateway.audit.AuditEvent.Verdict;
import io.drover.agent.gateway.policy.AuditPolicy.Choice;
import io.drover.agent.gateway.policy.AuditPolicy.Level;
import io.drover.agent.gateway.policy.Decision;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.recording.Recording;
import io.drover.agent.gateway.recording.Recordings;
import io.drover.agent.gateway.recording.Session;
import io.drover.steve.http.Fields;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
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

  private static final Set<String> SESSIONS = Set.of("pods/exec", "pods/attach");
  private static final int FAULT = 500;

  private final Figures figures;
  private final @Nullable AuditQueue queue; // null: nobody wants events
  private final AuditRules rules;
  private final BodyBudget budget;
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

  private @Nullable Choice choice; // null: as long as it is not clear how much is recorded
  private String leftOut = "";
  private @Nullable BodyCopy request; // null: it is not recorded
  private @Nullable BodyCopy response; // null: as above
  private @Nullable Recording recording; // of its session; null: there is none
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
   * @param budget for all bodies
   */
  Entry(
      Figures figures,
      @Nullable AuditQueue queue,
      AuditRules rules,
      BodyBudget budget,
      boolean block,
      InstantSource clock,
      LongSupplier nanoTime,
      Asked asked) {
    this.figures = figures;
    this.queue = queue;
    this.rules = rules;
    this.budget = budget;
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

  /** False: it must not go on yet, since nobody knows whether it is to be recorded. */
  public boolean hasRules() {
    return rules.areKnown();
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
    choose();
  }

  /** How much is recorded, from now on whatever becomes of the rules. */
  private Choice choose() {
    var known = choice;
    if (known != null) {
      return known;
    }
    var chosen = rules.choose(who, info);
    if (chosen.level().covers(Level.REQUEST)) {
      if (isLong()) {
        leftOut = JsonBody.STREAM.leftOut();
      } else if (hasCredentials()) {
        leftOut = JsonBody.CREDENTIALS.leftOut();
      }
      chosen = leftOut.isEmpty() ? chosen : chosen.atMostMetadata();
    }
    choice = chosen;
    return chosen;
  }

  /** By its path, whatever is in it, and whatever a rule says. */
  private boolean hasCredentials() {
    return info instanceof RequestInfo.Resource resource
        && JsonBody.isSecretive(resource.combined());
  }

  /**
   * What it says to the API server, once it may go on.
   *
   * @param fields that come with it
   * @return the same, copied on its way if it is to be recorded
   */
  public InputStream request(InputStream body, Fields fields) {
    if (!wants(Level.REQUEST)) {
      return body;
    }
    var copy = new BodyCopy(fields, choose().omitsManagedFields(), budget);
    request = copy;
    return copy.copied(body);
  }

  /** The same of what the API server says. */
  public OutputStream answer(OutputStream to, Fields fields) {
    if (!wants(Level.REQUEST_RESPONSE)) {
      return to;
    }
    var copy = new BodyCopy(fields, choose().omitsManagedFields(), budget);
    response = copy;
    return copy.copied(to);
  }

  private boolean wants(Level level) {
    return queue != null && choose().level().covers(level);
  }

  /**
   * It is about to go on: if it is a session that is to be recorded, a recording begins.
   *
   * @param upgrade to what protocol it wants to change; empty: to none, and it is no session
   * @throws IOException if it must not go on, since it cannot be recorded
   */
  void openRecording(Recordings recordings, String upgrade) throws IOException {
    if (upgrade.isEmpty()) {
      return;
    }
    switch (info) {
      case RequestInfo.Unresolved _ ->
          throw new IOException("it is not certain whether it is a session");
      case RequestInfo.NonResource _ -> {}
      case RequestInfo.Resource resource -> {
        var level = isSession(resource) ? rules.chooseRecording(who, info) : Level.NONE;
        if (level.covers(Level.METADATA)) {
          var title =
              "%s: %s/%s %s"
                  .formatted(
                      who.title(), resource.namespace(), resource.name(), resource.subresource());
          boolean typed = level.covers(Level.REQUEST);
          recording = recordings.open(new Session(id, title, asked.command(), typed));
        }
      }
    }
  }

  private static boolean isSession(RequestInfo.Resource resource) {
    return SESSIONS.contains(resource.combined()) && resource.group().isEmpty();
  }

  /**
   * HTTP is left.
   *
   * @param answered of the API server's answer
   * @param broken told when it must not go on any more; any thread
   * @throws IOException if it must not go on, since it cannot be recorded
   */
  public void upgraded(Fields answered, Runnable broken) throws IOException {
    if (recording != null) {
      recording.begin(answered, broken);
    }
  }

  /** What the API server says once HTTP is left, recorded on its way. */
  public InputStream shown(InputStream from) {
    return recording == null ? from : recording.shown(from);
  }

  /** The same of what the client says. */
  public InputStream said(InputStream from) {
    return recording == null ? from : recording.said(from);
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
    if (recording != null) {
      recording.close(); // before the event says whether it is whole
    }
    if (status == 0) {
      status = FAULT; // what the front answers when a request fails by our fault
    }
    figures.count(AuditEvent.verb(asked, info), status, who);
    if (!isLong()) {
      figures.took(Duration.ofNanos(nanoTime.getAsLong() - startNanos));
    }
    record(Stage.RESPONSE_COMPLETE);
    close(request);
    close(response);
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
    var chosen = choose();
    if (!chosen.level().covers(Level.METADATA) || chosen.omitted().contains(stage.text())) {
      return;
    }
    boolean kept = reserved && events > 0;
    if (kept) {
      events--;
      queue.release(1, eventBytes);
    }
    var bodies = new Bodies(end(request), end(response), leftOut);
    if (bodies.areThere()) {
      if (queue.offer(line(chosen.level(), stage, bodies))) {
        return;
      }
      bodies = bodies.withoutRoom();
    }
    queue.put(line(chosen.level(), stage, bodies), kept);
  }

  private byte[] line(Level level, Stage stage, Bodies bodies) {
    return new AuditEvent(
            level,
            stage,
            id,
            asked,
            info,
            who,
            verdict,
            status,
            bodies,
            taped(),
            received,
            clock.instant())
        .line();
  }

  private Taped taped() {
    return recording == null || !recording.begun()
        ? Taped.NOT
        : new Taped(recording.name(), recording.cutShort().orElse(""));
  }

  private static JsonBody end(@Nullable BodyCopy copy) {
    return copy == null ? JsonBody.NOTHING : copy.end();
  }

  private static void close(@Nullable BodyCopy copy) {
    if (copy != null) {
      copy.close();
    }
  }
}
