package io.drover.proto.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MergePatchTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static ObjectNode json(String text) throws Exception {
    return (ObjectNode) JSON.readTree(text.replace('\'', '"'));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          {'a':1}               | {'a':1}               | {}
          {'a':1}               | {'a':2}               | {'a':2}
          {'a':1}               | {'a':1,'b':2}         | {'b':2}
          {'a':1,'b':2}         | {'b':2}               | {'a':null}
          {'a':{'b':1,'c':2}}   | {'a':{'b':1,'c':3}}   | {'a':{'c':3}}
          {'a':{'b':1}}         | {'a':{}}              | {'a':{'b':null}}
          {'a':{'b':1}}         | {'a':[1]}             | {'a':[1]}
          {'a':[1]}             | {'a':{'b':1}}         | {'a':{'b':1}}
          {'a':[1,2]}           | {'a':[1,3]}           | {'a':[1,3]}
          {}                    | {'a':{'b':{}}}        | {'a':{'b':{}}}
          """)
  void saysWhatHasChanged(String from, String to, String patch) throws Exception {
    ObjectNode target = json(from);

    assertThat(MergePatch.between(target, json(to))).isEqualTo(json(patch));

    MergePatch.apply(target, json(patch));
    assertThat(target).isEqualTo(json(to));
  }

  /** Source: RFC 7396, appendix A: those of its cases that start from an object. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      textBlock =
          """
          {'a':'b'}             | {'a':'c'}             | {'a':'c'}
          {'a':'b'}             | {'b':'c'}             | {'a':'b','b':'c'}
          {'a':'b'}             | {'a':null}            | {}
          {'a':'b','b':'c'}     | {'a':null}            | {'b':'c'}
          {'a':['b']}           | {'a':'c'}             | {'a':'c'}
          {'a':'c'}             | {'a':['b']}           | {'a':['b']}
          {'a':{'b':'c'}}       | {'a':{'b':'d','c':null}} | {'a':{'b':'d'}}
          {'a':[{'b':'c'}]}     | {'a':[1]}             | {'a':[1]}
          {'e':null}            | {'a':1}               | {'e':null,'a':1}
          {}                    | {'a':{'bb':{'ccc':null}}} | {'a':{'bb':{}}}
          """)
  void appliesAsTheStandardSays(String target, String patch, String result) throws Exception {
    ObjectNode changed = json(target);

    MergePatch.apply(changed, json(patch));

    assertThat(changed).isEqualTo(json(result));
  }

  @Test
  void patchOfAnythingLeadsToAnything() {
    var random = new Random(7396);
    for (int i = 0; i < 2_000; i++) {
      ObjectNode from = object(random, 3);
      ObjectNode to = object(random, 3);
      ObjectNode before = from.deepCopy();

      ObjectNode patch = MergePatch.between(from, to);
      assertThat(from).isEqualTo(before);
      MergePatch.apply(from, patch);

      assertThat(from).as("patch %s of %s", patch, before).isEqualTo(to);
    }
  }

  private static ObjectNode object(Random random, int depth) {
    ObjectNode object = JSON.createObjectNode();
    for (int i = random.nextInt(4); i > 0; i--) {
      object.set("abcd".substring(random.nextInt(4)).substring(0, 1), value(random, depth));
    }
    return object;
  }

  private static JsonNode value(Random random, int depth) {
    return switch (random.nextInt(depth > 0 ? 4 : 2)) {
      case 0 -> JSON.getNodeFactory().numberNode(random.nextInt(3));
      case 1 -> JSON.getNodeFactory().textNode("x");
      case 2 -> JSON.createArrayNode().add(random.nextInt(3)).add(object(random, depth - 1));
      default -> object(random, depth - 1);
    };
  }
}
