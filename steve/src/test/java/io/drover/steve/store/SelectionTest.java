package io.drover.steve.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SelectionTest {
  @Test
  void pagesAreThoseOfTheWholeSorted() {
    var random = new Random(3);
    for (int count : new int[] {1, 2, 3, 10, 1000, 20_000}) {
      for (int values : new int[] {1, 2, 50, 1_000_000}) {
        var keys = random.ints(count, 0, values).toArray();
        var rows = new int[count];
        Arrays.setAll(rows, row -> row);
        var sorted = keys.clone();
        Arrays.sort(sorted);
        for (int size : new int[] {1, 7, 100, count}) {
          for (int from = 0; from < count; from += Math.max(size, count / 5)) {
            int to = Math.min(count, from + size);

            var selected =
                new Selection((a, b) -> Integer.compare(keys[a], keys[b]))
                    .smallest(rows, count, from, to);

            assertThat(Arrays.stream(selected).map(row -> keys[row]).sorted().toArray())
                .isEqualTo(Arrays.copyOfRange(sorted, from, to));
            assertThat(Arrays.stream(selected).distinct().count()).isEqualTo(to - from);
          }
        }
      }
    }
  }

  @Test
  void theOrderInWhichRowsLieCostsLittle() {
    int count = 100_000;
    var rows = new int[count];
    Arrays.setAll(rows, row -> row);
    long[] compared = {0};

    new Selection(
            (a, b) -> {
              compared[0]++;
              return b - a; // the largest first, which lie last
            })
        .smallest(rows, count, 0, 100);

    assertThat(compared[0]).isLessThan(2L * count);
  }
}
