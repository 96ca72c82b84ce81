package io.drover.standin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.junit.jupiter.api.Test;

class PatchTest {
  @Test
  void strategicPatchMergesListsByTheirKey() throws Exception {
    assertThat(
            strategic(
                "{containers: [{name: a, image: x, env: [{name: e, value: '1'}]}, {name: b}]}",
                "{containers: [{name: a, image: y}, {name: b, $patch: delete}, {name: c}]}"))
        .isEqualTo(
            yaml("{containers: [{name: a, image: y, env: [{name: e, value: '1'}]}, {name: c}]}"));
  }

  @Test
  void strategicPatchReplacesListsWithoutKey() throws Exception {
    assertThat(strategic("{args: [a, b], other: 1}", "{args: [c]}"))
        .isEqualTo(yaml("{args: [c], other: 1}"));
  }

  @Test
  void strategicPatchFollowsDirectives() throws Exception {
    assertThat(
            strategic(
                "{strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1}}, finalizers: [a, b]}",
                "{strategy: {$retainKeys: [type], type: Recreate}, $deleteFromPrimitiveList/finalizers: [a]}"))
        .isEqualTo(yaml("{strategy: {type: Recreate}, finalizers: [b]}"));
    assertThat(strategic("{data: {a: 1, b: 2}}", "{data: {$patch: replace, c: 3}}"))
        .isEqualTo(yaml("{data: {c: 3}}"));
  }

  @Test
  void selectorsMatchAsInKubernetes() throws Exception {
    var object = yaml("{metadata: {name: n, labels: {app: web, tier: ''}}, spec: {node: a}}");

    for (String matching :
        new String[] {"", "app=web", "app==web,tier", "app in (x, web)", "!old", "app!=db,tier="}) {
      assertThat(Selector.labels(matching).test(object)).as(matching).isTrue();
    }
    for (String other : new String[] {"app=db", "old", "old in (a)", "app notin (web)", "!tier"}) {
      assertThat(Selector.labels(other).test(object)).as(other).isFalse();
    }
    assertThat(Selector.fields("metadata.name=n,spec.node!=b").test(object)).isTrue();
    assertThat(Selector.fields("spec.node=b").test(object)).isFalse();
  }

  private static ObjectNode strategic(String current, String patch) throws Exception {
    return Patch.STRATEGIC.apply(yaml(current), yaml(patch));
  }

  private static ObjectNode yaml(String text) throws JsonProcessingException {
    return (ObjectNode) Json.YAML.readTree(text);
  }
}
