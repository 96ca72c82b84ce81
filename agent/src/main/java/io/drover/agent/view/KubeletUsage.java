package io.drover.agent.view;

import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.view.Facts.NodeUsage;
import io.drover.proto.report.Cause;
import io.drover.proto.report.Quantity;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Usage as the kubelets measure it, for clusters without metrics.k8s.io: each is asked through the
 * API server, so only where nodes are few. CPU is what was used between two readings. One thread.
 */
final class KubeletUsage {
  /** More nodes are not asked: each is a request, every five minutes. */
  static final int MAX_NODES = 5;

  private static final String CPU = "node_cpu_usage_seconds_total";
  private static final String MEMORY = "node_memory_working_set_bytes";

  /** What a kubelet said: seconds of CPU since the node was started, and bytes. */
  private record Sample(BigDecimal cpuSeconds, BigDecimal memoryBytes, Instant at) {}

  private final ApiReader api;
  private final Clock clock;
  private Map<String, Sample> last = Map.of();
  private Answer<List<NodeUsage>> latest =
      new Answer.Missing<>(Cause.NO_EVIDENCE, "kubelets are not asked yet");

  KubeletUsage(ApiReader api, Clock clock) {
    this.api = api;
    this.clock = clock;
  }

  /** What came of the last reading. */
  Answer<List<NodeUsage>> latest() {
    return latest;
  }

  /** Whether the next reading will tell what the last one could not. */
  boolean wantsAnother() {
    return latest.found().isEmpty() && !last.isEmpty();
  }

  /** Asks all kubelets that can be expected to answer. */
  void read(Collection<Node> nodes) throws InterruptedException {
    latest = usage(nodes);
  }

  /** For when there is something better. */
  void forget(String why) {
    last = Map.of();
    latest = new Answer.Missing<>(Cause.NO_EVIDENCE, why);
  }

  private Answer<List<NodeUsage>> usage(Collection<Node> nodes) throws InterruptedException {
    var asked = nodes.stream().filter(KubeletUsage::isReady).map(Node::name).sorted().toList();
    var samples = new HashMap<String, Sample>();
    var usage = new ArrayList<NodeUsage>();
    Optional<Answer.Missing<Sample>> failure = Optional.empty();
    if (asked.size() <= MAX_NODES) {
      for (String node : asked) {
        switch (sample(node)) {
          case Answer.Found<Sample>(var sample) -> {
            samples.put(node, sample);
            usage(node, last.get(node), sample).ifPresent(usage::add);
          }
          case Answer.Missing<Sample> missing -> failure = Optional.of(failure.orElse(missing));
        }
        if (failure.isPresent() && failure.get().cause() == Cause.FORBIDDEN) {
          break; // so will the others be
        }
      }
    }
    last = samples;
    if (!usage.isEmpty()) {
      return new Answer.Found<>(List.copyOf(usage));
    }
    if (failure.isPresent()) {
      return failure.get().of();
    }
    return new Answer.Missing<>(
        Cause.NO_EVIDENCE,
        asked.size() > MAX_NODES
            ? asked.size() + " kubelets are too many to be asked one by one, over " + MAX_NODES
            : "kubelets tell usage of CPU by two readings, and there is only one");
  }

  private static boolean isReady(Node node) {
    var ready = node.conditions().get("Ready");
    return ready != null && ready.status().equals("True");
  }

  private Answer<Sample> sample(String node) throws InterruptedException {
    String path = "/api/v1/nodes/" + node + "/proxy/metrics/resource";
    return api.text(path)
        .then(
            text -> {
              @Nullable Sample sample = parse(text);
              return sample == null
                  ? new Answer.Missing<>(
                      Cause.UNREADABLE, "GET " + path + ": lacks " + CPU + " or " + MEMORY)
                  : new Answer.Found<>(sample);
            });
  }

  /** In Prometheus' text format; null if what is needed is not there. */
  private @Nullable Sample parse(String text) {
    @Nullable BigDecimal cpu = null;
    @Nullable BigDecimal memory = null;
    Instant at = clock.instant();
    for (String line : text.lines().toList()) {
      String[] words = line.split(" ", -1);
      boolean isCpu = words[0].equals(CPU);
      if ((isCpu || words[0].equals(MEMORY)) && words.length >= 2) {
        try {
          var value = new BigDecimal(words[1]);
          if (isCpu) {
            cpu = value;
            at = words.length > 2 ? Instant.ofEpochMilli(Long.parseLong(words[2])) : at;
          } else {
            memory = value;
          }
        } catch (NumberFormatException _) {
          return null; // such as NaN
        }
      }
    }
    return cpu == null || memory == null || memory.signum() < 0
        ? null
        : new Sample(cpu, memory, at);
  }

  /** Empty without a first sample, and if the node was started in between. */
  private static Optional<NodeUsage> usage(String node, @Nullable Sample first, Sample second) {
    if (first == null
        || !second.at().isAfter(first.at())
        || second.cpuSeconds().compareTo(first.cpuSeconds()) < 0) {
      return Optional.empty();
    }
    long millis = Duration.between(first.at(), second.at()).toMillis();
    var milliCpus =
        second
            .cpuSeconds()
            .subtract(first.cpuSeconds())
            .movePointRight(6)
            .divide(BigDecimal.valueOf(millis), 0, RoundingMode.HALF_UP);
    var kibibytes = second.memoryBytes().divide(BigDecimal.valueOf(1024), 0, RoundingMode.HALF_UP);
    return Optional.of(
        new NodeUsage(
            node,
            Quantity.parse(milliCpus.toPlainString() + "m"),
            Quantity.parse(kibibytes.toPlainString() + "Ki"),
            second.at()));
  }
}
