package io.drover.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;

/**
 * Plays the recorded dialogues of pages with the stock agent: says what the page said, does to the
 * cluster what was done, and compares what is heard.
 *
 * <p>Messages are compared object by object of each watch, in their order, up to the next thing
 * that the page says or that is done: between objects, and between watches, no order is fixed. Of a
 * message is not compared: what {@link VectorMatch} leaves out, {@code managedFields}, {@code _id}
 * beside {@code id}, numbers in the texts of errors; nor are compared messages of objects and types
 * that are not of the fixture, pings, what the stock agent says when it is told to stop ({@code
 * context canceled}), repetitions of a notice that something has changed while nothing is done,
 * and, of schemas, {@code resource.change}, since stock repeats all schemas when one changes.
 */
final class TranscriptRun {
  private static final Duration LIMIT = Duration.ofSeconds(10);

  /** What is not expected is waited for so long at the end. */
  private static final Duration QUIET = Duration.ofMillis(700);

  private static final Pattern PATCH =
      Pattern.compile("merge-patch (\\w+) ([\\w-]+)/([\\w-]+) (\\{.*)");

  private static final Pattern CHANGE =
      Pattern.compile("(create|delete) ConfigMap ([\\w-]+)/([\\w-]+)");

  private static final Pattern NUMBERS = Pattern.compile("\\d+ \\(\\d+\\)");

  private static final String THING =
      """
      {"apiVersion":"vectors.example/v1","kind":"Thing",
       "metadata":{"name":"t1","namespace":"vec-empty"},"spec":{"a":"1"}}
      """;

  private final InetSocketAddress to;
  private final Kubectl admin;
  private final Map<String, String> differences = new TreeMap<>();
  private int all;

  TranscriptRun(InetSocketAddress to, Kubectl admin) {
    this.to = to;
    this.admin = admin;
  }

  /** Why dialogues differ, by their ids. */
  Map<String, String> differences() {
    return differences;
  }

  int all() {
    return all;
  }

  /** Plays all dialogues of a dialect but those. */
  void run(String dialect, Set<String> without) throws IOException, InterruptedException {
    var in = VectorCase.resource("transcripts-" + dialect + ".json.gz");
    JsonNode transcripts;
    try (var unzipped = new GZIPInputStream(in)) {
      transcripts = VectorCase.JSON.readTree(unzipped);
    }
    for (var transcript : transcripts) {
      String id = transcript.path("id").asText();
      if (!without.contains(id.substring(id.lastIndexOf('/') + 1))) {
        all++;
        long begin = System.nanoTime();
        try {
          new Dialogue(transcript).play();
        } catch (IOException e) {
          differences.put(id, e.toString());
        }
        System.out.printf("  %s: %d ms%n", id, (System.nanoTime() - begin) / 1_000_000);
      }
    }
  }

  /** One of them. */
  private final class Dialogue {
    private final JsonNode transcript;
    private final String id;
    private final List<JsonNode> expected = new ArrayList<>();

    Dialogue(JsonNode transcript) {
      this.transcript = transcript;
      this.id = transcript.path("id").asText();
    }

    private void differ(String what) {
      differences.putIfAbsent(id, what);
    }

    void play() throws IOException, InterruptedException {
      try (var socket = TranscriptSocket.open(to, transcript)) {
        if (socket.status() != transcript.path("status").asInt()) {
          differ("status " + socket.status());
        }
        if (socket.status() != 101) {
          return;
        }
        for (var entry : transcript.path("transcript")) {
          if (entry.path("from").asText().equals("server")) {
            expected.add(entry.has("frame") ? frame(entry) : entry.path("message"));
          } else {
            hear(socket, LIMIT);
            act(socket, entry);
          }
        }
        if (isCounted()) {
          hear(socket, LIMIT);
        } else if (!transcript.toString().contains("client sends close")) {
          var close = expected.removeLast();
          hear(socket, LIMIT);
          expected.add(close);
          socket.send(8, new byte[] {0x03, (byte) 0xe8});
        }
        hear(socket, LIMIT);
      }
    }

    private static JsonNode frame(JsonNode entry) {
      var frame = VectorCase.JSON.createObjectNode();
      frame.set("frame", entry.path("frame"));
      frame.set("payload", entry.path("payload"));
      return frame;
    }

    private void act(TranscriptSocket socket, JsonNode entry)
        throws IOException, InterruptedException {
      if (entry.has("message")) {
        var message = (ObjectNode) entry.path("message").deepCopy();
        if (message.path("resourceVersion").asText().equals("${rv}")) {
          message.put("resourceVersion", before);
        }
        socket.send(1, message.toString().getBytes(UTF_8));
        if (message.path("resourceType").asText().equals("vectors.example.thing")) {
          Thread.sleep(1000); // the record tells it before
          create(THING);
        }
        return;
      }
      String event = entry.path("event").asText();
      switch (event) {
        case "client sends close 1000" -> socket.send(8, new byte[] {0x03, (byte) 0xe8});
        case "client sends a websocket ping frame with payload hello" ->
            socket.send(9, "hello".getBytes(UTF_8));
        default -> change(event);
      }
    }

    private String before = "";

    private void change(String event) throws IOException, InterruptedException {
      var patch = PATCH.matcher(event);
      var change = CHANGE.matcher(event);
      if (patch.matches()) {
        patch(patch.group(1), patch.group(2), patch.group(3), patch.group(4));
      } else if (change.matches()) {
        if (change.group(3).equals("rv1") && change.group(1).equals("create")) {
          before =
              admin
                  .json("get", "--raw=/api/v1/configmaps?limit=1")
                  .at("/metadata/resourceVersion")
                  .asText();
        }
        configMap(change.group(1), change.group(2), change.group(3));
      } else {
        special(event);
      }
    }

    private void patch(String kind, String namespace, String name, String with)
        throws IOException, InterruptedException {
      admin.run("patch", kind, name, "--namespace=" + namespace, "--type=merge", "--patch=" + with);
    }

    private void configMap(String what, String namespace, String name)
        throws IOException, InterruptedException {
      if (what.equals("delete")) {
        admin.run("delete", "configmap", name, "--namespace=" + namespace);
        return;
      }
      var object =
          VectorCase.JSON.createObjectNode().put("apiVersion", "v1").put("kind", "ConfigMap");
      var metadata = object.putObject("metadata").put("name", name).put("namespace", namespace);
      data(name).ifPresent(data -> object.set("data", data));
      labels(name).ifPresent(labels -> metadata.set("labels", labels));
      create(object.toString());
    }

    private void create(String object) throws IOException, InterruptedException {
      admin.outcome(object.getBytes(UTF_8), "create", "-f", "-").expect(0);
    }

    /** As it stands in the first message of it. */
    private Optional<JsonNode> data(String name) {
      return first(name).map(data -> data.path("data")).filter(JsonNode::isObject);
    }

    private Optional<JsonNode> labels(String name) {
      if (name.equals("l1")) {
        return Optional.empty();
      }
      return first(name).map(data -> data.at("/metadata/labels")).filter(JsonNode::isObject);
    }

    private Optional<JsonNode> first(String name) {
      for (var entry : transcript.path("transcript")) {
        var data = entry.at("/message/data");
        if (data.at("/metadata/name").asText().equals(name)) {
          return Optional.of(data);
        }
      }
      return Optional.empty();
    }

    private void special(String event) throws IOException, InterruptedException {
      String empty = "--namespace=vec-empty";
      switch (event) {
        case "merge-patch ConfigMap vec-ops/cm-03, where the user has no rights" -> {
          patch(
              "ConfigMap",
              "vec-ops",
              "cm-03",
              "{\"metadata\":{\"annotations\":{\"vec-touch\":\"1\"}}}");
          Thread.sleep(800);
          patch(
              "ConfigMap",
              "vec-ops",
              "cm-03",
              "{\"metadata\":{\"annotations\":{\"vec-touch\":null}}}");
        }
        case "create RoleBinding vec-empty/vec-more: ClusterRole view to this user" ->
            bind("vec-more");
        case "create RoleBinding vec-empty/vec-more2: ClusterRole view to this user" ->
            bind("vec-more2");
        case "delete the RoleBinding" -> admin.run("delete", "rolebinding", "vec-more", empty);
        case "delete it" -> admin.run("delete", "rolebinding", "vec-more2", empty);
        case "create and delete 150 ConfigMaps b000..b149" -> burst();
        case "create CRD things.vectors.example" -> create(crd());
        case "start a watch of the new type, create an object" ->
            Await.that("the type is served", LIMIT, () -> served("things.vectors.example"));
        case "add a printer column" ->
            admin.run(
                "patch",
                "crd",
                "things.vectors.example",
                "--type=json",
                "--patch=[{\"op\":\"add\",\"path\":\"/spec/versions/0/additionalPrinterColumns\",\"value\":[{\"name\":\"A\",\"type\":\"string\",\"jsonPath\":\".spec.a\"}]}]");
        case "delete the CRD" ->
            admin.run("delete", "crd", "things.vectors.example", "--wait=false");
        default -> {
          if (!event.startsWith("subscribe with") && !event.startsWith("counted messages")) {
            throw new IOException("nobody knows how to do: " + event);
          }
        }
      }
    }

    private boolean served(String resource) throws IOException, InterruptedException {
      return admin.outcome(new byte[0], "get", resource, "-A").exitCode() == 0;
    }

    private void bind(String name) throws IOException, InterruptedException {
      admin.run(
          "create",
          "rolebinding",
          name,
          "--clusterrole=view",
          "--user=" + transcript.path("user").asText(),
          "--namespace=vec-empty");
    }

    private void burst() throws IOException, InterruptedException {
      var list = VectorCase.JSON.createObjectNode().put("apiVersion", "v1").put("kind", "List");
      var items = list.putArray("items");
      for (int i = 0; i < 150; i++) {
        String name = "b%03d".formatted(i);
        var object = items.addObject().put("apiVersion", "v1").put("kind", "ConfigMap");
        var metadata = object.putObject("metadata").put("name", name).put("namespace", "vec-empty");
        metadata.putObject("labels").put("burst", "yes");
      }
      create(list.toString());
      // kubectl deletes one by one, and not fast.
      admin.run(
          "delete", "--raw=/api/v1/namespaces/vec-empty/configmaps?labelSelector=burst%3Dyes");
    }

    private static String crd() {
      return """
          {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
           "metadata":{"name":"things.vectors.example"},
           "spec":{"group":"vectors.example","scope":"Namespaced",
            "names":{"plural":"things","singular":"thing","kind":"Thing","listKind":"ThingList"},
            "versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":
             {"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}
          """;
    }

    // ---- what is heard

    /** Hears what is expected by now, and forgets it. */
    private void hear(TranscriptSocket socket, Duration limit) throws InterruptedException {
      if (isCounted()) {
        count(socket);
        return;
      }
      var left = new ArrayList<JsonNode>();
      for (var message : expected) {
        var relevant = relevant(message);
        if (!relevant.isMissingNode() && !isRepetition(relevant, left)) {
          left.add(relevant);
        }
      }
      expected.clear();
      while (!left.isEmpty()) {
        var heard = socket.hear(limit);
        if (heard.isEmpty()) {
          differ("not heard: " + shown(left.getFirst()));
          return;
        }
        take(left, relevant(heard.get()));
      }
    }

    /** Of the notice that something has changed. */
    private static boolean isRepetition(JsonNode message, List<JsonNode> others) {
      return message.path("name").asText().equals("resource.changes")
          && others.stream()
              .anyMatch(
                  other ->
                      other.path("name").equals(message.path("name"))
                          && key(other).equals(key(message)));
    }

    private boolean isCounted() {
      return transcript.toString().contains("counted messages");
    }

    private void take(List<JsonNode> left, JsonNode heard) {
      if (heard.isMissingNode()) {
        return;
      }
      for (int i = 0; i < left.size(); i++) {
        if (key(left.get(i)).equals(key(heard))) {
          VectorMatch.compare("", left.get(i), heard).ifPresent(this::differ);
          left.remove(i);
          return;
        }
      }
      differ("not expected: " + shown(heard));
    }

    /** Messages with the same come in their order. */
    private static String key(JsonNode message) {
      var key = new StringBuilder(message.at("/data/id").asText()).append('|');
      for (String field : List.of("frame", "namespace", "resourceType", "id", "selector", "mode")) {
        key.append(message.path(field).asText()).append('|');
      }
      if (message.path("resourceType").asText().equals("schema")) {
        key.append(message.path("name").asText());
      }
      return key.toString();
    }

    private void count(TranscriptSocket socket) throws InterruptedException {
      int created = 0;
      int removed = 0;
      for (var message : expected) {
        // The start.
        if (message.path("name").asText().equals("resource.start")) {
          socket.hear(LIMIT);
        }
      }
      boolean isLast = expected.stream().anyMatch(message -> message.has("frame"));
      expected.clear();
      if (!isLast) {
        return;
      }
      for (var heard = socket.hear(LIMIT); heard.isPresent(); ) {
        switch (relevant(heard.get()).path("name").asText()) {
          case "resource.create" -> created++;
          case "resource.remove" -> removed++;
          default -> {} // the start, and what is not compared
        }
        heard = socket.hear(created < 150 || removed < 150 ? LIMIT : QUIET);
      }
      if (created != 150 || removed != 150) {
        differ("heard of %d created and %d removed".formatted(created, removed));
      }
    }

    /** Missing if it is not compared. */
    private static JsonNode relevant(JsonNode message) {
      String name = message.path("name").asText();
      String error = message.at("/data/error").asText();
      boolean schema = message.path("resourceType").asText().equals("schema");
      if (name.equals("ping")
          || error.contains("context canceled")
          || (schema && name.equals("resource.change"))
          || (name.startsWith("resource.") && VectorMatch.isForeign(message.path("data")))) {
        return VectorCase.JSON.missingNode();
      }
      var copy = message.deepCopy();
      if (copy.get("data") instanceof ObjectNode data) {
        if (!error.isEmpty()) {
          data.put("error", NUMBERS.matcher(error).replaceAll("# (#)"));
        }
        if (data.path("_id").equals(data.path("id"))) {
          data.remove("_id");
        }
        if (data.get("metadata") instanceof ObjectNode metadata) {
          metadata.remove("managedFields");
        }
      }
      VectorMatch.clean(copy);
      return copy;
    }

    private static String shown(JsonNode message) {
      String text = message.toString();
      return text.length() > 300 ? text.substring(0, 300) + "…" : text;
    }
  }
}
