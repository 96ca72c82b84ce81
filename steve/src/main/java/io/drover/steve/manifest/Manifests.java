package io.drover.steve.manifest;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.drover.steve.kube.Json;
import io.drover.steve.kube.Refusal;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads documents of YAML, with {@code ---} between them, or JSON values one behind the other. All
 * of the text is understood, or nothing of it counts. The API server is given each document as it
 * stands, so that it alone decides what a value of it means; here only the object's name is read.
 * One thread.
 */
public final class Manifests {
  /** Objects in one text: a chart of the largest operators has some 200. */
  static final int MAX_OBJECTS = 500;

  /** Of values in values. The API server's own kinds have less than 30. */
  static final int MAX_DEPTH = 100;

  /** That are told at one time. */
  static final int MAX_PROBLEMS = 10;

  /** A line that separates documents; what stands behind it belongs to the next. */
  private static final Pattern SEPARATOR = Pattern.compile("(?m)^---(?=\\s|\\z)");

  private static final Pattern API_VERSION =
      Pattern.compile("([a-z0-9]([a-z0-9.-]*[a-z0-9])?/)?[a-z0-9]+");

  /** What may be part of a path. */
  private static final Pattern NAME = Pattern.compile("(?!\\.{1,2}\\z)[^/%\\s]{1,253}");

  private static final YAMLMapper YAML =
      new YAMLMapper(
          YAMLFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
              .build());

  private final List<Manifest> all = new ArrayList<>();
  private final List<String> problems = new ArrayList<>();
  private boolean full;

  private Manifests() {}

  /**
   * Reads a text.
   *
   * @throws Refusal if any of it is not understood; it says which document, and what to do
   */
  public static List<Manifest> parse(String text) throws Refusal {
    var reading = new Manifests();
    String whole = text.startsWith("\ufeff") ? text.substring(1) : text;
    if (whole.stripLeading().startsWith("{")) {
      reading.json(whole);
    } else {
      reading.yaml(whole);
    }
    if (!reading.problems.isEmpty()) {
      throw Refusal.body("nothing was applied:\n" + String.join("\n", reading.problems));
    }
    if (reading.all.isEmpty()) {
      throw Refusal.body("there is no object in it: paste at least one");
    }
    return List.copyOf(reading.all);
  }

  private void problem(String place, String what) {
    if (problems.size() < MAX_PROBLEMS) {
      problems.add(place + ": " + what);
    }
  }

  /** Whether it is of no use to go on. */
  private boolean isEnough() {
    return full || problems.size() >= MAX_PROBLEMS;
  }

  private void json(String text) {
    ObjectReader reader = Json.MAPPER.readerFor(JsonNode.class);
    int number = 1;
    try (var parser = Json.MAPPER.createParser(text)) {
      for (; !isEnough() && parser.nextToken() != null; number++) {
        JsonNode tree = reader.readValue(parser);
        add(place(number), tree, tree.toString(), false);
      }
    } catch (JsonProcessingException e) {
      problem(place(number), unreadable("JSON", 0, e));
    } catch (IOException e) {
      throw new IllegalStateException("a text that is in memory cannot be read", e);
    }
  }

  private void yaml(String text) {
    var separators = SEPARATOR.matcher(text);
    int number = 1;
    int line = 0;
    int from = 0;
    while (true) {
      boolean more = separators.find();
      String part = text.substring(from, more ? separators.start() : text.length());
      if (document(number, line, part)) {
        number++;
      }
      if (!more || isEnough()) {
        return;
      }
      line += (int) part.chars().filter(c -> c == '\n').count();
      from = separators.end();
    }
  }

  private static String place(int number) {
    return "document " + number;
  }

  /** Returns whether there is anything in it. */
  private boolean document(int number, int linesBefore, String text) {
    String place = place(number);
    boolean anchors = false;
    try {
      try (var parser = YAML.createParser(text)) {
        while (parser.nextToken() != null) {
          anchors |= parser.getObjectId() != null;
        }
      }
      try (var parser = YAML.createParser(text)) {
        JsonNode tree = YAML.readTree(parser);
        if (tree == null || tree.isMissingNode() || tree.isNull()) {
          return false;
        }
        add(place, tree, text, anchors);
      }
    } catch (JsonProcessingException e) {
      problem(place, unreadable("YAML", linesBefore, e));
    } catch (IOException e) {
      throw new IllegalStateException("a text that is in memory cannot be read", e);
    }
    return true;
  }

  /** Of what a parser says only the complaint: the rest quotes the text. */
  private static String unreadable(String form, int linesBefore, JsonProcessingException e) {
    String complaint =
        e.getOriginalMessage()
            .lines()
            .filter(line -> !line.isBlank() && !line.startsWith(" "))
            .reduce((_, last) -> last)
            .orElse("not understood");
    String at =
        e.getLocation() == null ? "" : ", line " + (linesBefore + e.getLocation().getLineNr());
    return "this is no " + form + at + ": " + complaint + ": correct it";
  }

  private void add(String place, JsonNode tree, String text, boolean anchors) {
    if (!(tree instanceof ObjectNode object)) {
      problem(place, "this is no object: it needs apiVersion, kind and metadata");
      return;
    }
    if (text(object, "kind").endsWith("List") && object.get("items") instanceof ArrayNode items) {
      if (anchors) {
        problem(place, "a List with anchors is not taken: write its items as documents");
        return;
      }
      for (int i = 0; i < items.size() && !isEnough(); i++) {
        one(place + ", item " + (i + 1), items.get(i), items.get(i).toString());
      }
      return;
    }
    one(place, object, text);
  }

  private void one(String place, JsonNode object, String text) {
    if (all.size() == MAX_OBJECTS) {
      full = true;
      problem(
          place, "there are more than " + MAX_OBJECTS + " objects: import them in several parts");
      return;
    }
    String apiVersion = text(object, "apiVersion");
    String kind = text(object, "kind");
    var metadata = object.path("metadata");
    String name = text(metadata, "name");
    String start = text(metadata, "generateName");
    String namespace = text(metadata, "namespace");
    var manifest =
        new Manifest(place, apiVersion, kind, namespace, name, name.isEmpty() ? start : "", text);
    String wrong = wrong(manifest);
    if (wrong == null) {
      all.add(manifest);
    } else {
      problem(kind.isEmpty() ? place : manifest.title(), wrong);
    }
  }

  private static @Nullable String wrong(Manifest manifest) {
    if (!API_VERSION.matcher(manifest.apiVersion()).matches()) {
      return "apiVersion is missing or wrong: write it as in v1 or apps/v1";
    }
    if (manifest.kind().isEmpty()) {
      return "kind is missing: write it as in Deployment";
    }
    String name = manifest.name().isEmpty() ? manifest.generateName() : manifest.name();
    if (!NAME.matcher(name).matches()) {
      return "metadata.name is missing or wrong: give the object one";
    }
    if (!manifest.namespace().isEmpty() && !NAME.matcher(manifest.namespace()).matches()) {
      return "metadata.namespace is wrong: correct it, or leave it out";
    }
    return null;
  }

  private static String text(JsonNode object, String field) {
    var value = object.path(field);
    return value.isTextual() ? value.asText("") : "";
  }
}
