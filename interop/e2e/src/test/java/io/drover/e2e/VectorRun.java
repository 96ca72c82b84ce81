package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URLEncoder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Sends the recorded requests of a dialect, in their order, and compares the answers. */
final class VectorRun {
  /** What a request needs of those before it. */
  private static final String CONTINUE = "${continue:";

  private static final int CONFLICT = 409;
  private static final int MAX_CONFLICTS = 5;

  private static final String GENERATED = "${gen}";

  private final InetSocketAddress to;
  private final Map<String, String> differences = new TreeMap<>();
  private final Set<String> onlyRelated = new TreeSet<>();
  private final Map<String, String> shares = new TreeMap<>();
  private final List<String> created = new ArrayList<>();
  private int all;
  private String next = "";

  /** Of the object that was changed last, before that. */
  private JsonNode former = VectorCase.JSON.missingNode();

  VectorRun(InetSocketAddress to) {
    this.to = to;
  }

  /** Why cases differ, by their ids. */
  Map<String, String> differences() {
    return differences;
  }

  /** Those of them that differ in relationships only. */
  Set<String> onlyRelated() {
    return onlyRelated;
  }

  /** How many cases were compared. */
  int all() {
    return all;
  }

  /** By group, how many answers are the recorded ones. */
  Map<String, String> shares() {
    return shares;
  }

  /** Runs a group whose cases do not change the cluster, or little. */
  void group(String dialect, String group) throws IOException {
    var cases = new ArrayList<>(VectorCase.group(dialect, group));
    cases.sort(Comparator.comparingInt(one -> one.json().path("seq").asInt()));
    int before = differences.size();
    for (var one : cases) {
      run(one, one);
    }
    share(dialect, group, cases.size(), before);
  }

  /** Runs the cases about a ConfigMap whose labels change, each with the change before it. */
  void history(String dialect, Kubectl admin) throws IOException, InterruptedException {
    String note = "";
    int before = differences.size();
    var cases = VectorCase.group(dialect, "history");
    for (var one : cases) {
      if (!one.json().path("note").asText().equals(note)) {
        note = one.json().path("note").asText();
        change(admin, note);
      }
      run(one, one);
    }
    share(dialect, "history", cases.size(), before);
  }

  private static void change(Kubectl admin, String note) throws IOException, InterruptedException {
    String namespace = "--namespace=vec-empty";
    switch (note) {
      case "ConfigMap vec-empty/h1 created with labels hist=yes, keep=1" -> {
        admin.run("create", "configmap", "h1", namespace);
        admin.run("label", "configmap", "h1", namespace, "hist=yes", "keep=1");
      }
      case "then label hist removed" -> admin.run("label", "configmap", "h1", namespace, "hist-");
      case "then label hist=no set" -> admin.run("label", "configmap", "h1", namespace, "hist=no");
      case "then the ConfigMap deleted" -> admin.run("delete", "configmap", "h1", namespace);
      default -> throw new IllegalArgumentException(note);
    }
  }

  /** Runs the writes: all of them, for each depends on those before. */
  void writes(String dialect) throws IOException {
    var recorded = new TreeMap<String, VectorCase>();
    for (var one : VectorCase.group(dialect, "writes")) {
      recorded.put(one.id(), one);
    }
    int before = differences.size();
    for (var one : VectorCase.sequence(dialect)) {
      run(one, recorded.get(one.id()));
    }
    share(dialect, "writes", recorded.size(), before);
  }

  private void share(String dialect, String group, int cases, int before) {
    int equal = cases - (differences.size() - before);
    shares.put(dialect + " " + group, equal + " of " + cases);
  }

  private void run(VectorCase one, @Nullable VectorCase recorded) throws IOException {
    if (recorded != null) {
      all++;
    }
    Optional<String> difference;
    try {
      var reply = one.send(to, path(one), body(one));
      for (int again = 0; again < MAX_CONFLICTS && isOvertaken(one, recorded, reply); again++) {
        reply = one.send(to, path(one), body(one));
      }
      note(reply);
      difference = recorded == null ? Optional.empty() : difference(recorded, reply);
    } catch (IOException e) {
      difference = Optional.of(e.toString());
    }
    if (recorded != null) {
      difference.ifPresent(what -> differences.put(one.id(), what));
    }
  }

  /** Whether a controller has changed the object between our reading and our writing of it. */
  private static boolean isOvertaken(
      VectorCase one, @Nullable VectorCase recorded, RawHttp.Reply reply) {
    return recorded != null
        && reply.status() == CONFLICT
        && recorded.json().path("status").asInt() != CONFLICT
        && one.json().path("method").asText().equals("PUT");
  }

  private Optional<String> difference(VectorCase recorded, RawHttp.Reply reply) {
    var difference = VectorMatch.difference(recorded, reply);
    if (difference.isPresent() && VectorMatch.besideRelationships(recorded, reply).isEmpty()) {
      onlyRelated.add(recorded.id());
    }
    return difference;
  }

  private void note(RawHttp.Reply reply) throws IOException {
    if (reply.first("Content-Type").equals("application/json") && !reply.body().isEmpty()) {
      var body = VectorCase.JSON.readTree(reply.body());
      next = body.path("continue").asText("");
      if (reply.status() == 201) {
        created.add(body.path("id").asText());
      }
    }
  }

  private String path(VectorCase one) {
    String path = one.path().replace(" ", "%20");
    int begin = path.indexOf(CONTINUE);
    if (begin >= 0) {
      int end = path.indexOf("}}", begin) + 2;
      path = path.substring(0, begin) + URLEncoder.encode(next, UTF_8) + path.substring(end);
    }
    if (path.contains(GENERATED)) {
      String start = path.substring(0, path.indexOf(GENERATED));
      for (String id : created.reversed()) {
        if (start.endsWith(id.substring(0, Math.max(0, id.lastIndexOf('-') + 1)))) {
          return path.replace(GENERATED, id.substring(id.lastIndexOf('-') + 1));
        }
      }
    }
    return path;
  }

  /** A body with placeholders is that of the object as it is now, changed as the record says. */
  private String body(VectorCase one) throws IOException {
    var body = one.json().path("body");
    if (body.isTextual()) {
      return body.asText().replace("${rv}", "1");
    }
    if (one.json().path("method").asText().equals("POST")) {
      return one.body().replace("\"${ms}\"", "4000"); // any number
    }
    if (!body.toString().contains("${")) {
      return one.body();
    }
    var now = now(one);
    var from = one.id().endsWith("-stale") ? former : now;
    former = now;
    var filled = body.deepCopy();
    fill(filled, from);
    return filled.toString();
  }

  private JsonNode now(VectorCase one) throws IOException {
    var fields =
        List.of(
            Map.entry("Host", "demo.example"),
            Map.entry("X-API-URL-Prefix", "/k8s/clusters/c-vectors"),
            Map.entry("X-Forwarded-Proto", "https"),
            Map.entry("Accept", "application/json"),
            Map.entry("Impersonate-User", "u-admin"));
    var reply = RawHttp.send(to, "GET", path(one), fields, new byte[0]);
    return VectorCase.JSON.readTree(reply.body());
  }

  private static void fill(JsonNode body, JsonNode from) {
    if (body instanceof ObjectNode object) {
      for (var field : List.copyOf(object.properties())) {
        var value = field.getValue();
        if (value.isTextual() && value.asText().contains("${")) {
          if (from.has(field.getKey())) {
            object.set(field.getKey(), from.get(field.getKey()));
          } else {
            object.remove(field.getKey());
          }
        } else {
          fill(value, from.path(field.getKey()));
        }
      }
    } else {
      for (int i = 0; i < body.size(); i++) {
        fill(body.get(i), from.path(i));
      }
    }
  }
}
