package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.drover.agent.view.Node;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NodeAnnotationsTest {
  private final FakeWriter writer = new FakeWriter();
  private final Map<String, Map<String, String>> differing = new HashMap<>();
  private final NodeAnnotations duty = new NodeAnnotations(() -> differing, writer);

  @Test
  void asksNothingWhileNothingDiffers() throws Exception {
    assertThat(duty.pass()).isTrue();

    assertThat(writer.calls).isEmpty();
  }

  @Test
  void writesWhatDiffersAPatchANode() throws Exception {
    differing.put("b", Map.of("limits", "{}"));
    differing.put("a", Map.of("limits", "{}", "requests", "{\"pods\":\"2\"}"));

    duty.pass();

    assertThat(writer.calls)
        .containsExactly(
            "annotate node a {limits={}, requests={\"pods\":\"2\"}}",
            "annotate node b {limits={}}");
  }

  @Test
  void manyNodesTakeSeveralPasses() throws Exception {
    for (int number = 0; number <= Round.MAX_PATCHES_A_PASS; number++) {
      differing.put("n%03d".formatted(number), Map.of("limits", "{}"));
    }

    duty.pass();
    assertThat(writer.taken()).hasSize(Round.MAX_PATCHES_A_PASS);

    duty.pass();
    assertThat(writer.taken().getFirst()).startsWith("annotate node n050 ");
  }

  @Test
  void valueThatAViewWouldNotKeepIsLeftOut() throws Exception {
    differing.put("a", Map.of("long", "x".repeat(Node.MAX_ANNOTATION_CHARACTERS + 1)));
    differing.put("b", Map.of("long", "x".repeat(Node.MAX_ANNOTATION_CHARACTERS)));

    duty.pass();

    assertThat(writer.calls).singleElement().asString().startsWith("annotate node b ");
  }

  @Test
  void failureIsToldAndOtherNodesHaveTheirTurn() throws Exception {
    differing.put("a", Map.of("limits", "{}"));
    differing.put("b", Map.of("limits", "{}"));
    writer.failing.add("annotate node a");

    assertThatThrownBy(duty::pass).hasMessageContaining("annotate node a");
    differing.remove("a");
    duty.pass();

    assertThat(writer.calls).hasSize(2);
  }
}
