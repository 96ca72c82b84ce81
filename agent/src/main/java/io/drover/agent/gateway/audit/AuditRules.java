package io.drover.agent.gateway.audit;

import io.drover.agent.gateway.policy.AuditPolicy;
import io.drover.agent.gateway.policy.AuditPolicy.Choice;
import io.drover.agent.gateway.policy.AuditPolicy.Level;
import io.drover.agent.gateway.policy.LastGood;
import io.drover.agent.gateway.policy.RequestInfo;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ConfigMapWatch;
import io.drover.agent.kube.ConfigMapWatch.Content;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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

  /** Of the ConfigMap: which sessions are recorded. */
  static final String RECORDINGS_KEY = "recordings.yaml";

  private static final Logger log = LoggerFactory.getLogger(AuditRules.class);

  private enum State {
    UNKNOWN,
    NONE,
    THERE
  }

  private final LastGood<AuditPolicy> policy =
      new LastGood<>(
          "audit policy", log, AuditPolicy.heads(), AuditPolicy::parse, AuditPolicy::summary);
  private final LastGood<AuditPolicy> recordings =
      new LastGood<>(
          "policy of recordings",
          log,
          AuditPolicy.heads(),
          AuditPolicy::parse,
          AuditPolicy::summary);
  private volatile boolean choosesRecordings;
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
      is(there.get().data());
    } else {
      choosesRecordings = false;
      state = State.NONE;
      problems = List.of();
    }
  }

  private void is(Map<String, String> data) {
    var found = new ArrayList<String>();
    String text = data.get(RECORDINGS_KEY);
    if (text != null) {
      recordings.reload(text).forEach(wrong -> found.add(RECORDINGS_KEY + ": " + wrong));
    }
    choosesRecordings = text != null;
    // Whoever only chooses sessions records requests as if there were nothing.
    boolean isThere = data.containsKey(KEY) || text == null;
    if (isThere) {
      found.addAll(policy.reload(data.getOrDefault(KEY, "")));
    }
    problems = List.copyOf(found);
    state = isThere ? State.THERE : State.NONE;
  }

  /** Whether it is known what is to be recorded: until then nothing may go on. */
  boolean areKnown() {
    return state != State.UNKNOWN;
  }

  /** How much of a request. */
  Choice choose(Who who, RequestInfo request) {
    return choose(state == State.THERE ? policy.value() : AuditPolicy.heads(), who, request);
  }

  /** Whether a session is recorded, and with Request what is typed in it, too. */
  Level chooseRecording(Who who, RequestInfo request) {
    var chosenBy = choosesRecordings ? recordings.value() : AuditPolicy.heads();
    return choose(chosenBy, who, request).level();
  }

  private static Choice choose(AuditPolicy chosenBy, Who who, RequestInfo request) {
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
