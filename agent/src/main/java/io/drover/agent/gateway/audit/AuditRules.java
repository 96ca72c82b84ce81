package io.drover.agent.gateway.audit;

import io.drover.agent.gateway.policy.AuditPolicy;
import io.drover.agent.gateway.policy.AuditPolicy.Choice;
import io.drover.agent.gateway.policy.LastGood;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ConfigMapWatch;
import io.drover.agent.kube.ConfigMapWatch.Content;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How much of each request is recorded, by the policy that the cluster's owner has written. Without
 * one it is every head, and so it is until the first good one. Any thread; choosing neither waits
 * nor locks.
 */
public final class AuditRules implements AutoCloseable {
  /** In {@code cattle-system}. */
  public static final String CONFIG_MAP = "drover-gateway-audit";

  /** Of the ConfigMap. */
  static final String KEY = "policy.yaml";

  private static final Logger log = LoggerFactory.getLogger(AuditRules.class);

  private enum State {
    UNKNOWN,
    NONE,
    THERE
  }

  private final LastGood<AuditPolicy> policy =
      new LastGood<>(
          "audit policy", log, AuditPolicy.heads(), AuditPolicy::parse, AuditPolicy::summary);
  private volatile State state;
  private volatile List<String> problems = List.of();
  private @Nullable ConfigMapWatch watch; // null: nobody is asked

  private AuditRules(State state) {
    this.state = state;
  }

  /** Every head, and nothing else. */
  public static AuditRules none() {
    return new AuditRules(State.NONE);
  }

  /** Follows {@link #CONFIG_MAP} until it is closed. */
  public static AuditRules start(ApiReader api, String namespace, Sleeper sleeper) {
    var rules = unknown();
    rules.watch = ConfigMapWatch.start(api, namespace, CONFIG_MAP, rules::told, sleeper);
    return rules;
  }

  /** As long as nobody has answered. */
  public static AuditRules unknown() {
    return new AuditRules(State.UNKNOWN);
  }

  /** What is in the ConfigMap now; empty: there is none. One thread at a time. */
  public void told(Optional<Content> there) {
    if (there.isPresent()) {
      problems = policy.reload(there.get().data().getOrDefault(KEY, ""));
      state = State.THERE;
    } else {
      state = State.NONE;
      problems = List.of();
    }
  }

  /** Whether it is known what is to be recorded: until then nothing may go on. */
  boolean areKnown() {
    return state != State.UNKNOWN;
  }

  /** How much of a request. */
  Choice choose(Who who, RequestInfo request) {
    var chosenBy = state == State.THERE ? policy.value() : AuditPolicy.heads();
    return who.impersonated()
        .map(asked -> chosenBy.choose(asked.user(), asked.groups(), request))
        .orElseGet(() -> chosenBy.choose(who.user(), who.groups(), request));
  }

  /** What is wrong with what stands there, or why it cannot be read; empty: nothing. */
  Optional<Problem> problem() {
    var wrong = problems;
    return wrong.isEmpty()
        ? Optional.ofNullable(watch).flatMap(ConfigMapWatch::problem)
        : Optional.of(
            new Problem(
                Reason.CONFIGURATION_INVALID,
                "configmap " + CONFIG_MAP + ": " + String.join("; ", wrong)));
  }

  @Override
  public void close() {
    if (watch != null) {
      watch.close();
    }
  }
}
