package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;

/**
 * Every object of a cluster, whatever kinds it serves, by kind and name, with all that somebody
 * wants of it: labels, annotations, finalizers, owners, spec and data.
 */
record ClusterObjects(Map<String, JsonNode> objects) {
  private static final Duration LIMIT = Duration.ofSeconds(60);

  /** Served and listed, but kept nowhere. */
  private static final Set<String> MADE_UP = Set.of("componentstatuses");

  /** What the API server notes on each object. */
  private static final List<String> BOOK_KEEPING =
      List.of("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid");

  ClusterObjects {
    objects = Map.copyOf(objects);
  }

  static ClusterObjects read(Kubectl admin) throws IOException, InterruptedException {
    var kinds =
        admin
            .run("api-resources", "--verbs=list", "-o", "name")
            .lines()
            .map(String::strip)
            .filter(kind -> !MADE_UP.contains(kind))
            .collect(Collectors.joining(","));
    var objects = new TreeMap<String, JsonNode>();
    for (var object : admin.json("get", kinds, "-A", "-o", "json").path("items")) {
      if (isOurs(object) || !object.path("kind").asText().equals("Event")) {
        objects.put(name(object), wanted((ObjectNode) object));
      }
    }
    return new ClusterObjects(objects);
  }

  /** When controllers have made what belongs to a new cluster and to new namespaces. */
  static ClusterObjects settled(Kubectl admin) throws InterruptedException {
    var last = new AtomicReference<>(new ClusterObjects(Map.of()));
    return Await.until(
        "nothing more comes",
        LIMIT,
        () -> {
          var now = read(admin);
          var before = last.getAndSet(now);
          return Optional.of(now)
              .filter(_ -> now.hasWhatBelongsToNamespaces() && now.equals(before));
        });
  }

  private boolean hasWhatBelongsToNamespaces() {
    return objects.keySet().stream()
        .filter(name -> name.startsWith("v1 Namespace "))
        .map(name -> name.substring(name.lastIndexOf(' ') + 1))
        .allMatch(
            namespace ->
                objects.containsKey("v1 ServiceAccount " + namespace + "/default")
                    && objects.containsKey("v1 ConfigMap " + namespace + "/kube-root-ca.crt"));
  }

  /** Events come and go by themselves, but for those of the agent and of what belongs to it. */
  private static boolean isOurs(JsonNode event) {
    var about = event.path("involvedObject").toString() + event.path("regarding");
    return about.contains("cattle") || about.contains("drover");
  }

  private static String name(JsonNode object) {
    var metadata = object.path("metadata");
    var namespace = metadata.path("namespace").asText("");
    return "%s %s %s%s"
        .formatted(
            object.path("apiVersion").asText(),
            object.path("kind").asText(),
            namespace.isEmpty() ? "" : namespace + "/",
            metadata.path("name").asText());
  }

  private static ObjectNode wanted(ObjectNode object) {
    object.remove("status");
    object.withObject("/metadata").remove(BOOK_KEEPING);
    if (object.path("kind").asText().equals("Lease")) {
      object.remove("spec"); // who holds it, and until when
    }
    return object;
  }

  /** What differs from before: a line an object. */
  Set<String> differenceFrom(ClusterObjects before) {
    var lines = new TreeSet<String>();
    objects.forEach(
        (name, object) -> {
          var old = before.objects.get(name);
          if (old == null) {
            lines.add("left: " + name);
          } else if (!old.equals(object)) {
            lines.add("changed: %s%n  was %s%n  is  %s".formatted(name, old, object));
          }
        });
    before.objects.keySet().stream()
        .filter(name -> !objects.containsKey(name))
        .forEach(name -> lines.add("gone: " + name));
    return lines;
  }

  /** Waits until all is as it was. */
  static void awaitSame(Kubectl admin, ClusterObjects before) throws InterruptedException {
    Await.until(
        "every object is as it was before",
        LIMIT,
        () -> {
          var difference = read(admin).differenceFrom(before);
          if (!difference.isEmpty()) {
            throw new IOException(String.join("\n", difference));
          }
          return Optional.of(true);
        });
  }
}
