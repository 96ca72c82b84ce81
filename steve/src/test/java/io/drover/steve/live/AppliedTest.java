package io.drover.steve.live;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.steve.state.Relationship;
import io.drover.steve.state.Summary;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class AppliedTest {
  private static final Summary FINE = new Summary("active", false, false, List.of());

  private final AtomicInteger all = new AtomicInteger();
  private final Applied applied = new Applied(all, 2);

  private static Optional<Relationship> to(String id) {
    return Optional.of(new Relationship(true, "applies", "node", id, "", ""));
  }

  @Test
  void knowsWhatBelongsToWhatAndForgetsIt() {
    applied.put("lab/b", to("x"), FINE);
    applied.put("lab/a", to("x"), FINE);
    assertThat(applied.of("node", "x")).containsOnlyKeys("lab/a", "lab/b");
    assertThat(applied.of("pod", "x")).isEmpty();

    applied.put("lab/a", to("y"), FINE);
    applied.put("lab/b", Optional.empty(), FINE);
    assertThat(applied.of("node", "x")).isEmpty();
    assertThat(applied.of("node", "y")).containsOnlyKeys("lab/a");
    assertThat(all).hasValue(1);

    applied.remove("lab/a");
    assertThat(all).hasValue(0);
  }

  @Test
  void keepsSoManyOfAllTypesAndNoMore() {
    try (var other = new Applied(all, 2)) {
      other.put("a", to("x"), FINE);
      applied.put("a", to("x"), FINE);
      applied.put("b", to("x"), FINE);
      assertThat(applied.of("node", "x")).containsOnlyKeys("a");
    }

    applied.put("b", to("x"), FINE);
    assertThat(applied.of("node", "x")).containsOnlyKeys("a", "b");
  }

  @Test
  void nothingIsKeptBehindItsEnd() {
    applied.put("a", to("x"), FINE);
    applied.close();
    applied.put("a", to("x"), FINE);

    assertThat(applied.of("node", "x")).isEmpty();
    assertThat(all).hasValue(0);
  }
}
