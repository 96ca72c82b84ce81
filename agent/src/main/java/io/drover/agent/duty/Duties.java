package io.drover.agent.duty;

import io.drover.agent.config.DutyConfig;
import io.drover.agent.kube.ClusterWriter;
import io.drover.agent.kube.Fabric8ClusterApi;
import io.drover.agent.log.ChangeLog;
import io.drover.agent.reason.Problem;
import io.drover.agent.reason.Reason;
import io.drover.agent.retry.Sleeper;
import io.drover.agent.view.ClusterView;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** All duties, in one thread. */
public final class Duties implements AutoCloseable {
  /** Between passes. Source: Rancher {@code podresources}, v2.15.0. */
  static final Duration EVERY = Duration.ofSeconds(15);

  /** A request that does not end when it is interrupted is not waited for. */
  static final Duration CLOSE_LIMIT = Duration.ofSeconds(2);

  /** Where the agent and what is its own is. */
  static final String NAMESPACE = Fabric8ClusterApi.NAMESPACE;

  private static final Logger log = LoggerFactory.getLogger(Duties.class);

  /** What would be done several times if every replica did it. */
  private static final Set<DutyConfig.Duty> LEADER_ONLY =
      Set.of(
          DutyConfig.Duty.NODE_ANNOTATIONS,
          DutyConfig.Duty.NAMESPACE_LABELS,
          DutyConfig.Duty.SCALE_AVAILABLE);

  /** One duty, and how it went the last time. */
  private static final class Task {
    private final DutyConfig.Duty name;
    private final boolean leaderOnly;
    private final Duty duty;
    private final ChangeLog changes;
    private volatile @Nullable Problem problem; // null: the last pass went well

    Task(DutyConfig.Duty name, boolean leaderOnly, Duty duty, Clock clock) {
      this.name = name;
      this.leaderOnly = leaderOnly;
      this.duty = duty;
      this.changes = ChangeLog.ofLoop(log, () -> TimeUnit.MILLISECONDS.toNanos(clock.millis()));
    }
  }

  private final List<Task> tasks;
  private final BooleanSupplier leads;
  private final Sleeper sleeper;
  private final Thread thread;

  private Duties(List<Task> tasks, BooleanSupplier leads, Sleeper sleeper) {
    this.tasks = tasks;
    this.leads = leads;
    this.sleeper = sleeper;
    this.thread = Thread.ofVirtual().name("duties").unstarted(this::run);
  }

  /**
   * Starts them.
   *
   * @param view for labels and scaling
   * @param nodeAnnotations by the name of the node, annotations that are not as they should be,
   *     with the values that they should have; must not block
   * @param tunnels by their names, what keeps them down; empty: they are connected
   * @param degraded by their names, other features that do not work, and why; must not block
   * @param leads whether this is the replica that changes what all of them see; Secrets that nobody
   *     uses are deleted by any, and each tells of its own tunnels
   */
  public static Duties start(
      DutyConfig config,
      ClusterView view,
      Supplier<? extends Map<String, Map<String, String>>> nodeAnnotations,
      Supplier<? extends Map<String, Optional<Problem>>> tunnels,
      Supplier<? extends SortedMap<String, Problem>> degraded,
      BooleanSupplier leads,
      ClusterWriter writer,
      Clock clock,
      Sleeper sleeper) {
    var tasks = new ArrayList<Task>();
    Supplier<SortedMap<String, Problem>> all =
        () -> {
          var found = problems(tasks);
          found.putAll(degraded.get());
          return found;
        };
    config.duties().stream()
        .sorted()
        .forEach(
            name -> {
              var duty =
                  switch (name) {
                    case NODE_ANNOTATIONS -> new NodeAnnotations(nodeAnnotations, writer);
                    case NAMESPACE_LABELS -> new NamespaceLabels(view, writer);
                    case SCALE_AVAILABLE -> new ScaleAvailable(view, writer);
                    case UNUSED_CREDENTIALS ->
                        new UnusedCredentials(config.credentialName(), writer, clock);
                    case UNUSED_PULL_SECRETS ->
                        new UnusedPullSecrets(pullSecrets(config), writer, clock);
                    case TUNNEL_EVENTS ->
                        new TunnelEvents(config.pod(), tunnels, all, writer, clock);
                  };
              tasks.add(new Task(name, LEADER_ONLY.contains(name), duty, clock));
            });
    var duties = new Duties(tasks, leads, sleeper);
    if (!tasks.isEmpty()) {
      duties.thread.start();
    }
    return duties;
  }

  /** Whoever does not know the Secret in use knows little of what is used. */
  private static Set<String> pullSecrets(DutyConfig config) {
    return config.credentialName().isEmpty() ? Set.of() : config.pullSecrets();
  }

  /** Those that failed the last time, and why. Any thread; never blocks. */
  public SortedMap<String, Problem> problems() {
    return problems(tasks);
  }

  private static SortedMap<String, Problem> problems(List<Task> tasks) {
    var problems = new TreeMap<String, Problem>();
    for (Task task : tasks) {
      var problem = task.problem;
      if (problem != null) {
        problems.put(task.name.text(), problem);
      }
    }
    return problems;
  }

  private void run() {
    try {
      while (true) {
        for (Task task : tasks) {
          if (!task.leaderOnly || leads.getAsBoolean()) {
            pass(task);
          }
        }
        sleeper.sleep(EVERY);
      }
    } catch (InterruptedException _) {
      // Closed.
    }
  }

  private static void pass(Task task) throws InterruptedException {
    try {
      if (!task.duty.pass()) {
        return;
      }
      task.changes.works("duty works again: duty=" + task.name.text());
      task.problem = null;
    } catch (IOException e) {
      failed(task, Problem.of(e));
    } catch (RuntimeException e) {
      var bug = new Problem(Reason.OTHER, "a bug: " + e);
      if (!bug.equals(task.problem)) {
        log.error("duty fails, which is a bug: duty={}", task.name.text(), e);
      }
      failed(task, bug);
    }
  }

  private static void failed(Task task, Problem why) {
    task.problem = why;
    task.changes.bad(
        why.reason().code(),
        "duty fails: duty=%s reason=%s".formatted(task.name.text(), why.text()));
  }

  /** Ends them; what is being written may be written or not. */
  @Override
  public void close() {
    thread.interrupt();
    try {
      if (thread.getState() != Thread.State.NEW && !thread.join(CLOSE_LIMIT)) {
        log.debug("duties do not end: limit={}", CLOSE_LIMIT);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
