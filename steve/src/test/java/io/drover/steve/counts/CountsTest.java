package io.drover.steve.counts;

import static io.drover.steve.Objects.object;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.drover.steve.Recorded;
import io.drover.steve.TestClock;
import io.drover.steve.counts.Count.States;
import io.drover.steve.query.Scope;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CountsTest {
  private final TestClock clock = new TestClock();

  @Test
  void recordedCountsAreWrittenAsStockDoes() {
    int compared = 0;
    for (var dialect : Recorded.DIALECTS) {
      for (var recorded : Recorded.cases(dialect, "counts")) {
        for (var object : recorded.objects()) {
          var counts = new HashMap<String, Count>();
          object
              .path("counts")
              .properties()
              .forEach(e -> counts.put(e.getKey(), count(e.getValue())));
          assertThat(CountsStream.json(counts))
              .as(recorded.id())
              .isEqualTo(object.has("counts") ? object.path("counts") : object("{}"));
          compared += counts.size();
        }
      }
    }
    assertThat(compared).isGreaterThan(200);
  }

  private static Count count(JsonNode type) {
    var byNamespace = new HashMap<String, States>();
    type.path("namespaces")
        .properties()
        .forEach(e -> byNamespace.put(e.getKey(), states(e.getValue())));
    return new Count(states(type.path("summary")), byNamespace);
  }

  private static States states(JsonNode json) {
    return new States(
        json.path("count").asInt(),
        json.path("errors").asInt(),
        json.path("transitioning").asInt(),
        json.path("states").path("in-progress").asInt());
  }

  @Test
  void objectsAreCountedByNamespaceAndState() {
    var counts = new TypeCounts();
    counts.put("shop", "a", false, false);
    counts.put("shop", "b", true, true);
    counts.put("lab", "c", false, true);

    assertThat(counts.count(Scope.ALL).json())
        .isEqualTo(
            object(
                """
                {summary:{count:3,states:{error:1,'in-progress':1},errors:1,transitioning:2},
                  namespaces:{
                    lab:{count:1,states:{'in-progress':1},transitioning:1},
                    shop:{count:2,states:{error:1},errors:1,transitioning:1}}}\
                """));
  }

  @Test
  void anObjectCountsAsItIsNow() {
    var counts = new TypeCounts();
    counts.put("shop", "a", true, true);
    counts.put("shop", "a", false, false);

    assertThat(counts.count(Scope.ALL).all()).isEqualTo(new States(1, 0, 0, 0));
  }

  @Test
  void namespacesThatHaveBecomeEmptyStay() {
    var counts = new TypeCounts();
    counts.put("shop", "a", true, false);
    counts.remove("shop", "a");
    counts.remove("shop", "nosuch");

    assertThat(counts.count(Scope.ALL).json())
        .isEqualTo(object("{summary:{},namespaces:{shop:{}}}"));
  }

  @Test
  void objectsOutsideOfNamespacesCountInNone() {
    var counts = new TypeCounts();
    counts.put("", "node-1", false, false);

    assertThat(counts.count(Scope.ALL).json()).isEqualTo(object("{summary:{count:1}}"));
  }

  @Test
  void nobodyCountsWhatTheyMayNotSee() {
    var counts = new TypeCounts();
    counts.put("shop", "a", true, false);
    counts.put("shop", "b", false, false);
    counts.put("lab", "a", false, false);
    counts.put("bank", "a", false, false);

    var some = new Scope(false, Set.of("lab"), Map.of("shop", Set.of("a", "nosuch")));

    assertThat(counts.count(some).json())
        .isEqualTo(
            object(
                """
                {summary:{count:2,states:{error:1},errors:1},
                  namespaces:{lab:{count:1},shop:{count:1,states:{error:1},errors:1}}}\
                """));
    assertThat(counts.count(Scope.NOTHING).json()).isEqualTo(object("{summary:{}}"));
  }

  @Test
  void countsStayRightWhateverComesAndGoes() {
    var counts = new TypeCounts();
    var objects = new HashMap<String, States>();
    var random = new Random(1);
    for (int i = 0; i < 50_000; i++) {
      var name = "n" + random.nextInt(3000);
      if (random.nextInt(3) == 0) {
        counts.remove("shop", name);
        objects.remove(name);
      } else {
        boolean error = random.nextBoolean();
        boolean changing = random.nextBoolean();
        counts.put("shop", name, error, changing);
        objects.put(name, States.NONE.plus(1, error, changing));
      }
    }

    assertThat(counts.size()).isEqualTo(objects.size());
    var all = counts.count(Scope.ALL).all();
    assertThat(all.count()).isEqualTo(objects.size());
    assertThat(all.errors()).isEqualTo(objects.values().stream().mapToInt(States::errors).sum());
    assertThat(all.inProgress())
        .isEqualTo(objects.values().stream().mapToInt(States::inProgress).sum());
    assertThat(counts.count(new Scope(false, Set.of(), Map.of("shop", objects.keySet()))).all())
        .isEqualTo(all);
    counts.clear();
    assertThat(counts.count(Scope.ALL).all()).isEqualTo(States.NONE);
  }

  @Test
  void anObjectTakesFortyBytesAtMost() {
    var counts = new TypeCounts();
    for (int i = 0; i < 100_000; i++) {
      counts.put("shop", "n" + i, false, false);
      if (i > 1000) {
        assertThat(counts.bytes()).isLessThanOrEqualTo(40L * (i + 1));
      }
    }
  }

  @Test
  void theFirstChangeIsToldAtOnceAndLaterOnesEveryFiveSeconds() {
    var stream = new CountsStream(clock, Map.of());
    assertThat(stream.untilNext()).isEmpty();
    assertThat(stream.next(type -> one(1))).isEmpty();

    stream.changed("pod");
    assertThat(stream.untilNext()).contains(Duration.ZERO);
    assertThat(stream.next(type -> one(1))).contains(object("{pod:{summary:{count:1}}}"));

    clock.advance(Duration.ofSeconds(1));
    stream.changed("pod");
    stream.changed("node");
    assertThat(stream.untilNext()).contains(Duration.ofSeconds(4));
    assertThat(stream.next(type -> one(2))).isEmpty();

    clock.advance(Duration.ofSeconds(4));
    assertThat(stream.next(type -> one(2)))
        .contains(object("{node:{summary:{count:2}},pod:{summary:{count:2}}}"));
    assertThat(stream.untilNext()).isEmpty();
  }

  @Test
  void onlyCountsThatAreOthersThanBeforeAreTold() {
    var stream = new CountsStream(clock, Map.of("pod", one(1)));

    stream.changed("pod");
    stream.changed("node");
    assertThat(stream.next(type -> type.equals("pod") ? one(1) : null)).isEmpty();

    // Nothing was told, so that nothing has to wait.
    stream.changed("pod");
    assertThat(stream.next(type -> one(2))).contains(object("{pod:{summary:{count:2}}}"));
  }

  private static Count one(int count) {
    return new Count(new States(count, 0, 0, 0), Map.of());
  }
}
