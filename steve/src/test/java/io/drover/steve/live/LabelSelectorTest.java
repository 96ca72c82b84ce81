package io.drover.steve.live;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LabelSelectorTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "'' | a=1 | true",
        "a=1 | a=1 | true",
        "a==1 | a=1 | true",
        "a = 1 | a=1 | true",
        "a=1 | a=2 | false",
        "a=1 | b=1 | false",
        "a= | a= | true",
        "a!=1 | a=2 | true",
        "a!=1 | b=2 | true",
        "a!=1 | a=1 | false",
        "a | a=1 | true",
        "a | b=1 | false",
        "!a | b=1 | true",
        "!a | a=1 | false",
        "a in (1,2) | a=2 | true",
        "a in ( 1 , 2 ) | a=2 | true",
        "a in (1,2) | b=2 | false",
        "a notin (1,2) | a=3 | true",
        "a notin (1,2) | b=3 | true",
        "a notin (1,2) | a=1 | false",
        "a>5 | a=6 | true",
        "a>5 | a=x | false",
        "a<5 | a=4 | true",
        "a in (1,2),!b | a=1 | true",
        "a in (1,2),!b | a=1,b=1 | false",
        "app.kubernetes.io/name=web | app.kubernetes.io/name=web | true",
      })
  void selectsAsKubernetesDoes(String selector, String labels, boolean selected) {
    var all = new HashMap<String, String>();
    for (String label : labels.split(",", -1)) {
      all.put(label.substring(0, label.indexOf('=')), label.substring(label.indexOf('=') + 1));
    }
    assertThat(new LabelSelector(selector).selects(all)).isEqualTo(selected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a in (1", "=1", "a=1,", "a ~ 1", "a in 1", "a=1)", "a b"})
  void saysWhatIsNoSelector(String text) {
    assertThatThrownBy(() -> new LabelSelector(text)).hasMessageContaining("parse requirement");
  }

  @Test
  void isNoLongerThanTheLimit() {
    String longest = "a=" + "1".repeat(LabelSelector.MAX_CHARS - 2);
    assertThat(new LabelSelector(longest).selects(Map.of())).isFalse();
    assertThatThrownBy(() -> new LabelSelector(longest + "1"))
        .hasMessageContaining(Integer.toString(LabelSelector.MAX_CHARS));
  }
}
