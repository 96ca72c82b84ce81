package io.drover.agent.view;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.agent.kube.Answer;
import io.drover.agent.kube.ApiReader;
import io.drover.agent.kube.ApiReader.Outcome;
import io.drover.agent.view.Facts.NodePortRange;
import io.drover.agent.view.Facts.TaintTrial;
import io.drover.proto.report.Cause;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Questions that only an attempt answers. None has an effect: two are dry runs, one must be
 * refused. Two are asked only if the agent has the right to it, so that no refusal is mistaken; of
 * the third a refusal says nothing.
 */
final class Trials {
  /** Never a node port: Kubernetes' own range starts at 30000, and few others below 1024. */
  private static final int LOWEST_PORT = 1;

  private static final int HIGHEST_PORT = 65535;

  /** Source: Kubernetes {@code portallocator/allocator.go}, and its words before 1.20. */
  private static final Pattern RANGE =
      Pattern.compile(
          "(?:range of valid ports is|[Vv]alid ports range from) (\\d{1,5})-(\\d{1,5})\\b");

  private static final Pattern TAKEN = Pattern.compile("provided port is already allocated");

  /** 400 by webhooks that do not say otherwise, the others by policies and plugins. */
  private static final Set<Integer> POLICY = Set.of(400, 403, 422);

  /** In the words of all authorizers. */
  private static final String NO_RIGHT = "cannot patch resource";

  private static final String TAINT = "drover.io/trial";
  private static final String PSA_LABEL = "pod-security.kubernetes.io/enforce";
  private static final String PSA_WARNING = "violate the new PodSecurity enforce level";

  private static final Logger log = LoggerFactory.getLogger(Trials.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final ApiReader api;
  private final String namespace;

  Trials(ApiReader api, String namespace) {
    this.api = api;
    this.namespace = namespace;
  }

  /**
   * The range of node ports, from the API server's refusal of a port outside it. A dry run does not
   * do: it does not look at the range.
   */
  Answer<NodePortRange> nodePorts() throws InterruptedException {
    if (may("create", "services", namespace) instanceof Answer.Missing<Boolean> missing) {
      return missing.of();
    }
    // If it did succeed, it is deleted at once; so the right to that is needed, too.
    if (may("delete", "services", namespace) instanceof Answer.Missing<Boolean> missing) {
      return missing.of();
    }
    var lowest = range(LOWEST_PORT);
    if (lowest instanceof Answer.Missing<Optional<NodePortRange>> missing) {
      return missing.of();
    }
    var found = lowest.found().flatMap(range -> range);
    if (found.isPresent()) {
      return new Answer.Found<>(found.get());
    }
    // Port 1 is in the range; its other end is all that can be asked for.
    return range(HIGHEST_PORT)
        .then(
            range ->
                range.isPresent()
                    ? new Answer.Found<>(range.get())
                    : new Answer.Found<>(new NodePortRange(LOWEST_PORT, HIGHEST_PORT)));
  }

  /** Empty: the port was in the range. */
  private Answer<Optional<NodePortRange>> range(int port) throws InterruptedException {
    String name = "drover-trial-" + UUID.randomUUID().toString().substring(0, 8);
    ObjectNode service = JSON.createObjectNode().put("apiVersion", "v1").put("kind", "Service");
    service.putObject("metadata").put("name", name);
    ObjectNode spec = service.putObject("spec").put("type", "NodePort");
    spec.putArray("ports").addObject().put("port", 80).put("nodePort", port);
    String path = "/api/v1/namespaces/" + namespace + "/services";
    var sent = api.send("POST", path, "application/json", service);
    if (!(sent instanceof Answer.Found<Outcome>(var outcome))) {
      return ((Answer.Missing<Outcome>) sent).of();
    }
    if (outcome.isSuccess()) {
      log.info("trial Service was accepted, and is deleted: name={}/{}", namespace, name);
      api.send("DELETE", path + "/" + name, "application/json", JSON.createObjectNode());
      JsonNode accepted = outcome.body().path("spec").path("ports").path(0).path("nodePort");
      return accepted.asInt() == port
          ? new Answer.Found<>(Optional.empty())
          : new Answer.Missing<>(
              Cause.UNREADABLE, "a Service with node port " + port + " was made into another one");
    }
    String message = Json.text(outcome.body().path("message"));
    var matcher = RANGE.matcher(message);
    if (matcher.find()) {
      return new Answer.Found<>(
          Optional.of(
              new NodePortRange(
                  Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)))));
    }
    if (TAKEN.matcher(message).find()) {
      return new Answer.Found<>(Optional.empty());
    }
    return new Answer.Missing<>(
        outcome.status() == 404 ? Cause.NO_EVIDENCE : outcome.cause(),
        "creating a Service with node port " + port + ": " + refusal(outcome));
  }

  /** Whether a node could be tainted. */
  Answer<TaintTrial> taint(Optional<String> node) throws InterruptedException {
    if (may("patch", "nodes", "") instanceof Answer.Missing<Boolean> missing) {
      return missing.of();
    }
    if (node.isEmpty()) {
      return new Answer.Missing<>(Cause.NO_EVIDENCE, "no node is known to try a taint on");
    }
    ObjectNode patch = JSON.createObjectNode();
    patch
        .putObject("spec")
        .putArray("taints")
        .addObject()
        .put("key", TAINT)
        .put("effect", "PreferNoSchedule");
    return dryRun("/api/v1/nodes/" + node.get(), patch)
        .then(
            outcome -> {
              if (outcome.isSuccess()) {
                if (!Json.name(outcome.body()).equals(node.get())) {
                  return new Answer.Missing<>(
                      Cause.UNREADABLE, "dry run of a taint: the answer is not the node");
                }
                for (JsonNode taint : outcome.body().path("spec").path("taints")) {
                  if (Json.text(taint.path("key")).equals(TAINT)) {
                    return new Answer.Found<>(TaintTrial.ACCEPTED);
                  }
                }
                return new Answer.Found<>(TaintTrial.REFUSED); // taken off again by a webhook
              }
              return isPolicy(outcome)
                  ? new Answer.Found<>(TaintTrial.REFUSED)
                  : new Answer.Missing<>(
                      outcome.cause(), "dry run of a taint: " + refusal(outcome));
            });
  }

  /** The right was there, so that such a refusal is a webhook's or a policy's. */
  private static boolean isPolicy(Outcome outcome) {
    return POLICY.contains(outcome.status())
        && Json.text(outcome.body().path("kind")).equals("Status")
        && !outcome.message().contains(NO_RIGHT);
  }

  /**
   * Whether Pod Security Admission acts: it warns of the pods that the strictest level would not
   * take. No warning proves nothing.
   */
  Answer<Boolean> podSecurity() throws InterruptedException {
    ObjectNode patch = JSON.createObjectNode();
    patch.putObject("metadata").putObject("labels").put(PSA_LABEL, "restricted");
    return dryRun("/api/v1/namespaces/kube-system", patch)
        .then(
            outcome -> {
              String what = "dry run of a stricter level for kube-system: ";
              if (!outcome.isSuccess()) {
                return new Answer.Missing<>(outcome.cause(), what + refusal(outcome));
              }
              if (!Json.name(outcome.body()).equals("kube-system")) {
                return new Answer.Missing<>(Cause.UNREADABLE, what + "not the namespace");
              }
              return outcome.warning() != null && outcome.warning().contains(PSA_WARNING)
                  ? new Answer.Found<>(true)
                  : new Answer.Missing<>(Cause.NO_EVIDENCE, what + "no warning");
            });
  }

  private static String refusal(Outcome outcome) {
    return outcome.status() + " " + outcome.message();
  }

  private Answer<Outcome> dryRun(String path, JsonNode patch) throws InterruptedException {
    return api.send("PATCH", path + "?dryRun=All", "application/strategic-merge-patch+json", patch);
  }

  /** Found if the agent has the right; else why not. */
  private Answer<Boolean> may(String verb, String resource, String inNamespace)
      throws InterruptedException {
    ObjectNode review =
        JSON.createObjectNode()
            .put("apiVersion", "authorization.k8s.io/v1")
            .put("kind", "SelfSubjectAccessReview");
    ObjectNode attributes = review.putObject("spec").putObject("resourceAttributes");
    attributes.put("verb", verb).put("resource", resource);
    if (!inNamespace.isEmpty()) {
      attributes.put("namespace", inNamespace);
    }
    return api.send(
            "POST",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "application/json",
            review)
        .then(
            outcome -> {
              if (!outcome.isSuccess()) {
                return new Answer.Missing<>(outcome.cause(), "access review: " + refusal(outcome));
              }
              JsonNode allowed = outcome.body().path("status").path("allowed");
              if (!allowed.isBoolean()) {
                return new Answer.Missing<>(
                    Cause.UNREADABLE, "access review: says neither yes nor no");
              }
              return allowed.booleanValue()
                  ? new Answer.Found<>(true)
                  : new Answer.Missing<>(Cause.FORBIDDEN, "may not " + verb + " " + resource);
            });
  }
}
