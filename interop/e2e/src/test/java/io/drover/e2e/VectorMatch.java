package io.drover.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.MissingNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * Whether an answer is the recorded one. In the record, <code>${name}</code> stands for what
 * changes from one run to the next. Beyond that these are not compared: what the stock agent does
 * to the cluster by itself (its types, its objects, annotations of {@code cattle.io}), objects that
 * are in any cluster, the order of what is random in stock, and its field {@code
 * X-Api-Cattle-Auth}.
 */
final class VectorMatch {
  private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
  private static final Pattern PLACEHOLDER =
      Pattern.compile("\\$\\{[a-zA-Z]+(:\\{.*?\\})?}|\\x01"); // one is damaged

  /** Of a pod: the simulated nodes give others. */
  private static final Pattern ADDRESS = Pattern.compile("(127\\.0|10\\.244)(\\.\\d+){2}");

  /** What the API server says of an object with several faults, which it finds in any order. */
  private static final Pattern INVALID = Pattern.compile("(.* is invalid: )\\[(.*)]");

  /** What the API server knows, which differs from one cluster to the next. */
  private static final Pattern NEWEST =
      Pattern.compile("(Too large resource version: \\d+, current: )\\d+");

  /** Of which controllers make as many as they like. */
  private static final Set<String> UNCOUNTED =
      Set.of("discovery.k8s.io.endpointslice", "endpoints", "event", "events.k8s.io.event");

  private static final Set<String> UNORDERED =
      Set.of("resourceMethods", "collectionMethods", "relationships");

  /** Of answers, those that say nothing of the answer itself. */
  private static final Set<String> FRAMING =
      Set.of(
          "Date",
          "Content-Length",
          "Transfer-Encoding",
          "Connection",
          "X-Api-Cattle-Auth",
          "X-Drover-List");

  private static final Comparator<JsonNode> BY_ID =
      Comparator.comparing(item -> item.path("id").asText());

  private VectorMatch() {}

  /** Where the two differ first; empty: nowhere. */
  static Optional<String> difference(VectorCase recorded, RawHttp.Reply reply) {
    return difference(recorded, reply, true);
  }

  /** The same, but for what objects have to do with others. */
  static Optional<String> besideRelationships(VectorCase recorded, RawHttp.Reply reply) {
    return difference(recorded, reply, false);
  }

  private static Optional<String> difference(
      VectorCase recorded, RawHttp.Reply reply, boolean related) {
    var json = recorded.json();
    if (json.path("status").asInt() != reply.status()) {
      return Optional.of(
          "status %d, recorded %d: %s"
              .formatted(reply.status(), json.path("status").asInt(), shortened(reply.body())));
    }
    return fields(json.path("responseHeaders"), reply).or(() -> body(recorded, reply, related));
  }

  private static Optional<String> fields(JsonNode recorded, RawHttp.Reply reply) {
    var names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    recorded.properties().forEach(field -> names.add(field.getKey()));
    names.addAll(reply.fields().keySet());
    FRAMING.forEach(names::remove);
    for (String name : names) {
      var values = new ArrayList<String>();
      var expected = recorded.path(name);
      if (expected.isArray()) {
        expected.forEach(value -> values.add(value.asText()));
      } else if (!expected.isMissingNode()) {
        values.add(expected.asText());
      }
      var actual = reply.fields().getOrDefault(name, List.of());
      boolean same = values.size() == actual.size();
      for (int i = 0; same && i < values.size(); i++) {
        same =
            name.equals("Set-Cookie")
                ? actual.get(i).matches("CSRF=[0-9a-f]{32}; Path=/; Secure; SameSite=Lax")
                : matches(values.get(i), actual.get(i));
      }
      if (!same) {
        return Optional.of("field %s: %s, recorded %s".formatted(name, actual, values));
      }
    }
    return Optional.empty();
  }

  private static Optional<String> body(VectorCase recorded, RawHttp.Reply reply, boolean related) {
    var json = recorded.json();
    try {
      if (json.has("responseBody")) {
        var actual =
            reply.body().isEmpty()
                ? VectorCase.JSON.nullNode()
                : VectorCase.JSON.readTree(reply.body());
        var expected = json.path("responseBody");
        var first = relevant(recorded, expected);
        var second = relevant(recorded, actual);
        if (!related) {
          unrelate(first);
          unrelate(second);
        }
        return compare("", first, second);
      }
      String text = json.path("responseText").asText("");
      return switch (reply.first("Content-Type")) {
        case "application/yaml" -> compare("", yaml(recorded, text), yaml(recorded, reply.body()));
        case "application/jsonl" -> lines(text, reply.body());
        default ->
            matches(text, reply.body())
                ? Optional.empty()
                : Optional.of(shortened(reply.body()) + ", recorded " + shortened(text));
      };
    } catch (IOException e) {
      return Optional.of("not readable: " + e.getMessage());
    }
  }

  /** The record of this form has the list's version as it was. */
  private static JsonNode yaml(VectorCase recorded, String text) throws IOException {
    var body = YAML.readTree(text);
    if (body instanceof ObjectNode object) {
      object.remove("revision");
    }
    return relevant(recorded, body);
  }

  private static Optional<String> lines(String recorded, String actual) throws IOException {
    var expected = recorded.split("\n", -1);
    var found = actual.split("\n", -1);
    if (expected.length != found.length) {
      return Optional.of(found.length + " lines, recorded " + expected.length);
    }
    for (int i = 0; i < expected.length; i++) {
      var difference =
          compare(
              "line " + i,
              cleanId(VectorCase.JSON.readTree(expected[i])),
              cleanId(VectorCase.JSON.readTree(found[i])));
      if (difference.isPresent()) {
        return difference;
      }
    }
    return Optional.empty();
  }

  /** Without what the agent is not to be judged by; a copy. */
  private static JsonNode relevant(VectorCase recorded, JsonNode body) {
    var copy = body.deepCopy();
    for (var path : recorded.json().path("variedBetweenRuns")) {
      remove(copy, path.asText());
    }
    if (copy.get("data") instanceof ArrayNode data) {
      int before = data.size();
      for (Iterator<JsonNode> items = data.iterator(); items.hasNext(); ) {
        var item = items.next();
        if (isForeign(item)) {
          items.remove();
        } else {
          cleanId(item);
        }
      }
      if (copy.path("resourceType").asText().equals("schema")) {
        var sorted = data.valueStream().sorted(BY_ID).toList();
        data.removeAll().addAll(sorted);
      }
      if (data.size() != before || recorded.json().has("foreignItems")) {
        ((ObjectNode) copy).remove(List.of("count", "pages"));
      }
    }
    clean(copy);
    return copy;
  }

  /** In a list it stands beside id, on some objects and not on others. */
  private static JsonNode cleanId(JsonNode item) {
    if (item instanceof ObjectNode object && object.path("_id").equals(object.path("id"))) {
      object.remove("_id");
    }
    return item;
  }

  private static void remove(JsonNode tree, String path) {
    var pointer = path.replaceFirst("^\\$?\\.?", "").replace("[", ".").replace("]", "");
    int last = pointer.lastIndexOf('.');
    var parent = last < 0 ? tree : tree.at("/" + pointer.substring(0, last).replace('.', '/'));
    if (parent instanceof ObjectNode object) {
      object.remove(pointer.substring(last + 1));
    }
  }

  private static void unrelate(JsonNode tree) {
    if (tree instanceof ObjectNode object) {
      object.remove("relationships");
    }
    tree.forEach(VectorMatch::unrelate);
  }

  /** An object, or a type, that is not of the fixture. */
  static boolean isForeign(JsonNode item) {
    String id = item.path("id").asText();
    return switch (item.path("type").asText()) {
      case "schema", "apigroup" -> isForeignType(id);
      case "node", "userpreference" -> true;
      case "namespace" -> !id.startsWith("vec-") || id.equals("vec-tmp");
      default ->
          id.endsWith("/kube-root-ca.crt")
              || isForeignType(item.path("type").asText())
              || (id.contains("/") && !id.startsWith("vec-"));
    };
  }

  private static boolean isForeignType(String id) {
    return id.contains("cattle.io") || id.startsWith("chart") || id.startsWith("generateKube");
  }

  /** What the stock agent has written into objects of others. */
  static void clean(JsonNode tree) {
    if (tree instanceof ObjectNode object) {
      if (object.get("annotations") instanceof ObjectNode annotations) {
        annotations
            .properties()
            .removeIf(
                field ->
                    field.getKey().contains("cattle.io/")
                        || field.getKey().contains("last-applied-configuration"));
        if (annotations.isEmpty()) {
          object.remove("annotations");
        }
      }
      if (object.get("links") instanceof ObjectNode links) {
        links.properties().removeIf(field -> field.getKey().contains("cattle.io"));
      }
      if (object.get("counts") instanceof ObjectNode counts
          && object.path("type").asText().equals("count")) {
        cleanCounts(counts);
      }
      if (object.get("relationships") instanceof ArrayNode relationships) {
        cleanSlices(relationships);
      }
      if (object.path("message").isTextual()) {
        object.put("message", NEWEST.matcher(object.path("message").asText()).replaceFirst("$1"));
      }
      object.remove(List.of("generation", "observedGeneration"));
    }
    tree.forEach(VectorMatch::clean);
  }

  /** Their names are made up, and the recorded cluster had none for its headless Service. */
  private static void cleanSlices(ArrayNode relationships) {
    for (Iterator<JsonNode> all = relationships.iterator(); all.hasNext(); ) {
      if (all.next() instanceof ObjectNode one
          && one.path("toType").asText().equals("discovery.k8s.io.endpointslice")) {
        if (one.path("toId").asText().startsWith("vec-shop/db-")) {
          all.remove();
        }
        one.put("toId", one.path("toId").asText().replaceFirst("[^-]*$", ""));
      }
    }
  }

  /**
   * Events and EndpointSlices come as they like, and what is outside of the fixture's namespaces is
   * foreign.
   */
  private static void cleanCounts(ObjectNode counts) {
    counts
        .properties()
        .removeIf(field -> isForeignType(field.getKey()) || UNCOUNTED.contains(field.getKey()));
    for (Map.Entry<String, JsonNode> field : counts.properties()) {
      var count = (ObjectNode) field.getValue();
      if (count.get("namespaces") instanceof ObjectNode namespaces) {
        namespaces.properties().removeIf(namespace -> !namespace.getKey().startsWith("vec-"));
        if (namespaces.isEmpty()) {
          count.remove("namespaces");
        }
      }
      if (!field.getKey().startsWith("vectors.")) {
        count.remove("summary"); // with what is foreign; the numbers of namespaces say the same
      }
    }
  }

  static Optional<String> compare(String path, JsonNode expected, JsonNode actual) {
    if (expected.isTextual() && PLACEHOLDER.matcher(expected.asText()).find()) {
      if (expected.asText().equals("${managedFields}")) {
        return actual.isArray() ? Optional.empty() : differ(path, expected, actual);
      }
      return actual.isValueNode() && matches(expected.asText(), actual.asText())
          ? Optional.empty()
          : differ(path, expected, actual);
    }
    if (expected.isTextual() && INVALID.matcher(expected.asText()).matches()) {
      return faults(expected.asText()).equals(faults(actual.asText()))
          ? Optional.empty()
          : differ(path, expected, actual);
    }
    if (expected instanceof ObjectNode object && actual instanceof ObjectNode) {
      var names = new TreeSet<String>();
      object.properties().forEach(field -> names.add(field.getKey()));
      actual.properties().forEach(field -> names.add(field.getKey()));
      for (String name : names) {
        var one = expected.path(name);
        var other = actual.path(name);
        var difference =
            UNORDERED.contains(name) && one.isArray() && other.isArray()
                ? unordered(path + "." + name, one, other)
                : compare(path + "." + name, one, other);
        if (difference.isPresent()) {
          return difference;
        }
      }
      return Optional.empty();
    }
    if (expected.isArray() && actual.isArray()) {
      return array(path, expected, actual);
    }
    if (ADDRESS.matcher(expected.asText()).matches()) {
      return ADDRESS.matcher(actual.asText()).matches()
          ? Optional.empty()
          : differ(path, expected, actual);
    }
    boolean numbers = expected.isNumber() && actual.isNumber();
    boolean same =
        numbers
            ? expected.decimalValue().compareTo(actual.decimalValue()) == 0
            : expected.equals(actual);
    return same ? Optional.empty() : differ(path, expected, actual);
  }

  private static Set<String> faults(String message) {
    var parts = INVALID.matcher(message);
    return parts.matches()
        ? new TreeSet<>(List.of(parts.group(2).split(", (?=spec)", -1)))
        : Set.of(message);
  }

  private static Optional<String> array(String path, JsonNode expected, JsonNode actual) {
    for (int i = 0; i < Math.max(expected.size(), actual.size()); i++) {
      var difference = compare(path + "[" + i + "]", expected.path(i), actual.path(i));
      if (difference.isPresent()) {
        boolean generated =
            expected.valueStream().anyMatch(item -> item.path("id").asText().contains("${gen}"));
        return generated && unordered(path, expected, actual).isEmpty()
            ? Optional.empty()
            : difference;
      }
    }
    return Optional.empty();
  }

  private static Optional<String> unordered(String path, JsonNode expected, JsonNode actual) {
    if (expected.size() != actual.size()) {
      return differ(path, expected, actual);
    }
    var left = new ArrayList<JsonNode>();
    actual.forEach(left::add);
    for (var one : expected) {
      var found = left.stream().filter(other -> compare(path, one, other).isEmpty()).findFirst();
      if (found.isEmpty()) {
        return differ(path, one, left.isEmpty() ? MissingNode.getInstance() : left.getFirst());
      }
      left.remove(found.get());
    }
    return Optional.empty();
  }

  private static Optional<String> differ(String path, JsonNode expected, JsonNode actual) {
    return Optional.of("%s: %s, recorded %s".formatted(path, shown(actual), shown(expected)));
  }

  private static String shown(JsonNode node) {
    return node.isMissingNode() ? "missing" : shortened(node.toString());
  }

  private static String shortened(String text) {
    return text.length() > 300 ? text.substring(0, 300) + "…" : text;
  }

  /** Whether a text fits one with placeholders. */
  static boolean matches(String expected, String actual) {
    var placeholders = PLACEHOLDER.matcher(expected);
    var pattern = new StringBuilder();
    int end = 0;
    while (placeholders.find()) {
      pattern.append(Pattern.quote(expected.substring(end, placeholders.start()))).append(".*?");
      end = placeholders.end();
    }
    pattern.append(Pattern.quote(expected.substring(end)));
    return Pattern.compile(pattern.toString(), Pattern.DOTALL).matcher(actual).matches();
  }
}
