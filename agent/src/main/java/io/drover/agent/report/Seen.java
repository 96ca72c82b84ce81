package io.drover.agent.report;

import static java.util.Comparator.comparing;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.view.ClusterView;
import io.drover.agent.view.Discovery;
import io.drover.agent.view.Facts;
import io.drover.agent.view.Kind;
import io.drover.agent.view.Kinds;
import io.drover.agent.view.Node;
import io.drover.agent.view.Pod;
import io.drover.agent.view.Workload;
import io.drover.proto.report.Cause;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * The cluster as the detectors look at it: all lists in an order of their own, so that the same
 * cluster gives the same report, and the questions that several of them ask.
 */
final class Seen {
  private static final Pattern NUMBER = Pattern.compile("^\\d{1,4}");

  private final ClusterView view;
  private final Facts facts;
  private final Answer<List<Node>> nodes;
  private final Partly<Workload> workloads;

  Seen(ClusterView view) {
    this.view = view;
    facts = view.facts();
    nodes = all(Kinds.NODES, comparing(Node::name));
    workloads =
        workloads(Kinds.DEPLOYMENTS)
            .and(workloads(Kinds.DAEMON_SETS))
            .and(workloads(Kinds.STATEFUL_SETS))
            .and(staticPods());
  }

  Facts facts() {
    return facts;
  }

  Answer<List<Node>> nodes() {
    return nodes;
  }

  /** Whatever runs pods, and the pods that nodes run by themselves. */
  Partly<Workload> workloads() {
    return workloads;
  }

  private Partly<Workload> workloads(Kind<Workload> kind) {
    return Partly.of(all(kind, comparing(Workload::namespace).thenComparing(Workload::name)));
  }

  private Partly<Workload> staticPods() {
    return Partly.of(
        all(Kinds.PODS, comparing(Pod::namespace).thenComparing(Pod::name))
            .map(
                pods ->
                    pods.stream().filter(pod -> !pod.images().isEmpty()).map(Seen::of).toList()));
  }

  private static Workload of(Pod pod) {
    return new Workload(
        "Pod",
        pod.namespace(),
        pod.name(),
        Map.of(),
        pod.images(),
        Map.of(),
        "",
        1,
        pod.ready() ? 1 : 0,
        pod.reason(),
        pod.message());
  }

  <T> Answer<List<T>> all(Kind<T> kind, Comparator<T> order) {
    return view.all(kind).map(objects -> objects.stream().sorted(order).toList());
  }

  /**
   * The same of a kind that not every cluster has. Where discovery does not list it, there is none;
   * that a request for it found nothing does not yet say so.
   */
  <T> Answer<List<T>> allIfServed(Kind<T> kind, Comparator<T> order) {
    var listed = all(kind, order);
    return switch (listed) {
      case Answer.Missing<List<T>>(var cause, var _) when cause == Cause.NOT_SERVED ->
          facts
              .discovery()
              .then(
                  discovery ->
                      discovery.broken().contains(kind.group()) || isListed(discovery, kind)
                          ? listed
                          : new Answer.Found<>(List.<T>of()));
      default -> listed;
    };
  }

  private static boolean isListed(Discovery discovery, Kind<?> kind) {
    return discovery.resources().contains(kind.group() + "/" + kind.plural());
  }

  /** Whether a group is served; one whose server does not answer leaves it open. */
  Answer<Boolean> hasGroup(String group) {
    return facts
        .discovery()
        .then(
            discovery ->
                discovery.broken().contains(group)
                    ? doesNotAnswer(group)
                    : new Answer.Found<>(discovery.hasGroup(group)));
  }

  /** Whether a kind is served; of an old API server, whether its group is. */
  Answer<Boolean> serves(String group, String plural) {
    return facts
        .discovery()
        .then(
            discovery ->
                discovery.broken().contains(group)
                    ? doesNotAnswer(group)
                    : new Answer.Found<>(discovery.serves(group, plural)));
  }

  private static Answer<Boolean> doesNotAnswer(String group) {
    return new Answer.Missing<>(Cause.UNAVAILABLE, "the server of " + group + " does not answer");
  }

  Answer<String> gitVersion() {
    return facts
        .version()
        .then(
            version ->
                version.path("gitVersion").asText().isEmpty()
                    ? unreadableVersion()
                    : new Answer.Found<>(version.path("gitVersion").asText()));
  }

  /** The 34 of 1.34. */
  Answer<Integer> minor() {
    return facts
        .version()
        .then(
            version -> {
              var digits = NUMBER.matcher(version.path("minor").asText());
              return digits.find()
                  ? new Answer.Found<>(Integer.parseInt(digits.group()))
                  : unreadableVersion();
            });
  }

  private static <T> Answer<T> unreadableVersion() {
    return new Answer.Missing<>(Cause.UNREADABLE, "/version names no version");
  }

  /** One of the objects that were asked for by name. */
  Answer<JsonNode> object(String name) {
    Answer<JsonNode> object = facts.objects().get(name);
    return object != null ? object : notAsked(name);
  }

  /** Whether a cluster has an object of a custom resource, {@code group/plural}. */
  Answer<Boolean> hasAny(String resource) {
    int slash = resource.indexOf('/');
    return serves(resource.substring(0, slash), resource.substring(slash + 1))
        .then(
            served -> {
              if (!served) {
                return new Answer.Found<>(false);
              }
              Answer<Boolean> any = facts.counts().get(resource);
              if (any == null) {
                return notAsked(resource);
              }
              // Where discovery tells only groups, that the kind is not found is the answer.
              return areKindsUnknown()
                      && any instanceof Answer.Missing<Boolean>(var cause, var _)
                      && cause == Cause.NOT_SERVED
                  ? new Answer.Found<>(false)
                  : any;
            });
  }

  private boolean areKindsUnknown() {
    return facts.discovery().found().filter(each -> each.resources().isEmpty()).isPresent();
  }

  private static <T> Answer<T> notAsked(String what) {
    return new Answer.Missing<>(Cause.NO_EVIDENCE, what + ": not asked for");
  }

  /** Whether it is a failure, and not an answer that tells nothing. */
  static boolean isFailure(Cause cause) {
    return switch (cause) {
      case UNAUTHORIZED, FORBIDDEN, TIMEOUT, UNAVAILABLE, UNREADABLE, OTHER -> true;
      case NOT_SERVED, NO_EVIDENCE, SWITCHED_OFF -> false;
    };
  }

  /** Those of several answers that are not there. */
  static List<Answer.Missing<?>> missing(List<? extends Answer<?>> answers) {
    var missing = new ArrayList<Answer.Missing<?>>();
    for (Answer<?> answer : answers) {
      if (answer instanceof Answer.Missing<?> each) {
        missing.add(each);
      }
    }
    return missing;
  }

  /** Those of them that failed. */
  static List<Answer.Missing<?>> failures(List<? extends Answer<?>> answers) {
    var failures = missing(answers);
    failures.removeIf(each -> !isFailure(each.cause()));
    return failures;
  }
}
