package io.drover.steve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.zip.GZIPInputStream;

/** Answers of the stock agent, as the README beside them describes, and what we do otherwise. */
public final class Recorded {
  public static final List<String> DIALECTS = List.of("sql", "classic");

  private static final ObjectMapper JSON = new ObjectMapper();

  private Recorded() {}

  /** One recorded request and its answer. */
  public record Case(String id, String path, JsonNode json) {
    public int status() {
      return json.path("status").asInt();
    }

    public JsonNode body() {
      return json.path("responseBody");
    }

    /** The objects of a list, or the one object that is the answer. */
    public List<ObjectNode> objects() {
      var objects = new ArrayList<ObjectNode>();
      var all = body().has("data") ? body().path("data") : List.of(body());
      for (var each : all) {
        if (each instanceof ObjectNode object) {
          objects.add(object);
        }
      }
      return objects;
    }
  }

  public static List<Case> cases(String dialect, String group) {
    var cases = new ArrayList<Case>();
    for (var json : read("cases-" + dialect + "-" + group + ".json")) {
      cases.add(new Case(json.path("id").asText(), json.path("path").asText(), json));
    }
    return cases;
  }

  private static JsonNode read(String name) {
    try (var plain = Recorded.class.getResourceAsStream("/vectors/" + name);
        var packed = Recorded.class.getResourceAsStream("/vectors/" + name + ".gz");
        InputStream in = plain != null ? plain : new GZIPInputStream(packed)) {
      return JSON.readTree(in);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * What is different on purpose: lines of {@code id | reason} in a resource.
   *
   * @return reasons by id
   */
  public static Map<String, String> differences(String resource) {
    var differences = new TreeMap<String, String>();
    try (var in = Recorded.class.getResourceAsStream(resource)) {
      new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8)
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith("#"))
          .forEach(
              line -> {
                var bar = line.lastIndexOf(" | ");
                differences.put(line.substring(0, bar), line.substring(bar + 3));
              });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return differences;
  }

  /** Fails unless exactly the listed ones differ, and says what is wrong with which. */
  public static void assertListed(Map<String, String> found, Map<String, String> listed) {
    Collection<String> all = new TreeSet<>(found.keySet());
    all.addAll(listed.keySet());
    var wrong = new ArrayList<String>();
    for (var id : all) {
      if (!listed.containsKey(id)) {
        wrong.add("differs, and is not listed: " + id + ": " + found.get(id));
      } else if (!found.containsKey(id)) {
        wrong.add("is listed, and does not differ: " + id);
      }
    }
    if (!wrong.isEmpty()) {
      throw new AssertionError(
          wrong.size() + " of " + all.size() + ":\n" + String.join("\n", wrong));
    }
  }
}
