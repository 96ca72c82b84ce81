package io.drover.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.server.store.Condition.Status;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
@ParameterizedClass
@EnumSource(TestDatabase.class)
@SuppressWarnings("NullAway.Init") // open() sets everything
class ConditionsTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final Condition DOWN =
      new Condition(
          Condition.Type.CONNECTED, Status.FALSE, "Disconnected", "ping failed", NOW, NOW);

  @Parameter private TestDatabase kind;
  @TempDir private Path directory;
  private Database database;
  private Store store;
  private Conditions conditions;
  private String cluster;

  @BeforeEach
  void open() throws Exception {
    database = kind.open(directory);
    store = new Store(database, () -> NOW);
    conditions = new Conditions(database);
    cluster = store.createCluster(ClusterSpec.named("prod")).id();
  }

  @AfterEach
  void close() {
    database.close();
  }

  @Test
  void newestStateAndEveryChangeAreKept() {
    var again = DOWN.with(Status.FALSE, "Disconnected", "still", NOW.plusSeconds(1));
    var up = again.with(Status.TRUE, "", "", NOW.plusSeconds(2));

    assertThat(conditions.save(cluster, List.of(DOWN), Duty.ALONE)).isTrue();
    assertThat(conditions.save(cluster, List.of(again), Duty.ALONE)).isTrue();
    assertThat(conditions.save(cluster, List.of(up), Duty.ALONE)).isTrue();
    assertThat(conditions.save(cluster, List.of(), Duty.ALONE)).isTrue();

    assertThat(again.lastTransition()).isEqualTo(NOW);
    assertThat(up.with(Status.TRUE, "", "", NOW.plusSeconds(3))).isSameAs(up);
    assertThat(conditions.of(cluster)).containsExactly(up);
    assertThat(conditions.changes(cluster))
        .extracting(change -> change.changed() + " " + change.status() + change.message())
        .containsExactly(
            "2026-01-01T00:00:00Z FALSEping failed",
            "2026-01-01T00:00:01Z FALSEstill",
            "2026-01-01T00:00:02Z TRUE");
  }

  @Test
  void oldestChangesGoAtTheLimit() {
    for (int i = 0; i < Conditions.MAX_CHANGES + 3; i++) {
      assertThat(
              conditions.save(
                  cluster,
                  List.of(DOWN.with(Status.FALSE, "x", "" + i, NOW.plusSeconds(i))),
                  Duty.ALONE))
          .isTrue();
    }

    var changes = conditions.changes(cluster);
    assertThat(changes).hasSize(Conditions.MAX_CHANGES);
    assertThat(changes.getFirst().message()).isEqualTo("3");
  }

  @Test
  void deletedClusterGetsNone() {
    assertThat(conditions.save(cluster, List.of(DOWN), Duty.ALONE)).isTrue();
    store.deleteCluster(cluster);

    assertThat(conditions.save(cluster, List.of(DOWN), Duty.ALONE)).isTrue();

    assertThat(conditions.of(cluster)).isEmpty();
    assertThat(conditions.changes(cluster)).isEmpty();
  }
}
