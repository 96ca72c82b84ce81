package io.drover.agent.gateway.policy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One document of YAML as a tree that knows its lines. Without aliases, tags, further documents and
 * doubled keys, in which two readers might see two things.
 */
sealed interface YamlNode {
  /** Of values in values; a policy has 5. */
  int MAX_DEPTH = 16;

  /** From 1 on. */
  int line();

  /**
   * A single value.
   *
   * @param isText whether it is a string, and no number, boolean or null
   */
  record Scalar(int line, String text, boolean isText) implements YamlNode {}

  /** A list. */
  record Items(int line, List<YamlNode> all) implements YamlNode {
    public Items {
      all = List.copyOf(all);
    }
  }

  /**
   * Keys with their values, in their order.
   *
   * @param keys where each stands
   */
  record Fields(int line, Map<String, YamlNode> all, Map<String, Integer> keys)
      implements YamlNode {}

  /**
   * Reads a text.
   *
   * @throws PolicyException if it is no such document; with the line
   */
  static YamlNode parse(String text) throws PolicyException {
    try (YAMLParser parser = Reader.FACTORY.createParser(text)) {
      return Reader.document(parser);
    } catch (JsonProcessingException e) {
      int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
      throw new PolicyException(
          (line > 0 ? "line " + line + ": " : "") + "this is no YAML: " + Reader.complaint(e));
    } catch (IOException e) {
      throw new IllegalStateException("a text that is in memory cannot be read", e);
    }
  }

  /** From tokens to a tree. */
  final class Reader {
    private static final YAMLFactory FACTORY =
        YAMLFactory.builder()
            .streamReadConstraints(
                StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build())
            .build();

    private Reader() {}

    /** Of what a parser says only the complaint: the rest quotes the text. */
    private static String complaint(JsonProcessingException e) {
      return e.getOriginalMessage()
          .lines()
          .filter(line -> !line.isBlank() && !line.startsWith(" "))
          .reduce((_, last) -> last)
          .orElse("not understood");
    }

    private static YamlNode document(YAMLParser parser) throws IOException, PolicyException {
      if (parser.nextToken() == null) {
        throw new PolicyException("line 1: there is no policy in it: write one");
      }
      var root = node(parser);
      if (parser.nextToken() != null) {
        throw wrong(parser, "there is a second document: write one");
      }
      return root;
    }

    private static PolicyException wrong(YAMLParser parser, String what) {
      return new PolicyException("line " + line(parser) + ": " + what);
    }

    private static int line(YAMLParser parser) {
      return parser.currentTokenLocation().getLineNr();
    }

    private static YamlNode node(YAMLParser parser) throws IOException, PolicyException {
      if (parser.isCurrentAlias() || parser.getObjectId() != null) {
        throw wrong(parser, "an anchor or alias is not taken: write out what it stands for");
      }
      if (parser.getTypeId() != null) {
        throw wrong(parser, "a tag is not taken: leave it out");
      }
      int line = line(parser);
      JsonToken token = parser.currentToken();
      return switch (token) {
        case START_OBJECT -> fields(parser, line);
        case START_ARRAY -> items(parser, line);
        default -> new Scalar(line, parser.getText(), token == JsonToken.VALUE_STRING);
      };
    }

    private static Items items(YAMLParser parser, int line) throws IOException, PolicyException {
      var all = new ArrayList<YamlNode>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        all.add(node(parser));
      }
      return new Items(line, all);
    }

    private static Fields fields(YAMLParser parser, int line) throws IOException, PolicyException {
      var all = new LinkedHashMap<String, YamlNode>();
      var keys = new LinkedHashMap<String, Integer>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        if (parser.isCurrentAlias() || parser.getObjectId() != null) {
          throw wrong(parser, "an anchor or alias is not taken: write out what it stands for");
        }
        String key = parser.getText();
        int keyLine = line(parser);
        if (keys.putIfAbsent(key, keyLine) != null) {
          throw wrong(parser, key + " is there twice: leave one of them out");
        }
        parser.nextToken();
        all.put(key, node(parser));
      }
      return new Fields(line, all, keys);
    }
  }
}
