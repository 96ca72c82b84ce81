package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.UnixOperatingSystemMXBean;
import io.drover.agent.config.Secret;
import io.drover.agent.gateway.audit.Asked;
import io.drover.agent.gateway.audit.Entry;
import io.drover.agent.gateway.audit.OwnName;
import io.drover.agent.gateway.audit.Reading;
import io.drover.agent.gateway.audit.Recorder;
import io.drover.agent.gateway.audit.Who;
import io.drover.agent.gateway.policy.InForce;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.reason.Problem;
import io.drover.steve.http.Answer;
import io.drover.steve.http.Fields;
import io.drover.steve.http.FrontLimits;
import io.drover.steve.http.HttpFront;
import io.drover.steve.http.Request;
import io.drover.steve.kube.ApiAccess;
import io.drover.steve.kube.Guard;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Answers in the API server's place, on streams of the cluster tunnel. No port is open for it. Any
 * thread.
 */
public final class Gateway implements AutoCloseable {
  /** A name that nobody has: {@code internal} is reserved for such. */
  static final String HOST = "drover-gateway.internal";

  /** What the server dials. */
  public static final String ADDRESS = HOST + ":443";

  /** Streams at one time, however many descriptors there are. */
  static final int CONNECTIONS = 2_048;

  /** What a stream takes: two ends of a pair, and a connection to the API server. */
  static final int DESCRIPTORS_EACH = 3;

  /** Descriptors that are left to all else, if that is not more than half; see LocalSockets. */
  static final int OTHER_DESCRIPTORS = 1_408;

  /** Beyond these, for one request each. */
  static final int SPARE = 64;

  /** What is left of a body that nobody wanted, if the connection is to go on; in bytes. */
  static final int LEFT_BYTES = 256 * 1024;

  static final int HEAD_BYTES = 64 * 1024;

  /** Longer than a server's transport keeps an idle connection (90 s), so that it closes first. */
  static final Duration IDLE = Duration.ofMinutes(2);

  /** For TLS, and for a request's head. */
  static final Duration HEAD = Duration.ofSeconds(20);

  /** Of a piece that one end does not take, or of a body that stops. */
  static final Duration STALL = Duration.ofMinutes(10);

  /** The API server ends a watch after an hour; somebody may follow a log for longer. */
  static final Duration EXCHANGE = Duration.ofDays(7);

  /** By which the API server knows a request in its own audit log. */
  private static final String AUDIT_ID = "Audit-ID";

  private static final String BEARER = "Bearer ";

  private static final Logger log = LoggerFactory.getLogger(Gateway.class);

  private final GatewayIdentity identity;
  private final PolicyGate policy;
  private final Recorder recorder;
  private final OwnName ownName = new OwnName();
  private final Upstream upstream;
  private final HttpFront front;
  private final SecretWrites writes;

  private Gateway(
      ApiAccess access,
      GatewayIdentity identity,
      PolicyGate policy,
      Recorder recorder,
      FrontLimits limits,
      SecretWrites writes) {
    this.identity = identity;
    this.policy = policy;
    this.recorder = recorder;
    this.writes = writes;
    this.upstream = new Upstream(access, System::nanoTime);
    this.front =
        HttpFront.start(
            "gateway", limits, near -> new TlsWire(identity.context(), near), this::handle);
  }

  /** Begins to answer. Costs nothing before somebody connects. */
  public static Gateway start(
      ApiAccess access, GatewayIdentity identity, PolicyGate policy, Recorder recorder) {
    long descriptors =
        ManagementFactory.getPlatformMXBean(UnixOperatingSystemMXBean.class)
            .getMaxFileDescriptorCount();
    return start(access, identity, policy, recorder, limits(connections(descriptors)));
  }

  static Gateway start(
      ApiAccess access,
      GatewayIdentity identity,
      PolicyGate policy,
      Recorder recorder,
      FrontLimits limits) {
    return start(
        access, identity, policy, recorder, limits, new SecretWrites(SecretWrites.TURN_LIMIT));
  }

  static Gateway start(
      ApiAccess access,
      GatewayIdentity identity,
      PolicyGate policy,
      Recorder recorder,
      FrontLimits limits,
      SecretWrites writes) {
    return new Gateway(access, identity, policy, recorder, limits, writes);
  }

  private static FrontLimits limits(int connections) {
    return new FrontLimits(connections, SPARE, HEAD_BYTES, LEFT_BYTES, IDLE, HEAD, STALL, EXCHANGE);
  }

  /** So many at one time, in a process that may open so many descriptors. */
  static int connections(long descriptors) {
    long free = descriptors - Math.min(OTHER_DESCRIPTORS, descriptors / 2);
    return Math.clamp(free / DESCRIPTORS_EACH - SPARE, SPARE, CONNECTIONS);
  }

  /** Who it is. */
  public GatewayIdentity identity() {
    return identity;
  }

  /**
   * The local end of a stream whose target is {@link #ADDRESS}.
   *
   * @throws IOException if there are too many
   */
  public SocketChannel connect(HttpFront.Opening opening) throws IOException {
    return front.connect(opening);
  }

  private void handle(Request request, Answer answer) throws IOException {
    var entry = recorder.begin(Asked.of(request));
    try {
      handle(request, answer, entry);
    } catch (RefusedException e) {
      if (answer.begun()) {
        throw e;
      }
      entry.refused(e.code(), e.reason(), String.valueOf(e.getMessage()), e.decision());
      refuse(answer, e);
    } finally {
      entry.end();
    }
  }

  private void handle(Request request, Answer answer, Entry entry) throws IOException {
    if (!entry.hasRoom()) {
      throw RefusedException.unavailable("the gateway cannot record requests now");
    }
    if (!entry.hasRules()) {
      throw RefusedException.unavailable("the gateway does not know yet what it is to record");
    }
    var head = RequestHead.of(request);
    var caller = identity.caller(request.fields()).orElseThrow(RefusedException::unauthorized);
    var fields = recorded(fields(head, caller), entry);
    switch (caller) {
      case Caller.Server() -> {
        var own = ownName.of(bearer(fields));
        entry.by(Who.server(own, Requester.server())); // as long as it is not clear in whose name
        entry.by(Who.server(own, PolicyGate.requester(head.fields(), caller)));
      }
      case Caller.Account(_, var user) -> {
        entry.by(Who.account(user));
        if (head.impersonates()) {
          entry.by(Who.account(user, PolicyGate.requester(head.fields(), caller)));
        }
      }
    }
    entry.allowed(policy.require(head, caller));
    openRecording(entry, head);
    var withTokens = TokenPath.of(head.method(), head.target());
    if (withTokens.isEmpty()) {
      var body = entry.request(request.stream(), head.fields());
      new Exchange(upstream, request, head, fields, answer, entry, body, null).run();
      return;
    }
    // What there may be tokens in: they do not leave.
    var standIns = identity.standIns();
    try (var body = writes.body(request, JsonOnly.of(head), withTokens.get(), standIns)) {
      var sent = recorded(fields(body.head(), caller), entry);
      new Exchange(upstream, request, body.head(), sent, answer, entry, body.stream(), standIns)
          .run();
    }
  }

  private void openRecording(Entry entry, RequestHead head) throws RefusedException {
    try {
      recorder.openRecording(entry, head.upgrade());
    } catch (IOException e) {
      throw Exchange.notRecorded(e);
    }
  }

  /** The API server's own log has the same number. */
  private static Fields recorded(Fields fields, Entry entry) {
    if (!entry.id().isEmpty()) {
      fields.add(AUDIT_ID, entry.id());
    }
    return fields;
  }

  /** What the API server is shown; empty if that is no token. */
  private static Secret bearer(Fields fields) {
    var shown = fields.first("Authorization");
    return new Secret(shown.startsWith(BEARER) ? shown.substring(BEARER.length()) : "");
  }

  /** With the credentials that the API server is to see. */
  private Fields fields(RequestHead head, Caller caller) throws RefusedException {
    var fields = new Fields();
    switch (caller) {
      case Caller.Server() -> addOwn(fields);
      case Caller.Account(var token, _) -> {
        upstream.addHost(fields);
        fields.add("Authorization", "Bearer " + token.value());
      }
    }
    head.fields().all().stream()
        .filter(field -> !field.name().equalsIgnoreCase(AUDIT_ID)) // it is for us to give
        .forEach(field -> fields.add(field.name(), field.value()));
    fields.add("Via", "1.1 drover-gateway");
    if (head.awaitsContinue()) {
      fields.add("Expect", "100-continue");
    }
    if (!head.upgrade().isEmpty()) {
      fields.add("Connection", "Upgrade");
      fields.add("Upgrade", head.upgrade());
    }
    return fields;
  }

  private void addOwn(Fields fields) throws RefusedException {
    try {
      upstream.addOwn(fields);
    } catch (IOException e) {
      log.warn("no credentials for the API server: reason={}", e.getMessage());
      throw RefusedException.unavailable("the agent has no credentials for the API server");
    }
  }

  private static void refuse(Answer answer, RefusedException refusal) throws IOException {
    log.debug("request refused: code={} reason={}", refusal.code(), refusal.getMessage());
    answer.endConnection(); // a body may follow, or what else was not understood
    answer.send(
        refusal.code(),
        new Fields().add("Content-Type", "application/json"),
        refusal.status().getBytes(UTF_8));
  }

  /** The same policy, and stand-ins, for what does not come this way. */
  public Guard guard() {
    return new ExplorerGuard(policy, identity::standIns);
  }

  /** Why it does not work as its owner wants it; empty: it does. */
  public Optional<Problem> problem() {
    return Stream.of(policy.problem(), recorder.problem())
        .flatMap(Optional::stream)
        .reduce((one, other) -> one.and(other));
  }

  /** What came through. Does not block. */
  public Reading reading() {
    return recorder.reading();
  }

  /** The policy in force, for people. */
  public String policySummary() {
    return policy.summary();
  }

  /** The same for whoever asks the agent. */
  public InForce policyInForce() {
    return policy.inForce();
  }

  /** Ends every request. */
  @Override
  public void close() {
    front.close();
    policy.close();
    upstream.close();
    recorder.close(); // last, so that it has what these have ended
  }
}
