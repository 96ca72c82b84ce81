package io.drover.agent.cleanup;

import io.drover.agent.cleanup.Step.DeleteFound;
import io.drover.agent.cleanup.Step.DeleteNamed;
import io.drover.agent.cleanup.Step.DeleteNamespaces;
import io.drover.agent.cleanup.Step.DeleteTogether;
import io.drover.agent.cleanup.Step.TidyNamespaces;
import io.drover.agent.config.CleanupConfig;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiObjects;
import io.drover.agent.kube.ApiObjects.Change;
import io.drover.agent.kube.ApiObjects.Dependents;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ObjectMetadata;
import io.drover.agent.kube.Removal;
import io.drover.agent.kube.Resource;
import io.drover.agent.retry.Sleeper;
import io.drover.proto.report.Cause;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of the clean-up. What fails does not keep the rest from being done; whoever started the
 * run learns of it at the end, and can start another one. For one thread.
 */
public final class Cleanup {
  /** What the server gets to end its connections. The stock agent's. */
  static final Duration SERVER_TIME = Duration.ofSeconds(60);

  /** Of one request, if the object was changed meanwhile or the API server is away. As stock. */
  static final int MAX_TRIES = 4;

  /** Between the first two of them; then doubling. As stock. */
  static final Duration FIRST_WAIT = Duration.ofMillis(100);

  /** After that no further object is begun with. Measured: 15 ms an object. */
  static final Duration LIMIT = Duration.ofMinutes(30);

  private static final Logger log = LoggerFactory.getLogger(Cleanup.class);

  /** What a right that is missing comes to. */
  private enum Refusal {
    IS_FAILURE,
    IS_SKIPPED
  }

  private final ApiObjects objects;
  private final CleanupConfig config;
  private final Sleeper sleeper;
  private final InstantSource clock;

  private Instant end = Instant.MAX;
  private boolean outOfTime;
  private volatile boolean atItsLastSteps;
  private int deleted;
  private int changed;
  private int skipped;
  private int failed;

  public Cleanup(ApiReader api, CleanupConfig config) {
    this(api, config, Sleeper.REAL, InstantSource.system());
  }

  Cleanup(ApiReader api, CleanupConfig config, Sleeper sleeper, InstantSource clock) {
    this.objects = new ApiObjects(api);
    this.config = config;
    this.sleeper = sleeper;
    this.clock = clock;
  }

  /** Does it all, once, and says whether nothing is left for another run. */
  public boolean run() throws InterruptedException {
    log.info("clean-up starts: dryRun={} sleepFirst={}", config.dryRun(), config.sleepFirst());
    if (config.sleepFirst()) {
      sleeper.sleep(SERVER_TIME);
    }
    end = clock.instant().plus(LIMIT);
    switch (patiently(() -> objects.exists(Plan.SERVICES, Plan.AGENT_NAMESPACE, "rancher"))) {
      case Answer.Found<Boolean>(var installed) when installed ->
          log.info("Rancher is installed, nothing is cleaned up: service=cattle-system/rancher");
      case Answer.Found<Boolean> _ -> {
        carryOut(Plan.REQUIRED, Refusal.IS_FAILURE);
        carryOut(Plan.WHERE_ALLOWED, Refusal.IS_SKIPPED);
      }
      case Answer.Missing<Boolean>(_, var detail) ->
          failed("nothing is cleaned up, since Rancher may be installed here: " + detail);
    }
    if (failed == 0) { // otherwise the Job is still needed
      atItsLastSteps = true;
      carryOut(Plan.OWN_JOB, Refusal.IS_SKIPPED);
    }
    if (failed > 0) {
      log.error("clean-up is not complete, run it again: {}", totals());
    } else {
      log.info("clean-up is complete: {}", totals());
    }
    return failed == 0;
  }

  /** Whether it deletes its own Job, and so its process is about to be ended. Any thread. */
  public boolean isAtItsLastSteps() {
    return atItsLastSteps;
  }

  private String totals() {
    return "deleted=%d changed=%d skipped=%d failed=%d dryRun=%s"
        .formatted(deleted, changed, skipped, failed, config.dryRun());
  }

  private void carryOut(List<Step> steps, Refusal refusal) throws InterruptedException {
    for (Step step : steps) {
      switch (step) {
        case DeleteNamespaces(var which) -> deleteNamespaces(which, refusal);
        case TidyNamespaces(var which, var removal) -> tidyNamespaces(which, removal, refusal);
        case DeleteNamed(var resource, var names) -> deleteNamed(resource, names, refusal);
        case DeleteFound found -> deleteFound(List.of(found), refusal);
        case DeleteTogether(var parts) -> deleteFound(parts, refusal);
      }
    }
  }

  private void deleteNamespaces(Predicate<ObjectMetadata> which, Refusal refusal)
      throws InterruptedException {
    var allFinalizers = new Removal(_ -> true, _ -> false, _ -> false);
    for (ObjectMetadata namespace : list(Plan.NAMESPACES, "", "", which, refusal)) {
      if (hasTime()) {
        takeOff(namespace, allFinalizers, refusal);
        delete(Plan.NAMESPACES, namespace, Dependents.AFTER, refusal);
      }
    }
  }

  private void tidyNamespaces(Predicate<ObjectMetadata> which, Removal removal, Refusal refusal)
      throws InterruptedException {
    var untidy = which.and(removal::concerns);
    for (ObjectMetadata namespace : list(Plan.NAMESPACES, "", "", untidy, refusal)) {
      if (hasTime()) {
        takeOff(namespace, removal, refusal);
      }
    }
  }

  private void takeOff(ObjectMetadata namespace, Removal removal, Refusal refusal)
      throws InterruptedException {
    if (!removal.concerns(namespace)) {
      return;
    }
    if (config.dryRun()) {
      changed++;
      log.info("would change: kind=Namespace name={}", namespace.name());
      return;
    }
    switch (patiently(() -> objects.takeOff(Plan.NAMESPACES, namespace, removal))) {
      case Answer.Found<Change>(var change) -> {
        switch (change) {
          case MADE -> {
            changed++;
            log.info("changed: kind=Namespace name={}", namespace.name());
          }
          case NOT_NEEDED, GONE -> {} // somebody else was faster
          case CONFLICT -> failed("Namespace " + namespace.name() + " changes all the time");
        }
      }
      case Answer.Missing<Change> missing -> missed(missing, refusal);
    }
  }

  private void deleteNamed(Resource resource, List<String> names, Refusal refusal)
      throws InterruptedException {
    for (String name : names) {
      if (!hasTime()) {
        return;
      }
      if (config.dryRun()) {
        lookFor(resource, name, refusal);
      } else {
        settle(resource, name, patiently(() -> objects.delete(resource, name)), refusal);
      }
    }
  }

  /** The Job may delete the webhooks, but not look at them. */
  private void lookFor(Resource resource, String name, Refusal refusal)
      throws InterruptedException {
    switch (patiently(() -> objects.exists(resource, "", name))) {
      case Answer.Found<Boolean>(var exists) when exists -> wouldDelete(resource, name);
      case Answer.Found<Boolean> _ -> {}
      case Answer.Missing<Boolean>(var cause, var detail) when cause == Cause.FORBIDDEN -> {
        skipped++;
        log.info(
            "would delete, if it exists: kind={} name={} reason={}", resource.kind(), name, detail);
      }
      case Answer.Missing<Boolean> missing -> missed(missing, refusal);
    }
  }

  private void deleteFound(List<DeleteFound> parts, Refusal refusal) throws InterruptedException {
    var found = new ArrayList<List<ObjectMetadata>>();
    for (DeleteFound part : parts) {
      found.add(
          list(
              part.resource(),
              part.namespace(),
              part.labelSelector(),
              object -> part.names().test(object.name()),
              refusal));
    }
    for (int i = 0; i < parts.size(); i++) {
      for (ObjectMetadata object : found.get(i)) {
        if (!hasTime()) {
          return;
        }
        delete(parts.get(i).resource(), object, parts.get(i).dependents(), refusal);
      }
    }
  }

  /** Empty if it fails, which is noted. */
  private List<ObjectMetadata> list(
      Resource resource,
      String namespace,
      String labelSelector,
      Predicate<ObjectMetadata> which,
      Refusal refusal)
      throws InterruptedException {
    if (!hasTime()) {
      return List.of();
    }
    Answer<List<ObjectMetadata>> answer =
        patiently(
            () -> {
              var found = new ArrayList<ObjectMetadata>(); // anew for each attempt
              return objects
                  .list(
                      resource,
                      namespace,
                      labelSelector,
                      object -> {
                        if (which.test(object)) {
                          found.add(object);
                        }
                      })
                  .map(_ -> found);
            });
    return switch (answer) {
      case Answer.Found<List<ObjectMetadata>>(var found) -> found;
      case Answer.Missing<List<ObjectMetadata>> missing -> {
        missed(missing, refusal);
        yield List.of();
      }
    };
  }

  private void delete(
      Resource resource, ObjectMetadata object, Dependents dependents, Refusal refusal)
      throws InterruptedException {
    String name =
        object.namespace().isEmpty() ? object.name() : object.namespace() + "/" + object.name();
    if (object.ending()) {
      log.info(
          "is being deleted already: kind={} name={} finalizers={}",
          resource.kind(),
          name,
          object.finalizers());
    } else if (config.dryRun()) {
      wouldDelete(resource, name);
    } else {
      settle(
          resource, name, patiently(() -> objects.delete(resource, object, dependents)), refusal);
    }
  }

  private void wouldDelete(Resource resource, String name) {
    deleted++;
    log.info("would delete: kind={} name={}", resource.kind(), name);
  }

  private void settle(Resource resource, String name, Answer<Change> answer, Refusal refusal) {
    switch (answer) {
      case Answer.Found<Change>(var change) -> {
        switch (change) {
          case MADE -> {
            deleted++;
            log.info("deleted: kind={} name={}", resource.kind(), name);
          }
          case NOT_NEEDED, GONE -> {}
          case CONFLICT ->
              failed(resource.kind() + " " + name + " was replaced while it was to be deleted");
        }
      }
      case Answer.Missing<Change> missing -> missed(missing, refusal);
    }
  }

  private void missed(Answer.Missing<?> missing, Refusal refusal) {
    if (missing.cause() == Cause.FORBIDDEN && refusal == Refusal.IS_SKIPPED) {
      skipped++;
      log.info("skipped, since a right is missing: reason={}", missing.detail());
    } else if (missing.cause() != Cause.NOT_SERVED) { // of an API that is not there nothing is left
      failed(missing.detail());
    }
  }

  private void failed(String reason) {
    failed++;
    log.warn("failed: reason={}", reason);
  }

  private boolean hasTime() {
    if (outOfTime) {
      return false;
    }
    outOfTime = clock.instant().isAfter(end);
    if (outOfTime) {
      failed("not done within " + LIMIT.toMinutes() + " min");
    }
    return !outOfTime;
  }

  private interface Question<T> {
    Answer<T> ask() throws InterruptedException;
  }

  /** Asks again where that may help. */
  private <T> Answer<T> patiently(Question<T> question) throws InterruptedException {
    Duration wait = FIRST_WAIT;
    for (int tries = 1; ; tries++) {
      Answer<T> answer = question.ask();
      if (tries == MAX_TRIES || !mayPass(answer)) {
        return answer;
      }
      sleeper.sleep(wait);
      wait = wait.multipliedBy(2);
    }
  }

  private static boolean mayPass(Answer<?> answer) {
    return switch (answer) {
      case Answer.Found<?>(var value) -> value == Change.CONFLICT;
      case Answer.Missing<?>(var cause, _) -> cause == Cause.UNAVAILABLE || cause == Cause.TIMEOUT;
    };
  }
}
