package io.drover.agent.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.drover.agent.gateway.policy.BreakGlass;
import io.drover.agent.gateway.policy.Decision;
import io.drover.agent.gateway.policy.InForce;
import io.drover.agent.gateway.policy.InForce.State;
import io.drover.agent.gateway.policy.Policy;
import io.drover.agent.gateway.policy.PolicyHolder;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.gateway.policy.Requester;
import io.drover.agent.gateway.policy.Standing;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ConfigMapWatch;
import io.drover.agent.kube.ConfigMapWatch.Content;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.steve.http.Fields;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a request may go on, by the policy that the cluster's owner has written. Until it is
 * known whether there is one nothing goes on, and until the first good one nothing that a policy
 * could deny. Any thread; deciding neither waits nor locks.
 */
public final class PolicyGate implements AutoCloseable {
  /** In {@code cattle-system}. */
  public static final String CONFIG_MAP = "drover-gateway-policy";

  /** The feature's name in the chart's rights, and where it is said that it does not work. */
  public static final String FEATURE = "gateway";

  /** Of the ConfigMap. */
  public static final String KEY = "policy.yaml";

  /** In the content types of server-side apply, of YAML and of CBOR. */
  private static final String APPLY = "apply-patch";

  private static final Logger log = LoggerFactory.getLogger(PolicyGate.class);

  private final PolicyHolder holder;
  private volatile State state = State.UNKNOWN;
  private volatile List<String> problems = List.of();

  // Guarded by this: of the ConfigMap as it was told last, and as it was when it was a policy.
  private String revision = "";
  private String goodRevision = "";

  private @Nullable ConfigMapWatch watch;

  /** Nothing is known yet. */
  PolicyGate(InstantSource clock) {
    this.holder = new PolicyHolder(Policy.closed(), clock);
  }

  /** Follows {@link #CONFIG_MAP} until it is closed. */
  public static PolicyGate start(
      ApiReader api, String namespace, InstantSource clock, Sleeper sleeper) {
    var gate = new PolicyGate(clock);
    gate.watch = ConfigMapWatch.start(api, namespace, CONFIG_MAP, gate::told, sleeper);
    return gate;
  }

  private void told(Optional<Content> there) {
    if (there.isPresent()) {
      var content = there.get();
      is(
          content.data().getOrDefault(KEY, ""),
          content.annotations().getOrDefault(BreakGlass.ANNOTATION, ""),
          content.revision());
    } else {
      none();
    }
  }

  /** There is no policy: all goes on. */
  synchronized void none() {
    if (state != State.NONE) {
      log.info("no policy, everything is passed on: configMap={}", CONFIG_MAP);
    }
    state = State.NONE;
    problems = List.of();
    revision = "";
  }

  /**
   * There is one, and this stands in it.
   *
   * @param text empty: nothing, which is no policy
   * @param breakGlass of the annotation; empty: there is none
   * @param newRevision of the object
   */
  synchronized void is(String text, String breakGlass, String newRevision) {
    var found = new ArrayList<>(holder.reload(text));
    revision = newRevision;
    if (found.isEmpty()) {
      goodRevision = newRevision;
    }
    found.addAll(holder.breakGlass(breakGlass));
    problems = List.copyOf(found);
    state = State.THERE;
  }

  /** What is in force, and how that came about. Any thread. */
  public synchronized InForce inForce() {
    var wrong = problems;
    return new InForce(
        state,
        revision,
        goodRevision,
        state == State.THERE ? holder.text() : "",
        holder.breakGlass(),
        wrong.isEmpty()
            ? problem().map(problem -> List.of(problem.text())).orElse(List.of())
            : wrong);
  }

  /** What is wrong with what stands there, or why it cannot be read; empty: nothing. */
  public Optional<Problem> problem() {
    var wrong = problems;
    return wrong.isEmpty()
        ? Optional.ofNullable(watch).flatMap(ConfigMapWatch::problem)
        : Optional.of(
            new Problem(
                Reason.CONFIGURATION_INVALID,
                "configmap " + CONFIG_MAP + ": " + String.join("; ", wrong)));
  }

  /**
   * Refuses what may not go on, be it by a policy or because it would take us away.
   *
   * @return by what it may; empty: there is no policy
   * @throws RefusedException if it may not, or it cannot be said
   */
  Optional<Decision> require(RequestHead head, Caller caller) throws RefusedException {
    var requester = requester(head.fields(), caller);
    OwnSecret.requireKept(head.method(), head.target());
    return switch (state) {
      case UNKNOWN ->
          throw RefusedException.unavailable("the gateway does not know its policy yet");
      case NONE -> Optional.empty();
      case THERE -> {
        var asked = RequestInfo.of(head.method(), head.target());
        if (asked instanceof RequestInfo.Resource patched && applies(head)) {
          for (var made : patched.madeByApply()) {
            allowed(requester, made);
          }
        }
        var decision = allowed(requester, asked);
        if (decision.outcome() == Decision.Outcome.BREAK_GLASS) {
          log.debug("break-glass: {}", decision.message());
        }
        yield Optional.of(decision);
      }
    };
  }

  private Decision allowed(Requester requester, RequestInfo asked) throws RefusedException {
    var decision = holder.decide(requester, asked);
    if (!decision.allowed()) {
      throw new RefusedException(decision);
    }
    return decision;
  }

  /** Whether it is a server-side apply, however the API server would read its type. */
  private static boolean applies(RequestHead head) {
    return head.fields().every("Content-Type").stream()
        .anyMatch(type -> type.toLowerCase(Locale.ROOT).contains(APPLY));
  }

  /** What is in force, for people. */
  String summary() {
    return switch (state) {
      case UNKNOWN -> "not known yet";
      case NONE -> "none";
      case THERE -> holder.summary();
    };
  }

  /**
   * What is in force now; empty: everything goes on.
   *
   * @throws RefusedException if that is not known yet
   */
  Optional<Standing> standing() throws RefusedException {
    return switch (state) {
      case UNKNOWN -> throw RefusedException.unavailable("it is not known yet what its policy is");
      case NONE -> Optional.empty();
      case THERE -> Optional.of(holder.standing());
    };
  }

  /** In whose name it is asked, as the API server will see it. */
  static Requester requester(Fields fields, Caller caller) throws RefusedException {
    var named = requester(fields.every("Impersonate-User"), fields.every("Impersonate-Group"));
    return switch (caller) {
      case Caller.Account(_, var user) when named.isServer() -> Requester.user(user, List.of());
      case Caller.Account _, Caller.Server _ -> named;
    };
  }

  /**
   * The same, of the values of the fields that say so: a byte is a character.
   *
   * @return the server itself, if they name nobody
   * @throws RefusedException if they are not what the API server would understand
   */
  static Requester requester(List<String> users, List<String> named) throws RefusedException {
    var groups = new ArrayList<String>();
    for (String group : named) {
      groups.add(name(group));
    }
    if (users.size() > 1) {
      throw RefusedException.badRequest("it is asked in the name of two users");
    }
    if (users.isEmpty()) {
      if (!groups.isEmpty()) {
        throw RefusedException.badRequest("it is asked in the name of groups without a user");
      }
      return Requester.server();
    }
    return Requester.user(name(users.getFirst()), groups);
  }

  /** As the API server reads it: UTF-8, without spaces around it. */
  private static String name(String value) throws RefusedException {
    try {
      var bytes = ByteBuffer.wrap(value.getBytes(ISO_8859_1));
      String name = UTF_8.newDecoder().decode(bytes).toString(); // reports what is malformed
      if (name.isEmpty() || !name.strip().equals(name)) {
        throw RefusedException.badRequest("the name in which it is asked is empty, or has spaces");
      }
      return name;
    } catch (CharacterCodingException _) {
      throw RefusedException.badRequest("the name in which it is asked is not UTF-8");
    }
  }

  @Override
  public void close() {
    if (watch != null) {
      watch.close();
    }
  }
}
