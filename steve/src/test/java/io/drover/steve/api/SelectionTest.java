package io.drover.steve.api;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.drover.steve.kube.Json;
import io.drover.steve.live.Change;
import io.drover.steve.live.Change.Kind;
import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SelectionTest {
  private final Selection selection = new Selection("tier=a", true);

  private static ObjectNode object(int number) {
    var object = Json.MAPPER.createObjectNode();
    object.putObject("metadata").put("namespace", "shop").put("name", "m" + number);
    return object;
  }

  private static Change change(Kind kind, int number, String tier) {
    return new Change(1, 1, kind, "shop", "m" + number, Map.of("tier", tier), new byte[0]);
  }

  @Test
  void saysWhatBeginsAndCeasesToMatch() {
    assertThat(selection.kind(change(Kind.CHANGE, 1, "b"))).isNull();
    assertThat(selection.kind(change(Kind.CHANGE, 1, "a"))).isEqualTo(Kind.CREATE);
    assertThat(selection.kind(change(Kind.CHANGE, 1, "a"))).isEqualTo(Kind.CHANGE);
    assertThat(selection.kind(change(Kind.CHANGE, 1, "b"))).isEqualTo(Kind.REMOVE);
    assertThat(selection.kind(change(Kind.REMOVE, 1, "b"))).isNull();
  }

  @Test
  void keepsAtItsLimitWhatItHas() throws IOException {
    for (int i = 0; i < Selection.MAX_SELECTED; i++) {
      selection.select(object(i));
    }
    assertThatThrownBy(() -> selection.select(object(Selection.MAX_SELECTED)))
        .hasMessageContaining("more than " + Selection.MAX_SELECTED);

    assertThat(selection.kind(change(Kind.CHANGE, 1, "a"))).isEqualTo(Kind.CHANGE);
    assertThat(selection.kind(change(Kind.CHANGE, 1, "b"))).isEqualTo(Kind.REMOVE);
  }
}
