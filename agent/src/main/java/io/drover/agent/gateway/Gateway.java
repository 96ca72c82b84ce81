package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.UnixOperatingSystemMXBean;
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
import java.net.HttpURLConnection;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.Optional;
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

  private static final Logger log = LoggerFactory.getLogger(Gateway.class);

  private final GatewayIdentity identity;
  private final PolicyGate policy;
  private final Upstream upstream;
  private final HttpFront front;

  private Gateway(
      ApiAccess access, GatewayIdentity identity, PolicyGate policy, FrontLimits limits) {
    this.identity = identity;
    this.policy = policy;
    this.upstream = new Upstream(access, System::nanoTime);
    this.front =
        HttpFront.start(
            "gateway", limits, near -> new TlsWire(identity.context(), near), this::handle);
  }

  /** Begins to answer. Costs nothing before somebody connects. */
  public static Gateway start(ApiAccess access, GatewayIdentity identity, PolicyGate policy) {
    long descriptors =
        ManagementFactory.getPlatformMXBean(UnixOperatingSystemMXBean.class)
            .getMaxFileDescriptorCount();
    return start(access, identity, policy, limits(connections(descriptors)));
  }

  static Gateway start(
      ApiAccess access, GatewayIdentity identity, PolicyGate policy, FrontLimits limits) {
    return new Gateway(access, identity, policy, limits);
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
    try {
      var head = RequestHead.of(request);
      var caller = identity.caller(request.fields()).orElseThrow(RefusedException::unauthorized);
      var fields = fields(head, caller);
      policy.require(head, caller);
      new Exchange(upstream, request, head, fields, answer).run();
    } catch (RefusedException e) {
      if (answer.begun()) {
        throw e;
      }
      refuse(answer, e);
    }
  }

  /** With the credentials that the API server is to see. */
  private Fields fields(RequestHead head, Caller caller) throws RefusedException {
    var fields = new Fields();
    switch (caller) {
      case Caller.Server() -> addOwn(fields);
      case Caller.Account(var token, _) -> {
        if (head.impersonates()) {
          throw new RefusedException(
              HttpURLConnection.HTTP_FORBIDDEN,
              "Forbidden",
              "only the server itself may ask in another's name");
        }
        // A stand-in for this token would be taken back here, if there were one.
        upstream.addHost(fields);
        fields.add("Authorization", "Bearer " + token.value());
      }
    }
    head.fields().all().forEach(field -> fields.add(field.name(), field.value()));
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

  /** The same policy for what does not come this way. */
  public Guard guard() {
    return new ExplorerGuard(policy);
  }

  /** Why it does not work as its owner wants it; empty: it does. */
  public Optional<Problem> problem() {
    return policy.problem();
  }

  /** Ends every request. */
  @Override
  public void close() {
    front.close();
    policy.close();
    upstream.close();
  }
}
