package io.drover.server.store;

import static java.time.temporal.ChronoUnit.MILLIS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.List;
import java.util.Map;
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
class StoreTest {
  private static final ClusterSpec SPEC =
      new ClusterSpec(
          "prod",
          "registry.example.org:5000/a",
          "registry.example.org/agent:2",
          "-----BEGIN CERTIFICATE-----\n…",
          List.of(new EnvVar("HTTPS_PROXY", "http://p:1"), new EnvVar("A", "'\"\\ ü")));

  @Parameter private TestDatabase kind;
  @TempDir private Path directory;
  private Instant now = Instant.parse("2026-01-01T00:00:00.123Z");
  private String url;
  private Database database;
  private Store store;

  @BeforeEach
  void open() throws Exception {
    url = kind.url(directory);
    database = Database.open(url);
    store = new Store(database, () -> now);
  }

  @AfterEach
  void close() {
    database.close();
  }

  private void reopen() throws IOException {
    database.close();
    database = Database.open(url);
    store = new Store(database, () -> now);
  }

  @Test
  void everythingIsThereAfterARestart() throws IOException {
    var installId = store.installId();
    var made = store.createCluster(SPEC);
    assertThat(store.cluster(made.id())).contains(made);
    store.connected(made.id(), "https://10.43.0.1:443");
    store.detected(made.id(), "{\"gitVersion\":\"v1.36.2+k3s1\"}", "k3s");
    store.detected(made.id(), "", "");
    store.manifestFetched(made.id());
    store.contacted(made.id(), "192.0.2.7");

    reopen();

    assertThat(store.installId()).isEqualTo(installId);
    var cluster = store.cluster(made.id()).orElseThrow();
    assertThat(store.clusters()).containsExactly(cluster);
    assertThat(cluster)
        .isEqualTo(
            new Cluster(
                made.id(),
                SPEC,
                now,
                "imported",
                "https://10.43.0.1:443",
                "{\"gitVersion\":\"v1.36.2+k3s1\"}",
                "k3s",
                false));
    assertThat(made.isProvisioned()).isFalse();
    assertThat(cluster.isProvisioned()).isTrue();
    assertThat(store.contact(made.id()).manifestFetched()).contains(now);
    assertThat(store.contact(made.id()).last()).contains(now);
    assertThat(store.contact(made.id()).address()).isEqualTo("192.0.2.7");
  }

  @Test
  void idsAreInRanchersAlphabet() {
    assertThat(store.createCluster(SPEC).id()).matches("c-[" + RandomText.ALPHABET + "]{5}");
  }

  @Test
  void namesAreUniqueAndDeletedOnesFreeAgain() {
    var cluster = store.createCluster(SPEC);
    assertThatThrownBy(() -> store.createCluster(ClusterSpec.named("prod")))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("cluster name is taken: prod");

    assertThat(store.deleteCluster(cluster.id())).isTrue();

    assertThat(store.cluster(cluster.id())).isEmpty();
    assertThat(store.deleteCluster(cluster.id())).isFalse();
    assertThat(store.createCluster(SPEC).id()).isNotEqualTo(cluster.id());
  }

  @Test
  void clustersAreInTheOrderInWhichTheyWereMade() {
    for (var name : List.of("c", "a", "b")) {
      store.createCluster(ClusterSpec.named(name));
      now = now.plusMillis(1);
    }

    assertThat(store.clusters()).extracting(Cluster::name).containsExactly("c", "a", "b");
  }

  @Test
  void unknownClusterIsNeverMadeByANote() {
    store.connected("c-zzzzz", "https://x");
    store.contacted("c-zzzzz", "x");
    store.lastSeen("c-zzzzz", now);
    store.manifestFetched("c-zzzzz");

    assertThat(store.clusters()).isEmpty();
    assertThat(store.contact("c-zzzzz").last()).isEmpty();
  }

  @Test
  void lastContactsAreThoseOfTheClustersThatCame() {
    var came = store.createCluster(SPEC);
    store.createCluster(ClusterSpec.named("other"));
    assertThat(store.lastContacts()).isEmpty();

    store.contacted(came.id(), "192.0.2.7");

    assertThat(store.lastContacts()).containsOnly(Map.entry(came.id(), now.truncatedTo(MILLIS)));
  }

  @Test
  void adminTokenIsKeptAndForItsOwnerOnly() throws IOException {
    var file = directory.resolve("admin-token");
    var made = Store.adminToken(file);

    assertThat(Store.adminToken(file)).isEqualTo(made);
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(made.toString()).isEqualTo("***");
    assertThat(made.matches(made.value())).isTrue();
    assertThat(made.matches("")).isFalse();
  }
}
