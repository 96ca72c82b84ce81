package io.drover.server.peer;

import static org.assertj.core.api.Assertions.assertThat;

import io.drover.server.store.Database;
import io.drover.server.store.Replicas;
import io.drover.server.store.Replicas.Replica;
import io.drover.server.tunnel.Sessions;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who lives, as each server sees it, by a clock that the test moves. */
@Timeout(60)
@SuppressWarnings("NullAway.Init") // join() sets everything
class PeersTest {
  private static final Duration STEP = Duration.ofSeconds(5);

  @TempDir private Path directory;
  private final AtomicLong nanos = new AtomicLong(-7);
  private Database database;
  private Replicas replicas;
  private Peers one;
  private Peers other;

  @BeforeEach
  void join() throws Exception {
    database = Database.open(Database.fileIn(directory));
    replicas = new Replicas(database);
    one = join("one");
    other = join("other");
    other.look();
    one.look();
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
    database.close();
  }

  private Peers join(String name) {
    return Peers.join(
        replicas, new Sessions(), URI.create("https://" + name), "pem of " + name, nanos::get);
  }

  private List<String> living() {
    return replicas.all().stream().map(Replica::id).toList();
  }

  private void pass(Duration time) {
    nanos.addAndGet(time.toNanos());
  }

  @Test
  void serverThatIsSilentForTooLongIsTakenOut() {
    for (int i = 0; i < Peers.DEAD_AFTER.dividedBy(STEP); i++) {
      pass(STEP);
      one.look();
    }
    assertThat(living()).containsExactlyInAnyOrder(one.id(), other.id());

    pass(Duration.ofNanos(1));
    one.look();

    assertThat(living()).containsExactly(one.id());
  }

  @Test
  void serverThatGivesASignOfLifeStays() {
    for (int i = 0; i < 10; i++) {
      pass(STEP);
      one.look();
      other.look();
    }

    assertThat(living()).containsExactlyInAnyOrder(one.id(), other.id());
  }

  @Test
  void silenceMeansNothingWhereOneCouldNotLook() {
    pass(Duration.ofMinutes(5)); // the database was away, for both

    one.look();
    pass(STEP);
    other.look();
    one.look();

    assertThat(living()).containsExactlyInAnyOrder(one.id(), other.id());
  }

  @Test
  void serverThatWasGivenUpJoinsAgain() {
    replicas.remove(other.id());

    other.look();

    assertThat(living()).containsExactlyInAnyOrder(one.id(), other.id());
  }

  @Test
  void serverThatStopsLeavesAtOnce() {
    other.close();

    assertThat(living()).containsExactly(one.id());
  }

  @Test
  void untilANewCertificateIsShownBothAreTrusted() {
    one.replaceCertificate(" and the next");
    assertThat(replicas.find(one.id()).orElseThrow().certificates())
        .isEqualTo("pem of one and the next");

    one.look();

    assertThat(replicas.find(one.id()).orElseThrow().certificates()).isEqualTo(" and the next");
  }
}
