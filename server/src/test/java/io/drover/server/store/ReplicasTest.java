package io.drover.server.store;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.server.store.Condition.Status;
import io.drover.server.store.Replicas.Held;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.store.Replicas.Tunnel;
import java.net.URI;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
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
class ReplicasTest {
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");
  private static final String CLUSTER = "CLUSTER";
  private static final String STEVE = "STEVE";

  @Parameter private TestDatabase kind;
  @TempDir private Path directory;
  private Database database;
  private Store store;
  private Replicas replicas;
  private String cluster;

  @BeforeEach
  void open() throws Exception {
    database = kind.open(directory);
    store = new Store(database, () -> NOW);
    replicas = new Replicas(database);
    cluster = store.createCluster(ClusterSpec.named("prod")).id();
    replicas.add(replica("r-a"));
    replicas.add(replica("r-b"));
  }

  @AfterEach
  void close() {
    database.close();
  }

  private static Replica replica(String id) {
    return new Replica(id, URI.create("https://" + id + ":8443"), "pem of " + id, "hash", 0);
  }

  private Set<String> hold(String replicaId, String kind, String... sessionIds) {
    return replicas.hold(replicaId, List.of(new Held(cluster, kind, Set.of(sessionIds))));
  }

  private List<String> held(String kind) {
    return replicas.tunnels(cluster, kind).stream().map(Tunnel::sessionId).toList();
  }

  private boolean isMine(String replicaId) {
    var duty = replicas.dutyOf(replicaId);
    boolean mine = duty.mine().test(cluster);
    assertThat(duty.isMine(cluster)).isEqualTo(mine);
    assertThat(database.<Boolean, RuntimeException>read(from -> duty.isMine(from, cluster)))
        .isEqualTo(mine);
    return mine;
  }

  @Test
  void sessionsAreThereUntilTheyAreNotHeldAnyMoreTheNewestFirst() {
    assertThat(hold("r-a", CLUSTER, "a1")).isEmpty();
    assertThat(hold("r-b", CLUSTER, "b1")).isEmpty();
    assertThat(hold("r-a", CLUSTER, "a1", "a2")).isEmpty();
    assertThat(hold("r-a", STEVE, "a3")).isEmpty();

    assertThat(held(CLUSTER)).containsExactly("a2", "b1", "a1");
    assertThat(held(STEVE)).containsExactly("a3");
    assertThat(replicas.tunnels()).hasSize(4).contains(new Tunnel("b1", "r-b", cluster, CLUSTER));

    hold("r-a", CLUSTER, "a2");
    assertThat(held(CLUSTER)).containsExactly("a2", "b1");
    hold("r-a", CLUSTER);
    assertThat(held(CLUSTER)).containsExactly("b1");
  }

  @Test
  void whatAServerHeldGoesWithIt() {
    hold("r-a", CLUSTER, "a1");
    hold("r-b", CLUSTER, "b1");

    replicas.remove("r-b");

    assertThat(held(CLUSTER)).containsExactly("a1");
    assertThat(replicas.all()).extracting(Replica::id).containsExactly("r-a");
    assertThat(isMine("r-a")).isTrue();
  }

  @Test
  void serverThatWasGivenUpHoldsNothing() {
    replicas.remove("r-b");

    hold("r-b", CLUSTER, "b1");

    assertThat(held(CLUSTER)).isEmpty();
    assertThat(replicas.beat("r-b")).extracting(Replica::id).containsExactly("r-a");
    assertThat(isMine("r-b")).isFalse();
  }

  @Test
  void sessionsOfADeletedClusterAreTold() {
    hold("r-a", CLUSTER, "a1");
    store.deleteCluster(cluster);

    assertThat(replicas.tunnels()).isEmpty();
    assertThat(hold("r-a", CLUSTER, "a1")).containsExactly(cluster);
  }

  @Test
  void clusterIsLookedAfterWhereItsAgentCameInLastAndElseByTheFirst() {
    assertThat(isMine("r-a")).isTrue();
    assertThat(isMine("r-b")).isFalse();

    hold("r-b", STEVE, "b1");
    assertThat(isMine("r-a")).isFalse();
    assertThat(isMine("r-b")).isTrue();
    hold("r-b", STEVE);
    assertThat(isMine("r-b")).as("it knows best why the agent has gone").isTrue();

    hold("r-a", STEVE, "a1");
    assertThat(isMine("r-a")).isTrue();
    replicas.remove("r-a");
    assertThat(isMine("r-b")).isTrue();
  }

  @Test
  void onlyWhoeverLooksAfterAClusterWritesItsConditions() {
    var conditions = new Conditions(database);
    var up = new Condition(Condition.Type.CONNECTED, Status.TRUE, "", "", NOW, NOW);
    var down = up.with(Status.FALSE, "Disconnected", "", NOW.plusSeconds(1));
    hold("r-b", STEVE, "b1");

    assertThat(conditions.save(cluster, List.of(up), replicas.dutyOf("r-b"))).isTrue();
    assertThat(conditions.save(cluster, List.of(down), replicas.dutyOf("r-a"))).isFalse();

    assertThat(conditions.of(cluster)).containsExactly(up);
    assertThat(conditions.changes(cluster)).hasSize(1);
    assertThat(conditions.ofAll()).containsOnlyKeys(cluster);
  }

  @Test
  void deadServerIsTakenOutUnlessItGivesASignOfLife() {
    var before = replicas.find("r-b").orElseThrow();
    assertThat(replicas.beat("r-b")).extracting(Replica::beats).containsExactly(0L, 1L);

    assertThat(replicas.removeDead(before)).isFalse();
    assertThat(replicas.removeDead(replicas.find("r-b").orElseThrow())).isTrue();

    assertThat(replicas.find("r-b")).isEmpty();
  }

  @Test
  void nextServerAtAnAddressTakesTheFormerOnesPlace() {
    replicas.add(new Replica("r-c", URI.create("https://r-a:8443"), "pem", "hash", 0));

    assertThat(replicas.all()).extracting(Replica::id).containsExactly("r-b", "r-c");
  }

  @Test
  void manyThatComeAtOneTimeAreAllThere() throws Exception {
    int each = 20;
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var tasks = new ArrayList<Future<?>>();
      for (var replica : List.of("r-a", "r-b")) {
        for (int i = 0; i < each; i++) {
          var id = store.createCluster(ClusterSpec.named(replica + "-" + i)).id();
          var held = new Held(id, CLUSTER, Set.of("session-" + replica + i));
          tasks.add(threads.submit(() -> replicas.hold(replica, List.of(held))));
          tasks.add(threads.submit(() -> replicas.beat(replica)));
        }
      }
      for (var task : tasks) {
        task.get();
      }
    }

    assertThat(replicas.tunnels()).hasSize(2 * each);
    assertThat(replicas.all()).extracting(Replica::beats).containsExactly((long) each, (long) each);
  }
}
