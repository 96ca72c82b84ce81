package io.drover.agent.duty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RoundTest {
  private final Round round = new Round();
  private final List<String> made = new ArrayList<>();
  private String failing = "";

  @Test
  void noMoreThanTheLimitInOnePassAndTheRestInTheNext() throws Exception {
    var names = new ArrayList<String>();
    for (int number = 0; number < Round.MAX_PATCHES_A_PASS + 10; number++) {
      names.add("n%03d".formatted(number));
    }

    round.pass(changes(names));
    assertThat(made).isEqualTo(names.subList(0, Round.MAX_PATCHES_A_PASS));

    // The view may be behind: all of them are still said to differ.
    made.clear();
    round.pass(changes(names));
    assertThat(made.subList(0, 10)).isEqualTo(names.subList(Round.MAX_PATCHES_A_PASS, 60));
    assertThat(made.get(10)).isEqualTo("n000");
    assertThat(made).hasSize(Round.MAX_PATCHES_A_PASS).doesNotHaveDuplicates();
  }

  @Test
  void failureEndsThePassAndTheNextOneBeginsBehindIt() throws Exception {
    var names = List.of("a", "b", "c", "d");
    failing = "b";

    assertThatThrownBy(() -> round.pass(changes(names))).hasMessage("b");
    assertThat(made).containsExactly("a", "b");

    made.clear();
    assertThatThrownBy(() -> round.pass(changes(names))).hasMessage("b");
    assertThat(made).containsExactly("c", "d", "a", "b");
  }

  @Test
  void nothingToDoIsNothingDone() throws Exception {
    round.pass(changes(List.of()));

    assertThat(made).isEmpty();
  }

  private NavigableMap<String, Round.Change> changes(List<String> names) {
    var changes = new TreeMap<String, Round.Change>();
    for (String name : names) {
      changes.put(
          name,
          () -> {
            made.add(name);
            if (name.equals(failing)) {
              throw new IOException(name);
            }
          });
    }
    return changes;
  }
}
